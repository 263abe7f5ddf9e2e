"""Wilson intervals for proportions of images that come in sources.

Wilson's score interval (Wilson 1927, JASA 22:209) on an effective number of images (Korn and Graubard 1998,
Survey Methodology 24:193), with the variance of the ratio estimator linearised over sources (Cochran 1977,
section 3.12 and 9.3) and Student's t in place of the normal quantile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from groupwise.stats.arrays import Floats

LEVEL = 0.95
# How many imagined errors speak for the worst design effect; see `effective_n`.
PRIOR_ERRORS = 0.5


@dataclass(frozen=True)
class Support:
    """What a figure rests on: n images, their sources, and how many equal sources those are worth.

    `equal_sources` is Kish's (sum n_g)^2 / sum n_g^2: beside one source with half of the images, all others
    together count for little.
    """

    n: float
    sources: float
    equal_sources: float

    @property
    def df(self) -> float:
        """Degrees of freedom of a variance between these sources: G - 1 where they are equal, fewer else.

        With half a degree an interval spans nearly everything, so fewer need not be told apart.
        """
        return max(self.equal_sources - 1, 0.5)

    @classmethod
    def of(cls, images: Floats) -> Support:
        """From the number of images in each source, (G,); sources without any do not count."""
        n = float(images.sum())
        return cls(n, float((images > 0).sum()), n**2 / float((images**2).sum()) if n else 0.0)


def clustered_variance(hits: Floats, images: Floats) -> float:
    """Variance of sum(hits) / sum(images) when sources, not images, are drawn; NaN for fewer than two.

    `hits` and `images` are sums within each source, (G,). With the residuals r = hits - ratio * images, it is
    G / (G - 1) * sum(r^2) / sum(images)^2.
    """
    sources = int((images > 0).sum())
    if sources < 2:
        return float("nan")
    residuals = hits - hits.sum() / images.sum() * images
    return float(sources / (sources - 1) * (residuals**2).sum() / images.sum() ** 2)


def effective_n(value: float, variance: float, support: Support, least_effect: float = 1.0) -> float:
    """How many independent images would make `value`, a share in [0, 1], as uncertain as its variance says.

    That is n over the design effect: the variance over that of n coins, and for a count of images never
    below 1 (`least_effect`). A design effect seen on few errors is itself uncertain, and low when it
    matters most: one wrong image among hundreds looks independent of everything. So it is averaged with the
    worst one (each source all right or all wrong), where the observed one weighs the independent errors it
    rests on, and the worst one half an error. At 0 or 100 % nothing was seen of how errors cluster, and the
    sources are what counts.
    """
    rarer = min(value, 1 - value)
    if rarer < 1e-12:
        return support.sources
    observed = max(least_effect, variance * support.n / (value * (1 - value)))
    errors = support.n * rarer / max(1.0, observed)
    worst = max(observed, support.n / support.equal_sources)
    return support.n * (errors + PRIOR_ERRORS) / (errors * observed + PRIOR_ERRORS * worst)


def student_t(df: float) -> float:
    """Quantile of Student's t that leaves half of what lies outside the level above it."""
    return float(special.stdtrit(df, (1 + LEVEL) / 2))


def wilson_interval(value: float, n: float, df: float) -> tuple[float, float]:
    """Limits of the score interval for a share `value` of `n` images, with Student's t on `df` degrees."""
    t2 = student_t(df) ** 2
    centre = (value + t2 / (2 * n)) / (1 + t2 / n)
    half = np.sqrt(t2 * value * (1 - value) / n + t2**2 / (4 * n**2)) / (1 + t2 / n)
    # Rounding may put a limit beyond the figure itself at 0 and 1.
    return float(min(max(centre - half, 0.0), value)), float(max(min(centre + half, 1.0), value))


def wilson_of_count(successes: int, n: int) -> tuple[float, float]:
    """Limits of the share `successes` of `n` independent things; (0, 1) where nothing was counted."""
    return wilson_interval(successes / n, n, np.inf) if n else (0.0, 1.0)


def degrees_of(value: float, n: float, low: float, high: float) -> float:
    """The degrees of freedom that `wilson_interval` made these limits with."""
    limit = low if value > 0 else high  # the other may be at the end of the scale
    t = abs(value - limit) * np.sqrt(n / (limit * (1 - limit)))
    return float(special.stdtridf((1 + LEVEL) / 2, t))
