"""Tables that lie among the images of a folder and name their classes, as hubs and labelling tools do it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from groupwise.data.fold_names import name_folds
from groupwise.data.folder import TABLES_IN_FOLDERS
from groupwise.data.image_lists import is_image_name
from groupwise.data.labelling import refuse_ready_split
from groupwise.data.layout import FOLDERS, POOL, find_candidates
from groupwise.data.manifest import GIVEN_FOLD, Sample
from groupwise.data.places import OUTSIDE_ROOT, Places
from groupwise.data.reading import ReadOptions
from groupwise.data.table import Contents, read_contents, require_any
from groupwise.errors import GroupwiseError, UsageError

_SHARD = re.compile(r"(?:^|/)([^/]+)-\d{5}-of-\d{5}(?:-[0-9a-f]+)?\.parquet$")


class _NoClassesError(Exception):
    """A table names no classes of images; carries the refusal that says why."""

    def __init__(self, refusal: GroupwiseError) -> None:
        self.refusal = refusal


def read_folder_tables(
    data: Path, place: Path, samples: Sequence[Sample], options: ReadOptions
) -> Contents | None:
    """What the tables in a folder, or in each folder of its split, list; None where none names classes."""
    try:
        if shards := _find_shards(samples):
            return _read_shards(data, place, shards, options)
        tables = [PurePosixPath(s.path) for s in samples if PurePosixPath(s.path).name in TABLES_IN_FOLDERS]
        if top := [path for path in tables if len(path.parts) == 1]:
            return _read(place / top[0], options, has_folders=_have_folders(samples, ""))
        folds = name_folds([path.parts[0] for path in tables if len(path.parts) == 2])
        parts = {path.parts[0]: path for path in tables if len(path.parts) == 2 and path.parts[0] in folds}
        return _read_split(data, place, samples, parts, options) if parts else None
    except _NoClassesError as none:  # captions or boxes, say: the folders name the classes then
        if options.names_columns():
            raise none.refusal from None
        return None


def _read_split(
    data: Path,
    place: Path,
    samples: Sequence[Sample],
    tables: Mapping[str, PurePosixPath],
    options: ReadOptions,
) -> Contents:
    """What the table in each folder of a split lists; raises `_NoClassesError` where none names any."""
    folds = name_folds(tables)
    read: dict[str, Contents] = {}
    none: list[_NoClassesError] = []
    notes: list[str] = []
    for name, path in tables.items():
        has_folders = _have_folders(samples, f"{name}/")
        try:
            read[name] = _read(place / path, _within_folds(options), has_folders=has_folders)
        except _NoClassesError as error:
            none.append(error)
            notes.append(f"{path} is not used ({error.refusal.fact}): the images of {name} have no class.")
    if not read:
        raise none[0]
    if options.given not in (FOLDERS, POOL):
        refuse_ready_split(data, place, folds)
    moved = [
        _give_fold(sample, folds[name] if options.given == FOLDERS else "")
        for name, listing in read.items()
        for sample in _list_from(place, name, listing, options)
    ]
    if options.root is None:
        moved += _list_without_class(samples, read)
    first = next(iter(read.values()))
    how = "used as it is" if options.given == FOLDERS else "divided anew"
    words = f"a ready split in folders, {', '.join(read)}, {how}, each with {first.words}"
    several = any(listing.several for listing in read.values())
    root = first.root if options.root is not None else place
    return Contents(tuple(_leave_repeats(moved)), root, words, (*first.notes, *notes), several)


def _within_folds(options: ReadOptions) -> ReadOptions:
    """The options for one table of several: which fold each is of, its own rows do not say."""
    return replace(options, given=None) if options.given == FOLDERS else options


def _list_from(place: Path, folder: str, listing: Contents, options: ReadOptions) -> list[Sample]:
    """The samples of the table in a folder, with paths below `place`, or below the root that is given."""
    if options.root is not None:
        return list(listing.samples)
    around = Places(place / folder, None)
    return [_lift(sample, folder, around) for sample in listing.samples]


def _leave_repeats(samples: Sequence[Sample]) -> list[Sample]:
    """The samples, of which a file that several folders of a split list counts in the first."""
    seen: set[str] = set()
    left = []
    for sample in samples:
        again = sample.status == "ok" and sample.path in seen
        reason = "listed-twice: the table of another fold names the same file"
        left.append(replace(sample, status="ignored", reason=reason) if again else sample)
        seen.add(sample.path)
    return left


def _list_without_class(samples: Sequence[Sample], read: Collection[str]) -> list[Sample]:
    """The images in folders of a split of which no table was `read` that names classes."""
    tops = [(sample, PurePosixPath(sample.path).parts[0]) for sample in find_candidates(samples)]
    rest = name_folds({top for _, top in tops}).keys() - read
    return [replace(sample, label="") for sample, top in tops if top in rest]


def _find_shards(samples: Sequence[Sample]) -> dict[str, str]:
    """The split that each file of a hub's data set belongs to, by path; none where images lie beside them."""
    parts = {s.path: match[1] for s in samples if (match := _SHARD.search(s.path))}
    has_images = any(is_image_name(sample.path) for sample in samples)
    return {} if has_images else parts


def _read_shards(data: Path, place: Path, shards: Mapping[str, str], options: ReadOptions) -> Contents:
    folds = name_folds(set(shards.values()))
    if len(folds) > 1 and options.given not in (FOLDERS, POOL):
        refuse_ready_split(data, place, folds)
    inner = replace(_within_folds(options), root=None)
    samples: list[Sample] = []
    several = False
    for path, part in shards.items():
        listing = _read(place / path, inner, has_folders=False)
        several |= listing.several
        fold = folds.get(part, "") if options.given == FOLDERS else ""
        folder = PurePosixPath(path).parent.as_posix()
        samples += [replace(_give_fold(one, fold), path=f"{folder}/{one.path}") for one in listing.samples]
    how = f"; splits {', '.join(dict.fromkeys(shards.values()))}"
    return Contents(
        tuple(samples), place, f"{len(shards)} files, as {listing.words}{how}", listing.notes, several
    )


def _have_folders(samples: Sequence[Sample], below: str) -> bool:
    """Whether images lie in folders below a place, which may be their classes."""
    return any(
        "/" in one.path[len(below) :] for one in find_candidates(samples) if one.path.startswith(below)
    )


def _read(file: Path, options: ReadOptions, *, has_folders: bool) -> Contents:
    """What a table lists; raises `_NoClassesError` where it names no classes of images.

    One that leads to no file may describe the classes, where images lie in folders that name them.
    """
    try:
        listing = read_contents(file, options)
        if has_folders:
            require_any(file, listing.samples)
    except UsageError:
        raise
    except GroupwiseError as error:
        raise _NoClassesError(error) from None
    return replace(listing, words=f"{file.name}, {listing.words}")


def _lift(sample: Sample, folder: str, around: Places) -> Sample:
    """A sample of the table in a folder, its path from the place `around` that on; it may lead there."""
    if sample.codes != (OUTSIDE_ROOT,):
        return replace(sample, path=f"{folder}/{sample.path}")
    path = posixpath.normpath(posixpath.join(folder, sample.path))
    return around.locate(replace(sample, path=path, status="ok", reason=""))


def _give_fold(sample: Sample, fold: str) -> Sample:
    return replace(sample, extra={**sample.extra, GIVEN_FOLD: fold}) if fold else sample
