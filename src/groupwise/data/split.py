"""Splits: every sample in one fold, no source in two, as `split.csv` and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from groupwise.data.participants import Participants, few_sources
from groupwise.data.source_counts import refuse_few_sources
from groupwise.data.sources import find_sources
from groupwise.data.stratify import UNASSIGNED, assign_random, assign_sources
from groupwise.data.targets import Targets, all_names, is_set, read_names, refuse_alike, refuse_sets
from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import read_csv, write_csv
from groupwise.stats.arrays import Ints

EXCLUDED = "excluded"  # the fold of samples that take no part until the user decides about them


class Assignment(NamedTuple):
    """One row of `split.csv`."""

    path: str
    label: str
    group: str
    cluster: int
    fold: str


@dataclass(frozen=True)
class Split:
    """A whole assignment: one row a sample, in the manifest's order."""

    rows: tuple[Assignment, ...]

    @property
    def sources(self) -> Ints:
        """The source of each row: the connected component over group and cluster, (N,)."""
        return find_sources([row.group for row in self.rows], [row.cluster for row in self.rows])

    def sources_of(self, rows: Sequence[Assignment]) -> Ints:
        """The source of each of `rows`, images of this split, (N,); one that is left out may join two."""
        source_of = dict(zip((row.path for row in self.rows), self.sources.tolist(), strict=True))
        return np.array([source_of[row.path] for row in rows], dtype=np.int64)

    @property
    def folds(self) -> tuple[str, ...]:
        """Names of the folds that hold samples, in order of first appearance of train, val, test."""
        present = {row.fold for row in self.rows} - {EXCLUDED}
        known = [fold for fold in ("train", "val", "test") if fold in present]
        return (*known, *sorted(present - set(known)))

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, or labels, that take part, in the order of a network's answers."""
        return tuple(sorted(set(all_names(row.label for row in self.rows if row.fold != EXCLUDED))))

    @property
    def targets(self) -> Targets:
        """What each row is to be called, one class or a set of `classes`."""
        return Targets.of([row.label for row in self.rows], self.classes)

    @property
    def several(self) -> bool:
        """Whether images have sets of labels."""
        return any(is_set(row.label) for row in self.rows)

    @property
    def class_numbers(self) -> Ints:
        """The number of each row's class, (N,); -1 where it is none of `classes`.

        Raises `UsageError` where images have sets of labels.
        """
        refuse_sets((row.label for row in self.rows), "this command")
        return np.asarray(self.targets.values, dtype=np.int64)

    def require(self, fold: str) -> Ints:
        """`indices` of a fold that the user named; raises `UsageError` where there is none."""
        if fold not in self.folds:
            raise UsageError(
                f"no fold {fold!r}", place="--fold", remedy=f"Choose one of {', '.join(self.folds)}."
            )
        return self.indices(fold)

    def indices(self, fold: str) -> Ints:
        """Positions of the rows in `fold`."""
        return np.array([i for i, row in enumerate(self.rows) if row.fold == fold], dtype=np.int64)

    def absent(self, paths: Iterable[str]) -> tuple[Assignment, ...]:
        """The rows whose images are not among `paths`."""
        there = set(paths)
        return tuple(row for row in self.rows if row.path not in there)

    def keep(self, rows: Sequence[Assignment]) -> Split:
        """This split and after it `rows` of an earlier one, in whose clusters no image of this one is."""
        first = 1 + max((row.cluster for row in self.rows), default=-1)
        return Split((*self.rows, *(row._replace(cluster=first + row.cluster) for row in rows)))

    def write(self, path: Path) -> None:
        """Write `split.csv`."""
        write_csv(path, Assignment._fields, self.rows)


def read_split(path: Path) -> Split:
    """Read a `split.csv`."""
    try:
        rows = [
            Assignment(row["path"], row["label"], row["group"], int(row["cluster"]), row["fold"])
            for row in read_csv(path, Assignment._fields)
        ]
    except ValueError as error:
        raise GroupwiseError(
            f"a cluster is not a whole number ({error})", place=path, remedy="Run `groupwise split` again."
        ) from None
    return Split(tuple(rows))


def make_split(
    samples: Sequence[tuple[str, str, str]],
    participants: Participants,
    *,
    shares: Mapping[str, float],
    seed: int,
    method: Literal["grouped", "random"] = "grouped",
    previous: Split | None = None,
) -> Split:
    """Assign samples, given as (path, label, group), with their clusters to the folds named in `shares`.

    Samples of `previous` keep their fold, and what is joined to them follows, where the method is not random.
    Paths that take no part get the fold `excluded`; sources that hold a class that is not tested go to the
    first fold whole, unless they have one already. Raises `GroupwiseError` where a class has too few sources
    for the folds, where an earlier assignment cuts what is now known to be one source, or where a fold stays
    empty.
    """
    names = tuple(shares)
    _refuse_other_folds(previous, names)
    left_out, spared = set(participants.excluded), set(participants.untested)
    keep = np.array([path not in left_out for path, _, _ in samples], dtype=bool)
    labels = [label for _, label, _ in samples]
    given = _kept_folds(samples, names, previous)
    untested = np.array([not spared.isdisjoint(read_names(label)) for label in labels], dtype=bool)
    fold_numbers = np.full(len(samples), UNASSIGNED, dtype=np.int64)
    if method == "random":
        fold_numbers[keep] = given[keep]
        free = keep & (given == UNASSIGNED)
        fold_numbers[free] = assign_random(int(free.sum()), list(shares.values()), seed)
        fold_numbers[free & untested] = 0
    else:
        paths, groups = [path for path, _, _ in samples], [group for _, _, group in samples]
        sources = find_sources(groups, participants.clusters)
        _refuse_cut_sources(paths, sources, given, names)
        if previous:
            _follow_absent(given, sources, samples, participants.clusters, names, previous)
        # What is joined to a fold already goes there
        given[np.isin(sources, sources[untested]) & ~np.isin(sources, sources[given != UNASSIGNED])] = 0
        kept_labels = [label for label, kept in zip(labels, keep, strict=True) if kept]
        refuse_alike(kept_labels)
        targets = Targets.of(kept_labels)
        kept_groups = [group for group, kept in zip(groups, keep, strict=True) if kept]
        refuse_few_sources(targets, sources[keep], names, spared, kept_groups)
        fold_numbers[keep] = assign_sources(
            targets.values, sources[keep], list(shares.values()), seed, given=given[keep]
        )
    _refuse_empty_folds(fold_numbers, names, previous)
    return Split(
        tuple(
            Assignment(path, label, group, int(cluster), EXCLUDED if number == UNASSIGNED else names[number])
            for (path, label, group), cluster, number in zip(
                samples, participants.clusters, fold_numbers, strict=True
            )
        )
    )


def _kept_folds(
    samples: Sequence[tuple[str, str, str]], folds: Sequence[str], previous: Split | None
) -> Ints:
    """The fold that each sample has in `previous`, `UNASSIGNED` for the others, (N,)."""
    old = {row.path: row.fold for row in previous.rows} if previous else {}
    return np.array(
        [folds.index(old[path]) if old.get(path) in folds else UNASSIGNED for path, _, _ in samples],
        dtype=np.int64,
    )


def _follow_absent(
    given: Ints,
    sources: Ints,
    samples: Sequence[tuple[str, str, str]],
    clusters: Sequence[int],
    folds: Sequence[str],
    previous: Split,
) -> None:
    """Give samples the fold of absent images of their group, and of these images' copies; changes `given`."""
    absent = [row for row in previous.absent(path for path, _, _ in samples) if row.fold in folds]
    joined = find_sources(
        [*(group for _, _, group in samples), *(row.group for row in absent)],
        [*clusters, *(-1 - row.cluster for row in absent)],  # numbered by another audit
    ).tolist()
    _refuse_cut_sources(
        [*(path for path, _, _ in samples), *(row.path for row in absent)],
        np.array(joined, dtype=np.int64),
        np.concatenate([given, np.array([folds.index(row.fold) for row in absent], dtype=np.int64)]),
        folds,
    )
    fold_of = {source: row.fold for source, row in zip(joined[len(samples) :], absent, strict=True)}
    for i in np.flatnonzero(~np.isin(sources, sources[given != UNASSIGNED])).tolist():
        if joined[i] in fold_of:
            given[i] = folds.index(fold_of[joined[i]])


def participants_of(split: Split, *, fewest_tested: int = 0) -> Participants:
    """What took part in `split`, for another division of the same images.

    Classes of fewer sources than `fewest_tested` are not tested there either.
    """
    clusters = [row.cluster for row in split.rows]
    excluded = {row.path for row in split.rows if row.fold == EXCLUDED}
    few = few_sources([row[:3] for row in split.rows], clusters, excluded, fewest_tested).keys()
    return Participants(clusters, excluded, few)


def _refuse_empty_folds(fold_numbers: Ints, folds: Sequence[str], previous: Split | None) -> None:
    empty = [name for number, name in enumerate(folds) if not (fold_numbers == number).any()]
    if empty:
        raise GroupwiseError(
            f"the fold {empty[0]} would hold no image",
            place="the split to extend" if previous else "split",
            remedy="To use a split without it as it is, give its file as DATA, with --split.given fold. Or"
            " ask for the folds that it has, as with --split.val 0 --training.select_fold test."
            if previous
            else "Give the fold a larger share, or add images.",
        )


def refuse_other_paths(previous: Split, paths: Collection[str]) -> None:
    """Raise `UsageError` where none of the images of `previous` is among `paths`, those of the data."""
    if previous.rows and paths and len(previous.absent(paths)) == len(previous.rows):
        raise UsageError(
            f"none of its images is among the data: its paths read as {previous.rows[0].path!r}, and those of"
            f" the data as {next(iter(paths))!r}",
            place="the split to extend",
            remedy="Paths count from the folder of the data, the table's own, or --root: give the images from"
            " where the split has them, the old ones with the new, or begin another split.",
        )


def _refuse_other_folds(previous: Split | None, folds: Sequence[str]) -> None:
    other = sorted({row.fold for row in previous.rows} - {*folds, EXCLUDED}) if previous else []
    if other:
        raise UsageError(
            f"its folds {', '.join(other[:6])} are not among {', '.join(folds[:6])}",
            place="the split to extend",
            remedy="Ask for the same folds, or write another split.",
        )


def _refuse_cut_sources(paths: Sequence[str], sources: Ints, given: Ints, folds: Sequence[str]) -> None:
    seen: dict[int, int] = {}
    for i in np.flatnonzero(given != UNASSIGNED).tolist():
        first = seen.setdefault(int(sources[i]), i)
        if given[first] != given[i]:
            raise GroupwiseError(
                f"{paths[first]} in {folds[given[first]]} and {paths[i]} in {folds[given[i]]}"
                " are now known to share a source",
                place="the split to extend",
                remedy="Start a new split, or take one of the two files out.",
            )
