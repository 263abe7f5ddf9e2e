"""Turns a folder of class folders, or a CSV of paths and labels, into a manifest of every file."""

from __future__ import annotations

import os
import re
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from groupwise.data.inspect import inspect
from groupwise.data.listing import read_listing
from groupwise.data.manifest import Manifest, Sample
from groupwise.data.sniff import FORMAT_OF_SUFFIX
from groupwise.data.walk import walk
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
    workers: int = os.cpu_count() or 1,
    progress: Progress | None = None,
) -> Manifest:
    """Look into every file below a folder, or every row of a CSV, and give each a status and a reason.

    In a folder the first folder below it is the label. In a CSV the paths are relative to the CSV's folder.
    The group is the cell in `group_column`, or what `group_regex` finds in the relative path: its first
    capture group, or the whole match. Each file is read once and decoded in full, `workers` at a time;
    `progress` is called with the number of files done and of all. The result does not depend on `workers`.
    Raises UsageError for options that cannot be meant, and GroupwiseError where there are no images.
    """
    pattern = _compile(group_regex, group_column)
    samples = _list_samples(data, group_column, label_column, path_column)
    root = Path(os.path.abspath(data)) if data.is_dir() else Path(os.path.abspath(data.parent))  # noqa: PTH100
    root = root.resolve()
    samples, notes = _assign_groups(samples, pattern)
    samples = _inspect_all(samples, root, workers, progress)
    _require_images(data, samples)
    return Manifest(root, tuple(samples), (*notes, *_note_classes(samples, root if data.is_dir() else None)))


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


def _list_samples(data: Path, group_column: str | None, label_column: str, path_column: str) -> list[Sample]:
    if data.is_dir():
        if group_column is not None:
            raise UsageError(
                f"{data} is a folder, which has no columns",
                place="--group-column",
                remedy="Use --group-regex, or list the images in a CSV file.",
            )
        samples = walk(data.resolve())
        _refuse_ready_split(data, samples)
        return samples
    if data.exists() and data.suffix.lower() != ".csv":
        raise GroupwiseError(
            "neither a folder nor a CSV file",
            place=data,
            remedy="Give a folder of class folders, or a CSV file.",
        )
    return read_listing(data, path_column=path_column, label_column=label_column, group_column=group_column)


def _refuse_ready_split(data: Path, samples: Sequence[Sample]) -> None:
    labels = {sample.label for sample in samples if sample.status == "ok" and _is_named_image(sample)} - {""}
    if labels and all(label.casefold() in SPLIT_NAMES for label in labels):
        raise GroupwiseError(
            f"the folders are called {', '.join(sorted(labels))}: this looks like a data set already split",
            place=data,
            remedy=f"Give one of them, such as {data / min(labels)}, or a CSV of all images with labels.",
        )


def _is_named_image(sample: Sample) -> bool:
    return PurePosixPath(sample.path).suffix.lower() in FORMAT_OF_SUFFIX


def _assign_groups(
    samples: list[Sample], pattern: re.Pattern[str] | None
) -> tuple[list[Sample], tuple[str, ...]]:
    if pattern is None:
        return samples, ()
    grouped = [replace(sample, group=_find_group(pattern, sample)) for sample in samples]
    images = [sample for sample in grouped if sample.status == "ok" and _is_named_image(sample)]
    misses = sum(not sample.group for sample in images)
    if images and misses == len(images):
        raise UsageError(
            f"{pattern.pattern!r} finds no group in any path, such as {images[0].path!r}",
            place="--group-regex",
            remedy="It is searched in the path below the data's folder: give one that matches there.",
        )
    note = f"{misses} of {len(images)} images have no group by {pattern.pattern!r}: each stands alone."
    return grouped, (note,) if misses else ()


def _find_group(pattern: re.Pattern[str], sample: Sample) -> str:
    match = pattern.search(sample.path) if sample.status == "ok" else None
    if match is None:
        return ""
    return (match[1] if pattern.groups else match[0]) or ""


def _inspect_all(samples: list[Sample], root: Path, workers: int, progress: Progress | None) -> list[Sample]:
    done = []
    # Pillow's warnings are the manifest's business; the filter is process-wide, so it is set here, once.
    with warnings.catch_warnings(), ThreadPoolExecutor(max(1, workers)) as pool:
        warnings.simplefilter("ignore")
        for number, sample in enumerate(pool.map(partial(inspect, root=root), samples), start=1):
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


def _note_classes(samples: Sequence[Sample], root: Path | None) -> list[str]:
    counts: dict[str, int] = defaultdict(int)
    for sample in samples:
        counts[sample.label] += sample.status in ("ok", "warned")
    labels = sorted(label for label, count in counts.items() if count)
    notes = [f"The class folder {name!r} holds no usable image." for name in _find_empty(root, labels)]
    alike: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        alike[unicodedata.normalize("NFKC", label).casefold().strip()].append(label)
    notes += [
        f"The classes {' and '.join(map(repr, names))} differ only in spelling: are they one?"
        for names in alike.values()
        if len(names) > 1
    ]
    if len(labels) == 1:
        notes.append(f"There is only one class, {labels[0]!r}: training needs two.")
    if not labels:
        notes.append("No image can be used: see the reasons in the manifest.")
    notes += [f"The class {label!r} has a single image." for label in labels if counts[label] == 1]
    return notes


def _find_empty(root: Path | None, labels: Sequence[str]) -> list[str]:
    if root is None:
        return []
    names = sorted(
        os.fsencode(path.name).decode("utf-8", "backslashreplace") for path in root.iterdir() if path.is_dir()
    )
    return [name for name in names if name not in labels and not name.startswith((".", "__"))]
