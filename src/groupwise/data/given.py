"""A split that the user's data bring along, used as it is; what it lacks is cut out of its training fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from groupwise.data.divisions import divide_part
from groupwise.data.fold_names import TEST, TRAIN, VAL
from groupwise.data.split import EXCLUDED, Assignment, Split
from groupwise.data.targets import all_names, read_names
from groupwise.errors import GroupwiseError, UsageError

_PLACE = "split.given"


@dataclass(frozen=True)
class GivenSplit:
    """The split, and sentences about what it was made to fit."""

    split: Split
    notes: tuple[str, ...]


def use_given_split(
    samples: Sequence[tuple[str, str, str]],
    clusters: Sequence[int],
    folds: Sequence[str],
    *,
    val: float | None,
    seed: int,
    excluded: Iterable[str] = (),
) -> GivenSplit:
    """Assign samples, given as (path, label, group), to the `folds` that they bring, "" for none.

    The fold that was held out alone becomes `test`. Where nothing is left to choose the epoch by, whole
    sources are cut out of training for it: the share `val`, or none for None. Raises `GroupwiseError` where
    there is nothing to learn from or to measure, or a class is measured that was never learnt.
    """
    left_out = set(excluded)
    read = ["" if path in left_out else fold for (path, _, _), fold in zip(samples, folds, strict=True)]
    notes = []
    kinds = set(read) - {""}
    _refuse(kinds)
    if VAL in kinds and TEST not in kinds:
        read = [TEST if fold == VAL else fold for fold in read]
        notes.append("The given split holds one fold out: it is read once, at the end, and called test here.")
    rows = [
        Assignment(path, label, group, cluster, fold or EXCLUDED)
        for (path, label, group), cluster, fold in zip(samples, clusters, read, strict=True)
    ]
    _refuse_unlearnt(rows)
    split = Split(tuple(rows))
    if val is not None and VAL not in split.folds:
        split = _cut_val(split, val, seed)
        notes.append(
            f"The given split has no fold to choose the epoch by: {len(split.indices(VAL)):,}"
            " training images, in whole sources, do that as val."
        )
    outside = sum(fold == "" for (path, _, _), fold in zip(samples, folds, strict=True))
    if outside:
        notes.append(f"{outside:,} images are in no fold of the given split, and are left out.")
    return GivenSplit(split, tuple(notes))


def use_given_division(
    samples: Sequence[tuple[str, str, str]],
    clusters: Sequence[int],
    folds: Sequence[str],
    names: Sequence[str],
    *,
    excluded: Iterable[str] = (),
) -> Split:
    """The numbered folds that samples bring, for a cross-validation over the folds `names`."""
    numbered = sorted({fold for fold in folds if fold.startswith("fold-")}, key=lambda fold: int(fold[5:]))
    if len(numbered) != len(names):
        raise UsageError(
            f"the data bring {len(numbered)} numbered folds"
            if numbered
            else "the data bring no numbered folds",
            place=f"--cv {len(names)} with split.given",
            remedy=f"Give --cv {len(numbered)}." if len(numbered) > 2 else "Leave one of the two out.",
        )
    name_of = dict(zip(numbered, names, strict=True))
    left_out = set(excluded)
    return Split(
        tuple(
            Assignment(
                path, label, group, cluster, EXCLUDED if path in left_out else name_of.get(fold, EXCLUDED)
            )
            for (path, label, group), cluster, fold in zip(samples, clusters, folds, strict=True)
        )
    )


def repair_split(split: Split) -> Split:
    """The split without its leak: what is measured stays as it is, and its siblings elsewhere are left out.

    Of a source that spans folds the images in `test` stay, where it has some, else those in `val`; so a score
    on `test` is still of all images of the split that the data bring.
    """
    order = {TEST: 0, VAL: 1}
    keeps: dict[int, str] = {}
    for row, source in zip(split.rows, split.sources.tolist(), strict=True):
        if row.fold != EXCLUDED:
            keeps[source] = min(keeps.get(source, row.fold), row.fold, key=lambda fold: order.get(fold, 2))
    return Split(
        tuple(
            row if row.fold in (EXCLUDED, keeps[source]) else row._replace(fold=EXCLUDED)
            for row, source in zip(split.rows, split.sources.tolist(), strict=True)
        )
    )


def _refuse(kinds: set[str]) -> None:
    if not kinds:
        raise UsageError(
            "the data bring no folds",
            place=_PLACE,
            remedy="Name the column that holds them, or leave it out.",
        )
    numbered = sum(kind.startswith("fold-") for kind in kinds)
    if numbered == 1 and len(kinds) == 1:
        raise GroupwiseError(
            "all images with a class are in one numbered fold, so nothing is left to measure",
            place=_PLACE,
            remedy="Give the folder or the rows of the other folds as well, or divide these images anew, by"
            " --split.given pool.",
        )
    if numbered:
        raise UsageError(
            f"the data bring {numbered} numbered folds, as of a cross-validation",
            place=_PLACE,
            remedy=f"`groupwise train ... --cv {numbered}` uses them, or --split.given pool divides the"
            " images anew."
            if numbered > 2
            else "For one training call them train and test, or divide the images anew: --split.given pool.",
        )
    if TRAIN not in kinds:
        raise GroupwiseError(
            f"the split has the folds {', '.join(sorted(kinds))}, and none to learn from",
            place=_PLACE,
            remedy="Give the folder or the rows of the training images as well.",
        )
    if kinds == {TRAIN}:
        raise GroupwiseError(
            "all images with a class are in the training fold, so nothing is left to measure",
            place=_PLACE,
            remedy="Divide them anew: --split.given pool for folders, or leave --split.given out.",
        )


def _refuse_unlearnt(rows: Sequence[Assignment]) -> None:
    learnt = set(all_names(row.label for row in rows if row.fold == TRAIN))
    held_out = set(all_names(row.label for row in rows if row.fold not in (TRAIN, EXCLUDED)))
    unlearnt = sorted(held_out - learnt)
    if unlearnt or len(learnt) < 2:
        raise GroupwiseError(
            f"the classes {', '.join(map(repr, unlearnt[:8]))} are held out and not in training"
            if unlearnt
            else f"{len(learnt)} class in training, and there is nothing to tell apart with fewer than two",
            place=_PLACE,
            remedy="Divide the images anew: --split.given pool for folders, or leave --split.given out.",
        )


def _cut_val(split: Split, val: float, seed: int) -> Split:
    """The split with whole sources of training as `val`; a class of one source there is learnt alone."""
    kinds = {
        (name, source)
        for row, source in zip(split.rows, split.sources.tolist(), strict=True)
        if row.fold == TRAIN
        for name in read_names(row.label)
    }
    count = Counter(label for label, _ in kinds)
    untested = [label for label, n in count.items() if n < 2]
    return divide_part(split, {TRAIN}, shares={TRAIN: 1 - val, VAL: val}, seed=seed, untested=untested)
