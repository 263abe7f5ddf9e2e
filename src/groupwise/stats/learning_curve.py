"""The inverse power law of error by sources learnt from, with its uncertainty, and sources for an interval.

The error of a network that learnt from n sources is taken for c + a n^-b (Cortes et al. 1993, NIPS; Hestness
et al. 2017, arXiv:1712.00409). Few sizes hardly tell the floor c from a slow fall, so it is averaged over,
each value weighing by how well it fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from groupwise.stats.arrays import Floats
from groupwise.stats.estimate import Estimate
from groupwise.stats.wilson import LEVEL, Support, degrees_of, wilson_interval

FLOORS = np.linspace(0, 0.95, 20)  # of the lowest error seen
STEEPEST = 2.0
NARROWEST = 0.001  # which is as far as widths are told
FEWEST_SIZES = 3


@dataclass(frozen=True, eq=False)
class PowerLaws:
    """A law for each of D draws of errors and each of C floors, (D, C) each, and its weight."""

    floor: Floats
    log_scale: Floats
    exponent: Floats
    weight: Floats

    @classmethod
    def fit(cls, sizes: Floats, errors: Floats, spread: Floats) -> PowerLaws:
        """Of errors (D, S) at `sizes` (S,); `spread` (S,) says how well each is known."""
        if len(sizes) < FEWEST_SIZES:
            raise ValueError(f"{len(sizes)} sizes do not tell a curve; at least {FEWEST_SIZES} are needed")
        floor = FLOORS * errors.min(axis=1, keepdims=True)  # (D, C)
        x, y = np.log(sizes), np.log(errors[:, None, :] - floor[..., None])  # (D, C, S)
        deviations = x - x.mean()
        slope = (y * deviations).sum(axis=2) / (deviations**2).sum()
        exponent = np.clip(-slope, 0, STEEPEST)
        log_scale = y.mean(axis=2) + exponent * x.mean()
        law = floor[..., None] + np.exp(log_scale[..., None] - exponent[..., None] * x)
        misfit = (((law - errors[:, None, :]) / spread) ** 2).sum(axis=2)
        weight = np.exp(-(misfit - misfit.min(axis=1, keepdims=True)) / 2)
        return cls(floor, log_scale, exponent, weight / weight.sum(axis=1, keepdims=True))

    def mean(self, sizes: Floats) -> Floats:
        """Errors at other `sizes` (M,), averaged over the floors, (D, M)."""
        return np.asarray(np.einsum("dc,dcm->dm", self.weight, self._at(sizes)))

    def drawn(self, sizes: Floats, rng: np.random.Generator) -> Floats:
        """The same with one floor for each draw, by its weight, (D, M)."""
        ends = np.cumsum(self.weight, axis=1)
        chosen = (rng.random((len(ends), 1)) > ends).sum(axis=1).clip(max=ends.shape[1] - 1)
        return np.asarray(self._at(sizes)[np.arange(len(ends)), chosen])

    def _at(self, sizes: Floats) -> Floats:
        falls = np.exp(self.log_scale[..., None] - self.exponent[..., None] * np.log(sizes))
        return np.asarray(np.minimum(self.floor[..., None] + falls, 1.0))


def extrapolate(
    sizes: Floats, scores: Floats, draws: Floats, at: Floats, *, noise: float, seed: int
) -> list[Estimate]:
    """Accuracy at sources `at` (M,) from `scores` (S,) at `sizes` (S,) and bootstrap `draws` (D, S) of those.

    The band is that of one more network's score, whose training alone moves it by a standard deviation of
    `noise`, on the same images.
    """
    rng = np.random.default_rng(seed)
    least = 1e-4  # an error of 0 has no logarithm
    spread = np.sqrt(draws.var(axis=0) + noise**2 + 1e-6)
    laws = PowerLaws.fit(sizes, np.maximum(1 - scores, least)[None], spread)
    values = 1 - laws.mean(at)[0]
    noisy = draws + noise * rng.standard_normal(draws.shape)
    drawn = PowerLaws.fit(sizes, np.clip(1 - noisy, least, 1), spread).drawn(at, rng)
    drawn = drawn + noise * rng.standard_normal(drawn.shape)
    tail = (1 - LEVEL) / 2
    low, high = np.clip(1 - np.quantile(drawn, [1 - tail, tail], axis=0), 0, 1)
    return [
        Estimate(float(v), low=float(min(lower, v)), high=float(max(upper, v)), method="inverse power law")
        for v, lower, upper in zip(values, low, high, strict=True)
    ]


def sources_for_width(accuracy: Estimate, width: float) -> dict[str, Any]:
    """How many sources like those of `accuracy` bring its interval to `width`, and what it is now.

    Each source counts for as many independent images as it does now, and where sources are unequal, for as
    much of an equal one. `accuracy` has an interval and its effective n; `width` is at least `NARROWEST`.
    """
    assert accuracy.value is not None
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.effective_n is not None
    value, each = accuracy.value, accuracy.effective_n / accuracy.sources
    equal_now = 1 + degrees_of(value, accuracy.effective_n, accuracy.low, accuracy.high)

    def reached(sources: int) -> float:
        more = Support(each * sources, sources, equal_now * sources / accuracy.sources)
        low, high = wilson_interval(value, more.n, more.df)
        return high - low

    low, high = 1, 2
    while reached(high) > width:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) <= width else (middle, high)
    return {
        "wanted": width,
        "now": accuracy.high - accuracy.low,
        "sources_now": accuracy.sources,
        "sources": high,
        "independent_images_a_source": each,
        "accuracy": accuracy.as_json(),
    }
