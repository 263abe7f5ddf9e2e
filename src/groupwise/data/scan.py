"""The scan: a manifest of every file of a folder of class folders, or of a table."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from groupwise.data.archive import READ_IN_PLACE, is_archive
from groupwise.data.array_files import REMEDY, name_arrays, say_instead
from groupwise.data.by_pattern import label_by_pattern
from groupwise.data.exclusion import CODE, exclude
from groupwise.data.folder import enter_archives, list_archive, list_class_folders, list_files
from groupwise.data.folder_tables import read_folder_tables
from groupwise.data.formats import FORMAT_OF_SUFFIX
from groupwise.data.group_names import tidy_groups
from groupwise.data.inspect import inspect
from groupwise.data.label_sets import refuse_bars, sets_of_folders
from groupwise.data.labelling import Labelled, label_by_folders
from groupwise.data.layout import FOLDERS, POOL
from groupwise.data.level_notes import note_rule
from groupwise.data.levels import settle
from groupwise.data.manifest import USABLE, Manifest, Sample
from groupwise.data.masks import count_masks, set_masks_aside
from groupwise.data.notes import (
    note_classes,
    note_forms,
    note_groups,
    note_outside,
    note_patients,
    note_series,
)
from groupwise.data.patterns import assign_groups, assign_labels, compile_pattern
from groupwise.data.pixel_reading import Reading
from groupwise.data.reading import CLASSES, SEVERAL, Labels, ReadOptions
from groupwise.data.table import Contents, read_contents, require_any, where_images_lie
from groupwise.data.table_files import SUFFIXES
from groupwise.data.targets import is_set, read_names, write_set
from groupwise.errors import GroupwiseError, UsageError

Progress = Callable[[int, int], None]


def scan(
    data: Path,
    options: ReadOptions = ReadOptions(),  # noqa: B008  # frozen
    *,
    reading: Reading = Reading(),  # noqa: B008  # frozen
    workers: int = os.cpu_count() or 1,
    progress: Progress | None = None,
) -> Manifest:
    """Look into every file below a folder, or every row of a table, and give each a status and a reason.

    In a folder the label is the folder that names a class: the first one, apart from those around all images
    and those of a ready split; `options` say otherwise. `reading` says what is known of deep pictures and of
    channels; what it leaves open is decided by all pictures together, and the manifest has it. Each file is
    read once and decoded in full, `workers` at a time; `progress` is called with the number of files done and
    of all. The result does not depend on `workers`.
    Raises UsageError for options that cannot be meant, and GroupwiseError where there are no images.
    """
    pattern = compile_pattern(options.group_regex, "--group-regex")
    _refuse_options(data, options)
    found, folders = _list_all(data, options)
    tidy, spelling = _tidy(found.samples if pattern is None else assign_groups(found.samples, pattern))
    if options.exclude is not None:
        tidy = exclude(tidy, options.exclude, found.root)
    samples = _inspect_all(tidy, found.root, reading, workers, progress)
    _require_images(data, samples)
    samples, words = _settle_labels(samples, found, options.labels)
    notes = [
        *found.notes,
        *note_groups(samples, pattern),
        *spelling,
        *note_patients(tidy, samples),
        *note_series(samples),
        *note_forms(samples),
        *note_outside(data, found.root, samples),
        *note_classes(samples, folders),
    ]
    return _settle(Manifest(found.root, tuple(samples), tuple(notes), words), reading)


def _settle_labels(samples: list[Sample], found: Contents, labels: Labels) -> tuple[list[Sample], str]:
    """The samples of class folders with sets of labels where these are asked for, and the layout in words."""
    if found.several:  # of the tables of a split, one may have had single labels alone
        one = [not is_set(sample.label) and sample.status in USABLE for sample in samples]
        return [
            replace(sample, label=write_set([sample.label])) if bare else sample
            for sample, bare in zip(samples, one, strict=True)
        ], found.words
    if labels == SEVERAL:
        joined = sets_of_folders(samples)
        shared = sum(len(read_names(sample.label)) > 1 for sample in joined)
        return joined, f"{found.words}, several labels an image ({shared:,} lie in several folders)"
    refuse_bars(samples)
    return samples, found.words


def scan_listed(
    root: Path,
    samples: Sequence[Sample],
    *,
    reading: Reading = Reading(),  # noqa: B008  # frozen
    progress: Progress | None = None,
) -> Manifest:
    """As `scan`, for files that the caller lists with labels and groups, at paths relative to `root`.

    Groups are as they are given: no spelling is joined with another, and only "" stands for a missing one.
    """
    done = _inspect_all(samples, root, reading, os.cpu_count() or 1, progress)
    _require_images(root, done)
    notes = (*note_patients(samples, done), *note_classes(done, []))
    return _settle(Manifest(root, tuple(done), notes), reading)


def _settle(manifest: Manifest, reading: Reading) -> Manifest:
    """Decide for all deep pictures together what becomes black and white in them, and say it."""
    deep = {sample.path: sample.depth for sample in manifest.usable if sample.depth}
    settled = settle(list(deep.values()), reading, [sample.channels for sample in manifest.usable])
    return replace(manifest, notes=(*manifest.notes, *note_rule(deep, settled)), reading=settled)


def _refuse_options(data: Path, options: ReadOptions) -> None:
    """Raise `UsageError` for options that `data` has no use for."""
    if options.label_regex is not None and data.is_file() and not is_archive(data):
        raise UsageError(
            f"{data} is a table, whose classes stand in a column",
            place="--label-regex",
            remedy="Use --label-column, or give the folder of the images.",
        )
    if options.root is None or options.root.is_dir():
        return
    if not is_archive(options.root):
        raise UsageError(
            "no such folder", place=f"--root {options.root}", remedy="Give the folder of the images."
        )
    if data.is_dir() or is_archive(data):
        raise UsageError(
            f"is an archive, and {data} is no table of what lies in it",
            place=f"--root {options.root}",
            remedy="Give the archive itself as DATA, or a table that lists its images.",
        )


def _list_all(data: Path, options: ReadOptions) -> tuple[Contents, list[str]]:
    """What lies below a folder, or in the rows of a table, and the names of class folders.

    Where all of it, and not a part, lies outside of the data's folder, it is taken from where it lies.
    """
    is_folder = os.path.isdir(data)  # noqa: PTH112  # Path.is_dir raises where the path may not be entered
    is_folder = is_folder or is_archive(data)
    found, folders = _list_folder(data, options) if is_folder else (_list_rows(data, options), [])
    samples = found.samples
    there = [one.path for one in samples if one.status == "ok"]
    inside = [path for path in there if not is_folder or Path(path).suffix.lower() in FORMAT_OF_SUFFIX]
    common = None if options.root or inside else where_images_lie(found.root, samples)
    if common is None:
        return found, folders
    found, folders = _list_all(data, replace(options, root=common))
    note = f"All images lie outside of the folder of {data}, and are taken from {common}, as by --root."
    return replace(found, notes=(note, *found.notes)), folders


def _list_folder(data: Path, options: ReadOptions) -> tuple[Contents, list[str]]:
    """What lies below a folder, and the names of its class folders."""
    place, root = data.resolve(), options.root
    labels = compile_pattern(options.label_regex, "--label-regex")
    if is_archive(place):
        samples = list_archive(place)
    else:
        samples = enter_archives(place, list_files(place, root.resolve() if root is not None else None))
    if labels is not None or options.layout == CLASSES:
        _refuse_columns(data, options)
    if labels is not None and options.layout == CLASSES:
        return Contents(tuple(assign_labels(samples, labels)), place, "classes by --label-regex"), []
    if options.layout == CLASSES:
        folders = [] if is_archive(place) else list_class_folders(place)
        return Contents(tuple(samples), place, "class folders, as asked"), folders
    if labels is None:
        tables = read_folder_tables(data, place, samples, options)
        if tables is not None:
            return tables, []
    _refuse_columns(data, options)
    samples = set_masks_aside(place, samples)
    if labels is not None:
        labelled = label_by_pattern(data, samples, labels, options.given)
    else:
        labelled = label_by_folders(data, samples, options.given)
    folders = _class_folders(place, labelled)
    masks = count_masks(samples)
    words = f"{labelled.words}; {masks:,} masks left out" if masks else labelled.words
    return Contents(labelled.samples, place, words, labelled.notes), folders


def _refuse_columns(data: Path, options: ReadOptions) -> None:
    """Raise `UsageError` for options that name columns, where there is no table."""
    unusual = options.unusual()
    for option, is_named, remedy in (
        ("--group-column", "group_column" in unusual, "Use --group-regex, or list the images in a CSV file."),
        (
            "--split.given",
            options.given not in (None, FOLDERS, POOL),
            "Give `folders` for a split that lies in folders.",
        ),
        ("--label-column", "label_column" in unusual, "Use --label-regex, or list the images in a CSV file."),
        ("--path-column", "path_column" in unusual, "Leave it out, or list the images in a CSV file."),
    ):
        if is_named:
            raise UsageError(f"{data} is a folder, which has no columns", place=option, remedy=remedy)


def _class_folders(place: Path, labelled: Labelled) -> list[str]:
    """Names of the folders that stand for a class: each that gave one, and each that holds nothing at all."""
    if labelled.classes_in is None or is_archive(place):
        return []
    depth = len(labelled.classes_in)
    parts = [sample.path.split("/") for sample in labelled.samples]
    filled = {one[depth] for one in parts if len(one) > depth + 1}
    labels = {sample.label for sample in labelled.samples}
    names = list_class_folders(Path(place, *labelled.classes_in))
    return [name for name in names if name in labels or name not in filled]


def _list_rows(data: Path, options: ReadOptions) -> Contents:
    if not os.path.lexists(data):
        raise UsageError("no such file or folder", place=data, remedy="Check the path.")
    if data.suffix.lower() not in SUFFIXES:
        if kind := name_arrays(data.name):
            raise GroupwiseError(f"holds {kind}, and is not read", place=data, remedy=REMEDY)
        raise GroupwiseError(
            "neither a folder nor a CSV file",
            place=data,
            remedy="Give a folder of class folders, a .zip or .tar of such, or a table that ends in one of"
            f" {', '.join(SUFFIXES)}; a spreadsheet can be saved as one.",
        )
    return read_contents(data, options)


def _tidy(samples: Sequence[Sample]) -> tuple[list[Sample], list[str]]:
    """One spelling for each group, and what was done about the others."""
    groups, notes = tidy_groups([sample.group for sample in samples])
    return [
        sample if sample.group == group else replace(sample, group=group)
        for sample, group in zip(samples, groups, strict=True)
    ], notes


def _inspect_all(
    samples: Sequence[Sample], root: Path, reading: Reading, workers: int, progress: Progress | None
) -> list[Sample]:
    done = []
    # Pillow's warnings are the manifest's business; the filter is process-wide, so it is set here, once.
    with warnings.catch_warnings(), ThreadPoolExecutor(max(1, workers)) as pool:
        warnings.simplefilter("ignore")
        for number, sample in enumerate(
            pool.map(partial(inspect, root=root, reading=reading), samples), start=1
        ):
            done.append(sample)
            if progress is not None:
                progress(number, len(samples))
    return done


def _require_images(data: Path, samples: Sequence[Sample]) -> None:
    require_any(data, samples)
    if all(sample.status == "ignored" for sample in samples):
        names = [sample.path for sample in samples if sample.codes != ("hidden",)]
        said, remedy = say_instead(names), "Give a folder that holds one folder of images a class."
        if left_out := sum(sample.codes == (CODE,) for sample in samples):
            said, remedy = (
                f" beside the {left_out:,} files that --exclude leaves out",
                "Take some off its list.",
            )
        elif any(map(name_arrays, names)):
            remedy = REMEDY
        elif packed := [name for name in names if name.lower().endswith(READ_IN_PLACE)]:
            remedy = f"Archives are read in place: give {data / packed[0]} as DATA."
        raise GroupwiseError(f"there are no images{said}", place=data, remedy=remedy)
