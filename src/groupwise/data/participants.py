"""Which samples take part in a split, and what binds them: copies, conflicts and rare classes as asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass

import numpy as np

from groupwise.data.manifest import Sample
from groupwise.data.sources import find_sources
from groupwise.data.targets import NAMES_SHOWN, Targets, refuse_sets
from groupwise.errors import GroupwiseError
from groupwise.text import count, listed


@dataclass(frozen=True)
class Participants:
    """The cluster of each sample, the paths that take no part, classes that are not tested, and why."""

    clusters: Sequence[int]
    excluded: Collection[str] = frozenset()
    untested: Collection[str] = frozenset()
    notes: tuple[str, ...] = ()


def choose_participants(
    samples: Sequence[Sample],
    clusters: Sequence[int],
    conflicts: Collection[str],
    *,
    copies: str,
    worth: Sequence[float] | None = None,
    min_sources: int,
    rare: str,
) -> Participants:
    """Let copies bind, be reported or dropped, leave out `conflicts`, and set aside classes of few sources.

    Where copies are only reported, files of equal content alone are bound, and of the conflicts those that
    hold equal files under several labels: others are trusted to be different pictures. Of dropped copies the
    one of most `worth` is kept, of equals the first. Raises `GroupwiseError` where fewer than two classes are
    left of several.
    """
    notes = []
    bound = list(clusters) if copies != "report" else _number([sample.sha256 for sample in samples])
    excluded = set(conflicts)
    if copies == "report":
        notes.append(
            "Copies that the audit names bind nobody: equal files and the groups that were given do."
        )
        excluded &= _under_several_labels(samples, bound)
        if kept := len(set(conflicts) - excluded):
            notes.append(
                f"Kept under several labels, because copies are only reported: {kept:,} images that pass for"
                " one photograph or scene with others"
            )
    if excluded:
        notes.append(
            "Left out, because one photograph or scene stands under two labels:"
            f" {count(len(excluded), 'image')} (if the labels are right: --label-conflicts keep)"
        )
    if copies == "drop":
        further = _further_copies(samples, clusters, excluded, worth or [0.0] * len(samples))
        notes.append(f"Left out, because each is a copy of an image that is kept: {len(further):,} images")
        excluded |= further
    few = few_sources([(s.path, s.label, s.group) for s in samples], bound, excluded, min_sources)
    if few:
        named = listed([f"{name!r} ({count})" for name, count in few.items()], NAMES_SHOWN)
        done = "left out" if rare == "drop" else "learnt, and not tested"
        notes.append(f"Classes of fewer than {min_sources} independent sources are {done}: {named}")
    if rare == "drop":
        if few:
            refuse_sets([sample.label for sample in samples], "--min-sources without --rare train")
        excluded |= {sample.path for sample in samples if sample.label in few}
    _refuse_too_few_classes(samples, excluded, few, conflicts)
    return Participants(bound, excluded, few.keys() if rare == "train" else frozenset(), tuple(notes))


def _number(values: Sequence[str]) -> list[int]:
    numbers: dict[str, int] = {}
    return [numbers.setdefault(value or f"file {i}", len(numbers)) for i, value in enumerate(values)]


def _under_several_labels(samples: Sequence[Sample], clusters: Sequence[int]) -> set[str]:
    """Paths of samples in whose cluster several labels stand."""
    labels: dict[int, set[str]] = {}
    for sample, cluster in zip(samples, clusters, strict=True):
        labels.setdefault(cluster, set()).add(sample.label)
    return {
        sample.path for sample, cluster in zip(samples, clusters, strict=True) if len(labels[cluster]) > 1
    }


def _further_copies(
    samples: Sequence[Sample], clusters: Sequence[int], excluded: Set[str], worth: Sequence[float]
) -> set[str]:
    kept: dict[int, int] = {}
    candidates = [i for i, sample in enumerate(samples) if sample.path not in excluded]
    for i in candidates:
        best = kept.setdefault(clusters[i], i)
        if worth[i] > worth[best]:
            kept[clusters[i]] = i
    return {samples[i].path for i in candidates if kept[clusters[i]] != i}


def few_sources(
    samples: Sequence[tuple[str, str, str]], clusters: Sequence[int], excluded: Set[str], least: int
) -> dict[str, int]:
    """Classes of samples (path, label, group) with fewer sources than `least`, and how many each has.

    A sample that is excluded is none of them, and may still join two sources.
    """
    if not least:
        return {}
    kept = [i for i, (path, _, _) in enumerate(samples) if path not in excluded]
    sources = find_sources([group for _, _, group in samples], clusters)[kept]
    targets = Targets.of([samples[i][1] for i in kept])
    members = targets.members.astype(bool)
    counts = {name: len(np.unique(sources[members[:, k]])) for k, name in enumerate(targets.classes)}
    return {name: count for name, count in counts.items() if count < least}


def _refuse_too_few_classes(
    samples: Sequence[Sample], excluded: Set[str], few: Collection[str], conflicts: Collection[str]
) -> None:
    before = {sample.label for sample in samples}
    after = {sample.label for sample in samples if sample.path not in excluded}
    if len(after) >= 2 or len(before) < 2:
        return
    remedy = "If they are no copies of one another, add --copies report."
    if few:
        remedy = "Ask for fewer sources, or, without --cv, add --rare train."
    elif conflicts:
        remedy = (
            "They pass for one photograph under several labels: if they are different pictures, add --copies"
            " report; if the labels are right, --label-conflicts keep."
        )
    raise GroupwiseError(
        f"{len(excluded):,} of {len(samples):,} images are left out, and {len(after)} of {len(before)}"
        " classes remain",
        place="split",
        remedy=remedy,
    )
