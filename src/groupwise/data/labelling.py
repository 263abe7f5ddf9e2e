"""The class and the given fold of every file below a folder, by the folders that it lies in."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NoReturn

from groupwise.data.archive import is_archive
from groupwise.data.beside import note_lists, note_names, note_table, point_at
from groupwise.data.class_names import note_repeats
from groupwise.data.depth import Parts
from groupwise.data.fold_names import TRAIN, UNLABELLED, is_ready_split, name_folds
from groupwise.data.folder import label_of_archive
from groupwise.data.layout import FOLDERS, POOL, Shape, find_candidates, recognise
from groupwise.data.manifest import GIVEN_FOLD, Sample
from groupwise.errors import GroupwiseError, UsageError


@dataclass(frozen=True)
class Labelled:
    """Samples with their classes and folds, in words what they were taken for, and what was not certain.

    `classes_in` is the folder that holds the class folders, where one does.
    """

    samples: tuple[Sample, ...]
    words: str
    notes: tuple[str, ...] = ()
    classes_in: Parts | None = ()


def label_by_folders(data: Path, samples: Sequence[Sample], given: str | None) -> Labelled:
    """Give each sample the class and the fold that its folders name.

    `given` is "folders" to use a split that lies in folders, "pool" to take its images together; without it
    such a split is refused. Raises `GroupwiseError` for what has no class an image, and `UsageError` for a
    `given` that the folders do not bear out.
    """
    shape = recognise(samples)
    if shape.boxes:
        fact = "its folders are called images, labels or alike, and none names a class: are these boxes or"
        fact += " masks?"
        raise _no_class_folders(data, samples, fact)
    if shape.classless:
        fact = f"no class folders lie in {', '.join(shape.folds)}, which look like a data set already split"
        raise _no_class_folders(data, samples, fact)
    if shape.portions:
        fact = f"{', '.join(shape.portions[:3])} look like the portions of one data set, not like classes"
        also = (
            " If the classes are folders below them, add --label-regex '([^/]+)/[^/]+$'; if they are the"
            " classes, --layout classes."
        )
        raise _no_class_folders(data, samples, fact, also)
    if shape.crossed:
        raise _crossed_names(data, shape)
    if shape.variants:
        plain = [name for name in shape.variants if re.search(r"(?i)original|raw", name)]
        first = Path(data, *shape.inside, (plain or shape.variants)[0])
        raise GroupwiseError(
            f"{', '.join(shape.variants)} look like the same pictures in several forms",
            place=data,
            remedy=f"{give_one(data, first)}, or add --layout classes to take them for classes.",
        )
    if shape.folds and shape.inverted:
        return _label_inverted(data, samples, shape, given)
    if shape.folds:
        return _label_split(data, samples, shape, given)
    if given in (FOLDERS, POOL):
        refuse_no_folds(given)
    return _label_classes(data, samples, shape)


def give_one(data: Path, folder: Path) -> str:
    """The advice to give one folder as DATA; one in an archive cannot be."""
    if is_archive(data):
        return f"Unpack it and give one of them, such as {folder.relative_to(data)}"
    return f"Give one of them, such as {folder}"


def refuse_no_folds(given: str) -> NoReturn:
    """Raise `UsageError` for `--split.given` where no folders are called as folds are."""
    raise UsageError(
        "there are no folders called train, val, test or alike",
        place=f"--split.given {given}",
        remedy="Leave it out, or name the folder that holds them.",
    )


def _no_class_folders(data: Path, samples: Sequence[Sample], fact: str, also: str = "") -> GroupwiseError:
    """The refusal of folders of which none names a class, with the table that may name them."""
    return GroupwiseError(
        fact,
        place=data,
        remedy=(
            point_at(data, samples)
            or "Give one folder of images a class, a CSV of paths and labels, or --label-regex where the"
            " names of the files hold the class."
        )
        + also,
    )


def _crossed_names(data: Path, shape: Shape) -> GroupwiseError:
    """The refusal of folders whose names hold both a fold and a class."""
    name, (fold, label) = next(iter(shape.crossed.items()))
    return GroupwiseError(
        f"the folders {', '.join(list(shape.crossed)[:4])} name a fold and a class each: this looks like a"
        " data set already split",
        place=data,
        remedy=f"Put the classes into one folder a fold, such as {name} as {fold}/{label}, or add --layout"
        " classes if these are the classes.",
    )


def _label_classes(data: Path, samples: Sequence[Sample], shape: Shape) -> Labelled:
    depth = len(shape.inside)
    words = "class folders"
    if shape.inside:
        words += f" within {'/'.join(shape.inside)}"
    notes = list(shape.doubts)
    labelled = [_label_at(sample, depth) for sample in samples]
    if shape.unlabelled:
        left_out = set(shape.unlabelled)
        labelled = [
            replace(s, label="", status="quarantined", reason=_no_label(s, depth))
            if s.status == "ok" and s.label in left_out
            else s
            for s in labelled
        ]
        names = ", ".join(map(repr, shape.unlabelled))
        notes.append(
            f"The folder {names} is taken for images without a class, and left out. If it is a class, add"
            " --layout classes."
        )
    labels = {sample.label for sample in find_candidates(labelled)} - {""}
    if len(labels) < 2 and (pointer := point_at(data, samples)):
        notes.append(pointer)
    notes += _note_repeats(labelled, depth)
    notes += [*(note_lists(samples) or note_table(data, samples, shape.inside)), *note_names(samples, labels)]
    return Labelled(tuple(labelled), words, tuple(notes), shape.inside)


def _note_repeats(labelled: Sequence[Sample], depth: int) -> list[str]:
    paths: dict[str, list[str]] = defaultdict(list)
    for sample in find_candidates(labelled):
        if sample.label:
            paths[sample.label].append(sample.path)
    return note_repeats(paths, depth)


def _no_label(sample: Sample, depth: int) -> str:
    return f"no-label: it lies in the folder {PurePosixPath(sample.path).parts[depth]}".replace(";", ",")


def _label_at(sample: Sample, depth: int, fold: str = "") -> Sample:
    """The sample with the name of its folder at `depth` as its class, "" where it lies above."""
    parts = PurePosixPath(sample.path).parts
    label = label_of_archive(parts[depth]) if len(parts) > depth + 1 else ""
    extra = {**sample.extra, GIVEN_FOLD: fold} if fold else sample.extra
    return replace(sample, label=label, extra=extra)


def _label_split(data: Path, samples: Sequence[Sample], shape: Shape, given: str | None) -> Labelled:
    if given not in (FOLDERS, POOL):
        refuse_ready_split(data, Path(data, *shape.inside), shape.folds, shape.others)
    depth = len(shape.inside)
    _refuse_splits_within(data, samples, shape)
    labelled = [_label_in_fold(sample, shape, depth, keep=given == FOLDERS) for sample in samples]
    names = ", ".join(f"{name} ({fold})" for name, fold in shape.folds.items())
    words = f"a ready split in folders, {names}, {'used as it is' if given == FOLDERS else 'divided anew'}"
    notes = [
        *shape.doubts,
        *_note_flat_folds(samples, labelled, shape),
        *_note_repeats_in_folds(labelled, shape),
    ]
    return Labelled(tuple(labelled), words, (*notes, *note_beside(shape)), None)


def note_beside(shape: Shape) -> list[str]:
    """Which folders are left out because they are no folds."""
    if not shape.others:
        return []
    return [f"Left out, because beside the folders of the split: {', '.join(map(repr, shape.others))}."]


def leave_beside(sample: Sample) -> Sample:
    """A sample that lies in no folder of the split, without its class."""
    if sample.status != "ok":
        return replace(sample, label="")
    return replace(
        sample, label="", status="ignored", reason="beside-split: it lies in none of the split's folders"
    )


def _note_flat_folds(samples: Sequence[Sample], labelled: Sequence[Sample], shape: Shape) -> list[str]:
    """That a fold holds images and no class folders, so it measures or teaches nothing."""
    notes = []
    label_of = {sample.path: sample.label for sample in labelled}
    for name, fold in shape.folds.items():
        start = "/".join((*shape.inside, name)) + "/"
        inner = [sample.path for sample in find_candidates(samples) if sample.path.startswith(start)]
        if fold != UNLABELLED and inner and not any(label_of[path] for path in inner):
            notes.append(
                f"The folder {name!r} holds no class folders: its {len(inner):,} images have no class, and"
                " are left out. If a file names their classes, list all images in a CSV with their folds in a"
                " column."
            )
    return notes


def _refuse_splits_within(data: Path, samples: Sequence[Sample], shape: Shape) -> None:
    """Raise `GroupwiseError` where the folds hold folds in place of classes: fold_1/train, fold_1/test."""
    below: dict[str, set[str]] = defaultdict(set)
    for sample in find_candidates(samples):
        parts = PurePosixPath(sample.path).parts[len(shape.inside) :]
        if len(parts) > 3 and parts[0] in shape.folds:
            below[parts[0]].add(parts[1])
    if below and all(is_ready_split(name_folds(names).values()) for names in below.values()):
        first = Path(data, *shape.inside, min(below))
        raise GroupwiseError(
            f"each of {', '.join(sorted(below)[:4])} holds folds, {', '.join(sorted(below[first.name])[:4])}:"
            " several ready splits, as of a cross-validation",
            place=data,
            remedy=f"{give_one(data, first)}, with --split.given folders or --split.given pool.",
        )


def _note_repeats_in_folds(labelled: Sequence[Sample], shape: Shape) -> list[str]:
    """What `note_repeats` finds in the folds together, each of which has its own names."""
    depth = len(shape.inside) + 1
    whole = {sample.path: sample for sample in labelled if sample.label}
    for fold, wrapped in shape.wrapped.items():
        start = "/".join((*shape.inside, fold)) + "/"
        part = [sample for path, sample in whole.items() if path.startswith(start)]
        if notes := _note_repeats(part, depth + len(wrapped)):
            return notes
    return []


def _label_in_fold(sample: Sample, shape: Shape, depth: int, *, keep: bool) -> Sample:
    parts = PurePosixPath(sample.path).parts
    name = parts[depth] if len(parts) > depth + 1 else ""
    fold = shape.folds.get(name)
    if fold is None:
        return leave_beside(sample)
    if (fold == UNLABELLED or name in shape.flat) and sample.status == "ok":
        return replace(sample, label="", status="quarantined", reason=_no_label(sample, depth))
    return _label_at(sample, depth + 1 + len(shape.wrapped.get(name, ())), fold if keep else "")


def refuse_ready_split(
    data: Path, folder: Path, folds: Mapping[str, str], others: Sequence[str] = ()
) -> NoReturn:
    """Raise `GroupwiseError` for the folders of a split in `folder`, with the options that say what is so."""
    train = next((name for name, fold in folds.items() if fold == TRAIN), min(folds))
    beside = f", beside {', '.join(others[:6])}" if others else ""
    raise GroupwiseError(
        f"the folders are called {', '.join(sorted(folds))}{beside}: this looks like a data set already"
        " split",
        place=data,
        remedy=f"{give_one(data, folder / train)}, or, where the command divides images, add --split.given"
        " folders to use the split as it is, --split.given pool to divide its images anew; --layout classes"
        " says that these are the classes.",
    )


def _label_inverted(data: Path, samples: Sequence[Sample], shape: Shape, given: str | None) -> Labelled:
    depth = len(shape.inside)
    deeper = [
        parts
        for sample in samples
        if sample.status == "ok" and len(parts := PurePosixPath(sample.path).parts) > depth + 3
    ]
    if deeper:
        one = Path(data, *deeper[0][: depth + 1])
        raise GroupwiseError(
            f"holds several data sets that are already split, such as {deeper[0][depth]}",
            place=data,
            remedy=f"{give_one(data, one)}, with --split.given folders or --split.given pool.",
        )
    labelled = []
    for sample in samples:
        parts = PurePosixPath(sample.path).parts
        fold = shape.folds.get(parts[depth + 1], "") if len(parts) > depth + 2 else ""
        labelled.append(_label_at(sample, depth, fold if given == FOLDERS else ""))
    words = f"class folders that hold {', '.join(shape.folds)}"
    notes = []
    if given is None:
        notes.append(
            f"Each class folder holds {', '.join(shape.folds)}: a ready split, which is not used. To use it"
            " as it is, add --split.given folders; --split.given pool says that it is not meant."
        )
    elif given == FOLDERS:
        words += ", a ready split, used as it is"
    return Labelled(tuple(labelled), words, tuple(notes), shape.inside)
