"""Intervals for figures of one fold, from their spread over its sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import special

from groupwise.stats.arrays import Floats, Mask
from groupwise.stats.bootstrap import jackknife
from groupwise.stats.estimate import Estimate
from groupwise.stats.fold import MOST_LOSS, Fold
from groupwise.stats.wilson import Support, clustered_variance, effective_n, student_t, wilson_interval

LINEARISED = "Wilson interval on effective n, variance linearised over sources, Student t"
RESAMPLED = "Wilson interval on effective n, variance from a bootstrap over sources within classes, Student t"
JACKKNIFED = "Wilson interval on effective n, optimism and variance from a jackknife over sources, Student t"
LOG_SCALE = "bootstrap over sources, Student t on the log scale, widened for errors not yet seen"
RECENTRED = "percentiles of a bootstrap over sources, noise removed, widened for errors not yet seen"

ONE_SOURCE = "a single source does not show how sources differ"
RARE_CLASS = "a class is in so few sources that most resamples miss it"


def fraction(hits: Floats, images: Floats, undefined: str) -> Estimate:
    """A share of images, from sums within each source (G,); `undefined` is the reason if there are none."""
    support = Support.of(images)
    if support.n == 0:
        return Estimate(None, 0, 0, reason=undefined)
    figure = Estimate(float(hits.sum() / images.sum()), round(support.n), round(support.sources))
    if figure.sources < 2:
        return replace(figure, reason=ONE_SOURCE)
    n = effective_n(hits.sum() / images.sum(), clustered_variance(hits, images), support)
    return _score_limits(figure, n, support.df, LINEARISED)


def share_of_images(fold: Fold, hits: Mask, among: Mask, undefined: str = "") -> Estimate:
    """The share of `hits` (N,) among images (N,) of a fold; `undefined` is the reason if there are none."""
    images = fold.per_source(among.astype(np.float64))
    return fraction(fold.per_source((hits & among).astype(np.float64)), images, undefined)


def resampled_share(figure: Estimate, draws: Floats, support: Support, df: float) -> Estimate:
    """Limits of a figure in [0, 1] from its bootstrap draws (D,), NaN in those that lost a class."""
    defined = draws[np.isfinite(draws)]
    if len(defined) < len(draws) / 2:
        return replace(figure, reason=RARE_CLASS)
    assert figure.value is not None
    # Not a count of images: its variance may well be below that of coins.
    n = effective_n(figure.value, float(defined.var()), support, least_effect=0.0)
    return _score_limits(figure, n, df, RESAMPLED)


def jackknifed_share(figure: Estimate, left_out: Floats, support: Support, df: float) -> Estimate:
    """Limits of a figure in [0, 1], such as average precision, that is too high in small folds.

    From its values (D,) without each block of sources. A bootstrap repeats images, which rank alike, and so
    shows some 6 % too little spread; the limits lie around the figure less its optimism.
    """
    assert figure.value is not None
    bias, variance = jackknife(figure.value, left_out)
    centre = figure.value - min(max(bias, 0.0), figure.value)
    n = effective_n(centre, variance, support, least_effect=0.0)
    low, high = wilson_interval(centre, n, df)
    return replace(
        figure,
        low=min(low, figure.value),
        high=max(high, figure.value),
        effective_n=n,
        method=JACKKNIFED,
    )


def resampled_agreement(figure: Estimate, draws: Floats, support: Support, df: float) -> Estimate:
    """Limits of a figure from -1 to 1, whose (1 + value) / 2 is treated as a share."""
    assert figure.value is not None
    if figure.value < -1:
        return replace(figure, reason="below -1, where no interval is known")
    half = replace(figure, value=(1 + figure.value) / 2)
    half = resampled_share(half, (1 + draws) / 2, support, df)
    if half.low is None or half.high is None:
        return replace(figure, reason=half.reason)
    return replace(half, value=figure.value, low=2 * half.low - 1, high=2 * half.high - 1)


def _score_limits(figure: Estimate, n: float, df: float, method: str) -> Estimate:
    assert figure.value is not None
    low, high = wilson_interval(figure.value, n, df)
    return replace(figure, low=low, high=high, effective_n=n, method=method)


def whole_support(fold: Fold) -> Support:
    """What figures of all images of the fold rest on."""
    return Support.of(fold.per_source(np.ones(fold.n)))


def balanced_support(fold: Fold, parts: Sequence[Floats]) -> tuple[Support, float]:
    """Support and degrees of freedom of a figure that weighs several classes equally.

    `parts` holds the images of each class within each source, (G,) each; every class needs two sources. A
    mean over C classes varies like one over C^2 / sum(1 / n_c) images: five images against a thousand count
    like twenty. The degrees of freedom are Satterthwaite's (1946, Biometrics Bulletin 2:110) for classes of
    equal variance. Neither exceeds what the fold holds as a whole; it would where a source holds several
    classes.
    """
    supports, whole = [Support.of(part) for part in parts], whole_support(fold)
    balanced = Support(
        n=_harmonic([support.n for support in supports], whole.n),
        sources=_harmonic([support.sources for support in supports], whole.sources),
        equal_sources=_harmonic([support.equal_sources for support in supports], whole.equal_sources),
    )
    variances = [1 / support.equal_sources for support in supports]
    spread = sum(v**2 / support.df for v, support in zip(variances, supports, strict=True))
    return balanced, min(sum(variances) ** 2 / spread, whole.df)


def _harmonic(values: Sequence[float], most: float) -> float:
    return min(most, len(values) ** 2 / sum(1 / value for value in values))


def log_loss_estimate(fold: Fold, value: float, draws: Floats, accuracy: Estimate) -> Estimate:
    """Log loss with Student's t on the log scale.

    A fold with few wrong images hardly shows what they cost, and resampling cannot invent them. So the upper
    limit is at least the loss were accuracy at its own lower limit, with each further wrong image costing
    what the model's probabilities imply.
    """
    assert accuracy.value is not None
    assert accuracy.low is not None
    step = student_t(whole_support(fold).df) * float(draws.std()) / value
    unseen = value + (accuracy.value - accuracy.low) * _loss_if_wrong(fold)
    # No image costs more than the clip allows, and the exponential stays within range.
    high = min(max(value * np.exp(min(step, 99.0)), unseen), MOST_LOSS)
    return Estimate(
        value, fold.n, fold.n_sources, value * float(np.exp(-step)), float(high), method=LOG_SCALE
    )


def _loss_if_wrong(fold: Fold) -> float:
    # Mean of -log p(true class) over images whose true class is not the predicted one, were the
    # probabilities the truth.
    others = fold.probs.copy()
    others[np.arange(fold.n), fold.predicted] = 0.0
    if others.sum() == 0:  # nothing but certainties
        return MOST_LOSS
    return float(-(others * np.log(np.where(others > 0, others, 1.0))).sum() / others.sum())


def calibration_estimate(
    fold: Fold, squared: float, noise: float, draws: Floats, accuracy: Estimate
) -> Estimate:
    """Calibration error from its square, the noise in that, and bootstrap draws (D,) of the square.

    A draw carries the noise of the sample and that of resampling, of which its own estimate removes one; the
    other is removed here. The error is at least the gap between mean confidence and accuracy, and a fold with
    few errors hardly shows in its draws how accuracy varies. So the interval of accuracy bounds it as well:
    the upper limit admits the widest gap in there, and the lower one has the narrowest in place of the gap
    that was seen. It is 0 if there may be no gap.
    """
    assert accuracy.value is not None
    assert accuracy.low is not None
    assert accuracy.high is not None
    value = float(np.sqrt(max(squared, 0)))
    tail = float(special.ndtr(-student_t(whole_support(fold).df)))
    low, high = np.sqrt(np.maximum(np.quantile(draws - noise, [tail, 1 - tail]), 0))
    confidence = float(fold.confidence.mean())
    narrowest = max(0.0, accuracy.low - confidence, confidence - accuracy.high)
    beside = max(low**2 - (confidence - accuracy.value) ** 2, 0)  # what bins err by beyond that gap
    low = min(low, value, np.hypot(narrowest, np.sqrt(beside))) if narrowest else 0.0
    high = max(high, value, confidence - accuracy.low, accuracy.high - confidence)
    return Estimate(value, fold.n, fold.n_sources, float(low), float(high), method=RECENTRED)
