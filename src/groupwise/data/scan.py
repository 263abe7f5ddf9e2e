"""Turns a folder of class folders, or a CSV of paths and labels, into a manifest of every file."""

from __future__ import annotations

import os
import re
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from groupwise.data.dicom import PATIENT
from groupwise.data.inspect import inspect
from groupwise.data.levels import Reading, note_rule, settle
from groupwise.data.listing import read_listing
from groupwise.data.manifest import USABLE, Manifest, Sample
from groupwise.data.sniff import FORMAT_OF_SUFFIX
from groupwise.data.walk import list_class_folders, walk
from groupwise.errors import GroupwiseError, UsageError

SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
Progress = Callable[[int, int], None]


def scan(
    data: Path,
    *,
    group_column: str | None = None,
    group_regex: str | None = None,
    label_column: str = "label",
    path_column: str = "path",
    reading: Reading = Reading(),  # noqa: B008  # frozen
    workers: int = os.cpu_count() or 1,
    progress: Progress | None = None,
) -> Manifest:
    """Look into every file below a folder, or every row of a CSV, and give each a status and a reason.

    In a folder the first folder below it is the label. In a CSV the paths are relative to the CSV's folder.
    The group is the cell in `group_column`, or what `group_regex` finds in the relative path: its first
    capture group, or the whole match. `reading` says what is known of deep pictures and of channels; what it
    leaves open is decided by all pictures together, and the manifest has it. Each file is read once and
    decoded in full, `workers` at a time; `progress` is called with the number of files done and of all. The
    result does not depend on `workers`.
    Raises UsageError for options that cannot be meant, and GroupwiseError where there are no images.
    """
    pattern = _compile(group_regex, group_column)
    is_folder = os.path.isdir(data)  # noqa: PTH112  # Path.is_dir raises where the path may not be entered
    if is_folder:
        samples, root = _list_folder(data, group_column), data.resolve()
    else:
        samples, root = _list_rows(data, group_column, label_column, path_column), data.parent.resolve()
    if pattern is not None:
        samples = _assign_groups(samples, pattern)
    samples = _inspect_all(samples, root, reading, workers, progress)
    _require_images(data, samples)
    folders = list_class_folders(root) if is_folder else []
    notes = [*_note_groups(samples, pattern), *_note_classes(samples, folders)]
    return _settle(root, samples, notes, reading)


def scan_listed(
    root: Path,
    samples: Sequence[Sample],
    *,
    reading: Reading = Reading(),  # noqa: B008  # frozen
    workers: int = os.cpu_count() or 1,
    progress: Progress | None = None,
) -> Manifest:
    """As `scan`, for files that the caller lists with labels and groups, at paths relative to `root`."""
    done = _inspect_all(list(samples), root, reading, workers, progress)
    _require_images(root, done)
    return _settle(root, done, _note_classes(done, []), reading)


def _settle(root: Path, samples: Sequence[Sample], notes: Sequence[str], reading: Reading) -> Manifest:
    """Decide for all deep pictures together what becomes black and white in them, and say it."""
    deep = {sample.path: sample.depth for sample in samples if sample.status in USABLE and sample.depth}
    settled = settle(list(deep.values()), reading)
    patients = sum(sample.group.startswith(PATIENT) for sample in samples)
    said = [f"The groups of {patients:,} DICOM images are their patients, hashed."] if patients else []
    return Manifest(root, tuple(samples), (*notes, *said, *note_rule(deep, settled)), settled)


def _compile(group_regex: str | None, group_column: str | None) -> re.Pattern[str] | None:
    if group_regex is None:
        return None
    if group_column is not None:
        raise UsageError(
            "--group-column is given as well", place="--group-regex", remedy="Give one of them, not both."
        )
    try:
        return re.compile(group_regex)
    except re.error as error:
        raise UsageError(
            f"{group_regex!r} is not a regular expression ({error})",
            place="--group-regex",
            remedy="Give one such as `IMG_(\\d+)`, in quotes.",
        ) from None


def _list_folder(data: Path, group_column: str | None) -> list[Sample]:
    if group_column is not None:
        raise UsageError(
            f"{data} is a folder, which has no columns",
            place="--group-column",
            remedy="Use --group-regex, or list the images in a CSV file.",
        )
    samples = walk(data.resolve())
    _refuse_ready_split(data, samples)
    return samples


def _list_rows(data: Path, group_column: str | None, label_column: str, path_column: str) -> list[Sample]:
    if not os.path.lexists(data):
        raise GroupwiseError("no such file or folder", place=data, remedy="Check the path.")
    if data.suffix.lower() != ".csv":
        raise GroupwiseError(
            "neither a folder nor a CSV file",
            place=data,
            remedy="Give a folder of class folders, or a CSV file.",
        )
    return read_listing(data, path_column=path_column, label_column=label_column, group_column=group_column)


def _refuse_ready_split(data: Path, samples: Sequence[Sample]) -> None:
    labels = {sample.label for sample in _find_candidates(samples)} - {""}
    if labels and all(label.casefold() in SPLIT_NAMES for label in labels):
        raise GroupwiseError(
            f"the folders are called {', '.join(sorted(labels))}: this looks like a data set already split",
            place=data,
            remedy=f"Give one of them, such as {data / min(labels)}, or a CSV of all images with labels.",
        )


def _find_candidates(samples: Sequence[Sample]) -> list[Sample]:
    """The files that may be images, before any is opened: by their suffix, or all where none has one."""
    pending = [sample for sample in samples if sample.status == "ok"]
    named = [sample for sample in pending if PurePosixPath(sample.path).suffix.lower() in FORMAT_OF_SUFFIX]
    return named or pending


def _assign_groups(samples: list[Sample], pattern: re.Pattern[str]) -> list[Sample]:
    grouped = [replace(sample, group=_find_group(pattern, sample)) for sample in samples]
    candidates = _find_candidates(grouped)
    if candidates and not any(sample.group for sample in candidates):
        # Said now rather than after a long scan.
        raise UsageError(
            f"{pattern.pattern!r} finds no group in any path, such as {candidates[0].path!r}",
            place="--group-regex",
            remedy="It is searched in the path below the data's folder: give one that matches there.",
        )
    return grouped


def _note_groups(samples: Sequence[Sample], pattern: re.Pattern[str] | None) -> list[str]:
    usable = [sample for sample in samples if sample.status in USABLE]
    misses = sum(not sample.group for sample in usable)
    if pattern is None or not misses:
        return []
    return [f"{misses} of {len(usable)} images have no group by {pattern.pattern!r}: each stands alone."]


def _find_group(pattern: re.Pattern[str], sample: Sample) -> str:
    match = pattern.search(sample.path) if sample.status == "ok" else None
    if match is None:
        return ""
    return (match[1] if pattern.groups else match[0]) or ""


def _inspect_all(
    samples: list[Sample], root: Path, reading: Reading, workers: int, progress: Progress | None
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
    if samples and all(sample.codes == ("missing",) for sample in samples):
        raise GroupwiseError(
            f"none of the {len(samples)} files that it names exists, such as {samples[0].path!r}",
            place=data,
            remedy="Paths are relative to the CSV's folder: move the CSV or correct the paths.",
        )
    if all(sample.status == "ignored" for sample in samples):
        raise GroupwiseError(
            "there are no images", place=data, remedy="Give a folder that holds one folder of images a class."
        )


def _note_classes(samples: Sequence[Sample], folders: Sequence[str]) -> list[str]:
    counts = Counter(sample.label for sample in samples if sample.status in USABLE)
    labels = sorted(counts)
    notes = [f"The class folder {name!r} holds no usable image." for name in folders if name not in counts]
    alike: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        alike[unicodedata.normalize("NFKC", label).casefold().strip()].append(label)
    notes += [
        f"The classes {' and '.join(map(repr, names))} differ only in spelling: are they one?"
        for names in alike.values()
        if len(names) > 1
    ]
    notes += [f"The class {label!r} has a single image." for label in labels if counts[label] == 1]
    if len(labels) == 1:
        notes.append(f"There is only one class, {labels[0]!r}: training needs two.")
    if not labels:
        notes.append("No image can be used: see the reasons in the manifest.")
    return notes
