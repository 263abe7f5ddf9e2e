"""Files beside the images that may say more than the folders do: classes, their names, lists of folds."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path, PurePosixPath

from groupwise.data.columns import list_paths
from groupwise.data.fold_names import is_ready_split, name_folds
from groupwise.data.layout import find_candidates
from groupwise.data.manifest import Sample
from groupwise.data.table_files import read_table
from groupwise.errors import GroupwiseError, UsageError

_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".manifest")
_ANNOTATIONS = (*_TABLES, ".txt", ".mat", ".lst")
_ANSWERS = re.compile(r"(?i)submission|(?:^|/)test[\W_]")  # tables for the images that have no class
_MOST_READ = 8
"""Tables that are opened to tell which of them names the classes."""

# Words of the name of a list that do not tell one fold from another.
_LIST_WORDS = re.compile(r"(?i)[ _.-]*(?:lists?|files?|names?|ids?|paths?|annotations?|labels?|index)$")
_WHOLE_SPLIT = re.compile(r"(?i)(?:train[ _-]?(?:val[ _-]?)?test|data(?:set)?)[ _-]?splits?")
_CLASS_NAMES = re.compile(
    r"(?i)(?:classes|class_?names?|labels|label_?names?|label_?map|names|synsets|categories|words|wnids"
    r"|(?:class|label|cat|idx|index|num)\w*_to_\w+|.*mapping?)\.(?:txt|json|csv|yaml|yml)"
)


def find_tables(data: Path, samples: Sequence[Sample]) -> list[str]:
    """Tables that may name the classes: first those that do by their columns, then those highest up."""
    tables = [sample.path for sample in samples if sample.path.lower().endswith(_TABLES)]
    beside = _find_sidecars(samples)
    found = [path for path in tables if path not in beside]
    found.sort(key=lambda path: (bool(_ANSWERS.search(path)), path.count("/"), path))
    naming = _naming_tables(data, samples, found)
    return naming + [path for path in found if path not in naming]


def _find_sidecars(samples: Sequence[Sample]) -> set[str]:
    """Files that stand beside one image each and are called as it is, as LabelMe writes them."""
    images = {str(PurePosixPath(sample.path).with_suffix("")) for sample in find_candidates(samples)}
    paths = [sample.path for sample in samples if sample.path.lower().endswith(_TABLES)]
    beside = {path for path in paths if str(PurePosixPath(path).with_suffix("")) in images}
    return beside if len(beside) > 1 else set()


def _naming_tables(data: Path, samples: Sequence[Sample], tables: Sequence[str]) -> list[str]:
    looked = tables[:_MOST_READ]
    stems = {PurePosixPath(sample.path).stem for sample in find_candidates(samples)}
    return [path for path in looked if _names_classes(data / path, stems)]


def note_table(data: Path, samples: Sequence[Sample], inside: Sequence[str]) -> list[str]:
    """That a table beside the class folders, which lie in `inside`, lists their images and is not read."""
    found = [sample.path for sample in samples if sample.status == "ok" and sample.path.endswith(_TABLES)]
    for path in _naming_tables(
        data, samples, [path for path in sorted(found) if path.split("/")[:-1] in ([], [*inside])]
    ):
        return [
            f"{path} lists these images, and is not read: the folders are the classes. If its classes, groups"
            f" or folds count, {_give(data, path)}."
        ]
    return []


def _give(data: Path, table: str) -> str:
    """How to give a table as DATA; one in an archive has to be taken out, and its images have not."""
    if data.is_dir():
        return f"give {shlex.quote(str(data / table))} as DATA"
    name = PurePosixPath(table).name
    root = shlex.quote(str(data))
    return f"take it out of the archive, and give {shlex.quote(name)} as DATA with --root {root}"


def _names_classes(file: Path, stems: Collection[str]) -> bool:
    try:
        paths = list_paths(file, read_table(file))
    except (GroupwiseError, UsageError):
        return False
    there = [PurePosixPath(path.replace("\\", "/")).stem in stems for path in paths]
    return sum(there) > len(there) / 2


def point_at(data: Path, samples: Sequence[Sample]) -> str | None:
    """The sentence that names a table which may hold the classes; None where there is no such file."""
    tables = find_tables(data, samples)
    if tables:
        return f"If {tables[0]} names the classes, {_give(data, tables[0])}."
    if beside := _find_sidecars(samples):
        return (
            f"Files such as {min(beside)} stand beside one image each and are not read: write their classes"
            " into one CSV with the columns path and label."
        )
    matlab = sorted(sample.path for sample in samples if sample.path.lower().endswith(".mat"))
    if matlab:
        return f"If {matlab[0]} names the classes: it is not read, so save it as a CSV of paths and classes."
    return None


def note_lists(samples: Sequence[Sample]) -> list[str]:
    """That files beside class folders may list the folds of a ready split, which nothing reads there."""
    by_folder: dict[str, list[PurePosixPath]] = defaultdict(list)
    for sample in samples:
        path = PurePosixPath(sample.path)
        if sample.status == "ok" and path.suffix.lower() in _ANNOTATIONS:
            by_folder[str(path.parent)].append(path)
    for _, paths in sorted(by_folder.items()):
        lists = _find_lists(paths)
        if lists:
            names = " and ".join(lists[:3])
            return [
                f"{names} may list the folds of a ready split, which is not used. To use it, give a CSV of"
                " the images with their folds in a column, and add --split.given with its name."
            ]
    return []


def _find_lists(paths: Iterable[PurePosixPath]) -> list[str]:
    plain = {path: _LIST_WORDS.sub("", path.stem) for path in paths}
    whole = sorted(str(path) for path, stem in plain.items() if _WHOLE_SPLIT.fullmatch(stem))
    if whole:
        return whole[:1]
    folds = name_folds(set(plain.values()))
    lists = sorted(str(path) for path, stem in plain.items() if stem in folds)
    return lists if is_ready_split(folds.values()) else []


def note_names(samples: Sequence[Sample], labels: Iterable[str]) -> list[str]:
    """That a file may hold the names of classes which are called by numbers."""
    known = set(labels)
    if len(known) < 2 or not all(re.fullmatch(r"n?\d+", label) for label in known):
        return []
    paths = sorted(
        sample.path for sample in samples if _CLASS_NAMES.fullmatch(PurePosixPath(sample.path).name)
    )
    return [
        f"The classes are called by number, as their folders are. {path} may hold their names: rename the"
        " folders to see those in the answers."
        for path in paths[:1]
    ]
