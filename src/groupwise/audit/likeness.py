"""Whether the pictures of a series look more alike than strangers of the same class: a permutation test.

Names and numbers say in what order files were written, not what they show. If a series is of one subject,
sitting or place, its pictures share light, background and layout; so the test asks whether pictures of one
series are nearer to one another than they are where the same pictures, each within its class, are dealt to
the series at random (Mantel, "The detection of disease clustering and a generalized regression approach",
1967).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.stats.arrays import Floats, Ints

ALPHA = 0.01
"""Series whose likeness chance reaches so often, or more, are not named."""

LEAST_ALIKE = 0.6
"""Share of strangers that a neighbour has to outdo: of thousands of files less is sure and means nothing."""

PERMUTATIONS = 299
MAX_PAIRS = 20_000

_SIDE = 8


@dataclass(frozen=True)
class Likeness:
    """How alike the pictures of the series are.

    `closer` is the probability that two of one series are more alike than two strangers of the same classes,
    0.5 for chance; `p_value` how often dealing at random makes them as alike; `pairs` how many were compared.
    """

    closer: float
    p_value: float
    pairs: int

    @property
    def shown(self) -> bool:
        """Whether the series may be named."""
        return self.p_value <= ALPHA and self.closer >= LEAST_ALIKE


def picture_features(grey: npt.NDArray[np.uint8], *colours: Floats) -> Floats:
    """What a picture looks like at a glance, (67 or more,): layout without its contrast, then the colours."""
    layout = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(float).ravel()
    layout = (layout - layout.mean()) / max(float(layout.std()), 1.0)
    # Each block weighs the same, however many numbers it has.
    return np.concatenate([layout / _SIDE, *(colour / np.sqrt(len(colour)) for colour in colours)])


def measure_likeness(
    features: Floats,
    labels: Sequence[str],
    clusters: Sequence[int],
    series: Sequence[Sequence[int]],
    *,
    seed: int,
) -> Likeness | None:
    """Compare the pictures of each of the `series` of sample numbers; None where there is nothing to compare.

    `features` (N, d), `labels` and `clusters` (N) are those of all samples. Of copies one is taken, because
    they are alike for a reason that is known.
    """
    rng = np.random.default_rng(seed)
    pairs = _pairs(series, clusters, rng)
    if len(pairs) == 0:
        return None
    members = np.unique(pairs)
    place = np.searchsorted(members, pairs)
    _, label = np.unique([labels[i] for i in members], return_inverse=True)
    table = _standardised(features[members])
    observed = _distances(table, place)
    dealt = np.empty((PERMUTATIONS, len(pairs)))
    for k in range(PERMUTATIONS):
        dealt[k] = _distances(table[_deal(label, rng)], place)
    if np.allclose(dealt.std(axis=0), 0):  # a class with a single picture has no strangers
        return None
    reached = (dealt.mean(axis=1) <= observed.mean() + 1e-12).sum()
    closer = float((dealt > observed).mean() + (dealt == observed).mean() / 2)
    return Likeness(closer, float((1 + reached) / (1 + PERMUTATIONS)), len(pairs))


def _pairs(series: Sequence[Sequence[int]], clusters: Sequence[int], rng: np.random.Generator) -> Ints:
    """Neighbours within the series, the next and the next but one, (P, 2); of copies the first alone."""
    pairs = []
    for one in series:
        alone = list({clusters[i]: i for i in reversed(one)}.values())[::-1]
        pairs += [(a, b) for step in (1, 2) for a, b in zip(alone, alone[step:], strict=False)]
    found = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return found[np.sort(rng.permutation(len(found))[:MAX_PAIRS])]


def _deal(label: Ints, rng: np.random.Generator) -> Ints:
    """A random order of the samples that exchanges those of one label only."""
    order = np.argsort(label, kind="stable")
    dealt = np.empty_like(order)
    dealt[order] = order[np.lexsort((rng.random(len(order)), label[order]))]
    return dealt


def _standardised(features: Floats) -> Floats:
    """Columns with mean 0, scaled as blocks were: one spread for all, so that weights stay."""
    centred = features - features.mean(axis=0)
    layout, colours = centred[:, : _SIDE**2], centred[:, _SIDE**2 :]
    parts = [part / max(float(np.sqrt((part**2).sum(axis=1).mean())), 1e-9) for part in (layout, colours)]
    return np.concatenate(parts, axis=1)


def _distances(table: Floats, pairs: Ints) -> Floats:
    return np.asarray(np.sqrt(((table[pairs[:, 0]] - table[pairs[:, 1]]) ** 2).sum(axis=1)))
