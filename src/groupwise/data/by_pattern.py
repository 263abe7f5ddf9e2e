"""Classes by a pattern in the paths; given folds and unlabelled folders count as in class folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from groupwise.data.fold_names import UNLABELLED
from groupwise.data.labelling import (
    Labelled,
    leave_beside,
    note_beside,
    refuse_no_folds,
    refuse_ready_split,
)
from groupwise.data.layout import FOLDERS, POOL, Shape, recognise
from groupwise.data.manifest import GIVEN_FOLD, Sample
from groupwise.data.patterns import assign_labels


def label_by_pattern(
    data: Path, samples: Sequence[Sample], pattern: re.Pattern[str], given: str | None
) -> Labelled:
    """Give each sample the class that `pattern` finds, and the fold that its folders name if `given` asks.

    A ready split of which several folds have classes is refused without `given`, as in class folders, and
    with it what lies beside the folds is left out. Where the pattern finds but the name of a folder without
    classes, the sample has none.
    """
    shape = recognise(samples)
    if given in (FOLDERS, POOL) and not shape.folds:
        refuse_no_folds(given)
    found = assign_labels(samples, pattern)
    labelled = [_leave_unlabelled(sample, shape) for sample in found]
    words, notes = "classes by --label-regex", []
    if shape.folds:
        kinds = {shape.folds.get(_fold_folder(sample, shape)) for sample in labelled if sample.label}
        mixed = len(kinds - {None, UNLABELLED}) > 1 or not kinds  # one fold alone mixes nothing
        if given == FOLDERS:
            labelled = [_give_fold(sample, shape) for sample in labelled]
            words += f", a ready split in folders, {', '.join(shape.folds)}, used as it is"
        elif given == POOL:
            words += f", a ready split in folders, {', '.join(shape.folds)}, divided anew"
        elif mixed and shape.inverted:
            notes.append(
                f"Class folders hold {', '.join(shape.folds)}: a ready split, which is not used. To use it"
                " as it is, add --split.given folders; --split.given pool says that it is not meant."
            )
        elif mixed:
            refuse_ready_split(data, Path(data, *shape.inside), shape.folds, shape.others)
    changed = [new for old, new in zip(found, labelled, strict=True) if old.label != new.label]
    left = sorted({_top(sample, shape) for sample in changed})
    if left:
        notes.append(
            f"The folder {', '.join(map(repr, left))} is taken for images without a class, and left out. If"
            " it is a class, add --layout classes."
        )
    if shape.folds and given in (FOLDERS, POOL):
        inside = [_fold_folder(sample, shape) in shape.folds for sample in labelled]
        labelled = [
            sample if is_inside else leave_beside(sample)
            for sample, is_inside in zip(labelled, inside, strict=True)
        ]
        notes += note_beside(shape)
    return Labelled(tuple(labelled), words, tuple(notes), None)


def _top(sample: Sample, shape: Shape) -> str:
    """The folder that a sample lies in, of those that stand side by side; "" for none."""
    parts = PurePosixPath(sample.path).parts
    return parts[len(shape.inside)] if len(parts) > len(shape.inside) + 1 else ""


def _fold_folder(sample: Sample, shape: Shape) -> str:
    """The folder of a sample at the level of the folds."""
    level = len(shape.inside) + shape.inverted
    parts = PurePosixPath(sample.path).parts
    return parts[level] if len(parts) > level + 1 else ""


def _give_fold(sample: Sample, shape: Shape) -> Sample:
    fold = shape.folds.get(_fold_folder(sample, shape), UNLABELLED)
    return sample if fold == UNLABELLED else replace(sample, extra={**sample.extra, GIVEN_FOLD: fold})


def _leave_unlabelled(sample: Sample, shape: Shape) -> Sample:
    """The sample without its class where that is but a folder's name, and the folder has no classes."""
    folders = PurePosixPath(sample.path).parts[:-1]
    name = _top(sample, shape)
    fold = None if shape.inverted else shape.folds.get(name)
    without = name in (*shape.unlabelled, *shape.flat) or fold == UNLABELLED
    directly = fold is not None and len(folders) == len(shape.inside) + 1 and sample.label == name
    if not sample.label or not ((without and sample.label in folders) or directly):
        return sample
    reason = f"no-label: it lies in the folder {name}".replace(";", ",")
    return replace(sample, label="", status="quarantined", reason=reason)
