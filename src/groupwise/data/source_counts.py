"""Whether each class has sources enough for the folds, and what to do about it where one has not."""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np

from groupwise.data.manifest import Sample
from groupwise.data.sources import find_sources
from groupwise.data.targets import NAMES_SHOWN, Targets
from groupwise.errors import GroupwiseError
from groupwise.stats.arrays import Ints
from groupwise.text import count, listed


def refuse_few_groups(
    samples: Sequence[Sample], folds: Sequence[str], *, min_sources: int = 0, rare: str = "drop"
) -> None:
    """Raise the `GroupwiseError` that groups alone are enough for, as a class of too few sources for `folds`.

    Copies only join more of them, so nobody need wait for an audit. Where classes of fewer than `min_sources`
    are set aside as `rare` says, it has to leave something to tell apart.
    """
    groups = [sample.group for sample in samples]
    targets = Targets.of([sample.label for sample in samples])
    sources = find_sources(groups)
    if not min_sources:
        refuse_few_sources(targets, sources, folds, frozenset(), groups)
        return
    left = [name for name, n in _count_sources(targets, sources).items() if n >= min_sources]
    can_spare = rare == "drop" and bool(left) and "train" in folds
    if len(left) < (2 if rare == "drop" else 1):
        raise GroupwiseError(
            f"{len(left)} of {len(targets.classes)} classes have {min_sources} independent sources or more",
            place="split",
            remedy=_blame_groups(targets, groups)
            or f"Ask for fewer sources{', or add --rare train' * can_spare}.",
        )


def refuse_few_sources(
    targets: Targets, sources: Ints, folds: Sequence[str], spared: Set[str], groups: Sequence[str]
) -> None:
    have = _count_sources(targets, sources)
    few = {name: n for name, n in have.items() if n < len(folds) and name not in spared}
    if few:
        without_copies = _count_sources(targets, find_sources(groups))
        joined = any(without_copies[name] > n for name, n in few.items())
        (first, number), *others = few.items()
        also = f"; class {listed([f'{name!r} has {n}' for name, n in others], NAMES_SHOWN)}" if others else ""
        raise GroupwiseError(
            f"class {first!r} has {count(number, 'independent source')},"
            f" too few for the {len(folds)} folds {listed(folds, NAMES_SHOWN)}{also}",
            place="split",
            remedy=_blame_groups(targets, groups)
            or "Add photographs from other sources, ask for fewer folds, or "
            + _set_aside(folds, targets.several)
            + " If copies were found that are none, --copies report." * joined,
        )


def _set_aside(folds: Sequence[str], several: bool) -> str:
    """How classes of too few sources are set aside; a cross-validation has no fold that is not tested."""
    least = f"add --min-sources {len(folds)}"
    if not several:
        return f"{least} to leave out every class that has fewer."
    if "train" in folds:
        return f"{least} --rare train to learn labels that have fewer without testing them."
    return "take labels that have fewer out of the table."


def _count_sources(targets: Targets, sources: Ints) -> dict[str, int]:
    """How many of `sources` (N,) each class has images of."""
    members = targets.members.astype(bool)
    counts = [len(np.unique(sources[of])) for of in members.T]
    return dict(zip(map(str, targets.classes), counts, strict=True))


def _blame_groups(targets: Targets, groups: Sequence[str]) -> str:
    """The remedy where it is the groups that leave a class too few sources; "" where it is not they."""
    known = set(groups)
    other = "name another column by --group-column or another pattern by --group-regex, or leave it out."
    if "" in known:
        return ""
    if len(known) == 1:
        return f"All images have the group {groups[0]!r}, so none can be kept apart from another: {other}"
    sets = [row.tobytes() for row in targets.members.astype(bool)]
    if len(set(zip(groups, sets, strict=True))) == len(known) == len(set(sets)) < len(groups):
        what = "set of labels" if targets.several else "class"
        return f"Each group is a {what}, so the groups say nothing of which images belong together: {other}"
    return ""
