"""Tables that lie among the images of a folder and name their classes, as hubs and labelling tools do it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from groupwise.data.fold_names import name_folds
from groupwise.data.folder import TABLES_IN_FOLDERS
from groupwise.data.image_lists import is_image_name
from groupwise.data.labelling import refuse_ready_split
from groupwise.data.layout import FOLDERS, POOL
from groupwise.data.manifest import GIVEN_FOLD, Sample
from groupwise.data.reading import Labels
from groupwise.data.table import Contents, read_contents
from groupwise.errors import GroupwiseError, UsageError

_SHARD = re.compile(r"(?:^|/)([^/]+)-\d{5}-of-\d{5}\.parquet$")


def read_folder_tables(
    data: Path,
    place: Path,
    samples: Sequence[Sample],
    *,
    root: Path | None,
    given: str | None,
    group_column: str | None,
    labels: Labels,
) -> Contents | None:
    """What the tables in a folder, or in each folder of its split, list; None where none names classes."""
    if shards := _find_shards(samples):
        return _read_shards(data, place, shards, given=given, group_column=group_column, labels=labels)
    tables = [PurePosixPath(s.path) for s in samples if PurePosixPath(s.path).name in TABLES_IN_FOLDERS]
    top = [path for path in tables if len(path.parts) == 1]
    if top:
        return _read(place / top[0], root, given, group_column, labels)
    folds = name_folds([path.parts[0] for path in tables if len(path.parts) == 2])
    listings = {
        name: _read(place / path, root, None, group_column, labels)
        for path in tables
        if (name := path.parts[0]) in folds
    }
    read = {name: listing for name, listing in listings.items() if listing is not None}
    if not read:
        return None
    if given not in (FOLDERS, POOL):
        refuse_ready_split(data, place, folds)
    moved = [
        _move(sample, name, folds[name] if given == FOLDERS else "")
        for name, listing in read.items()
        for sample in listing.samples
    ]
    first = next(iter(read.values()))
    how = "used as it is" if given == FOLDERS else "divided anew"
    words = f"a ready split in folders, {', '.join(read)}, {how}, each with {first.words}"
    several = any(listing.several for listing in read.values())
    return Contents(tuple(moved), place, words, first.notes, several)


def _find_shards(samples: Sequence[Sample]) -> dict[str, str]:
    """The split that each file of a hub's data set belongs to, by path; none where images lie beside them."""
    parts = {s.path: match[1] for s in samples if (match := _SHARD.search(s.path))}
    has_images = any(is_image_name(sample.path) for sample in samples)
    return {} if has_images else parts


def _read_shards(
    data: Path,
    place: Path,
    shards: Mapping[str, str],
    *,
    given: str | None,
    group_column: str | None,
    labels: Labels,
) -> Contents | None:
    folds = name_folds(set(shards.values()))
    if len(folds) > 1 and given not in (FOLDERS, POOL):
        refuse_ready_split(data, place, folds)
    samples: list[Sample] = []
    listing, several = None, False
    for path, part in shards.items():
        listing = _read(place / path, None, None, group_column, labels)
        if listing is None:
            return None
        several |= listing.several
        folder = PurePosixPath(path).parent.as_posix()
        fold = folds.get(part, "") if given == FOLDERS else ""
        samples += [_move(sample, folder, fold) for sample in listing.samples]
    assert listing is not None
    how = f"; splits {', '.join(dict.fromkeys(shards.values()))}"
    return Contents(
        tuple(samples), place, f"{len(shards)} files, as {listing.words}{how}", listing.notes, several
    )


def _read(
    file: Path, root: Path | None, given: str | None, group_column: str | None, labels: Labels
) -> Contents | None:
    try:
        listing = read_contents(file, root=root, given=given, group_column=group_column, labels=labels)
    except UsageError:
        raise
    except GroupwiseError:  # captions or boxes, say: the folders name the classes then
        return None
    return replace(listing, words=f"{file.name}, {listing.words}")


def _move(sample: Sample, folder: str, fold: str) -> Sample:
    extra = {**sample.extra, GIVEN_FOLD: fold} if fold else sample.extra
    return replace(sample, path=f"{folder}/{sample.path}", extra=extra)
