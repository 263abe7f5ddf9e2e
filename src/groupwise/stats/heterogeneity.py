"""How accuracy varies between sites: a random-effects summary of the slices of one column.

On the logit scale, each slice weighing by its effective number of images: the between-site variance of Paule
and Mandel (1982, Journal of Research of the NBS 87:377), the limits of the mean by Hartung, Knapp, Sidik and
Jonkman (2001, Statistics in Medicine 20:3875) and those of a further site by Higgins, Thompson and
Spiegelhalter (2009, JRSS A 172:137). `slices.json` has for each column

    "heterogeneity": {"sites", "mean", "low", "high", "further_low", "further_high", "tau", "i2", "q", "p"}

or null where fewer than three slices hold several sources, or where a column's numbers were binned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import optimize, special

from groupwise.stats.arrays import Floats
from groupwise.stats.estimate import Estimate
from groupwise.stats.wilson import LEVEL

FEWEST = 3  # the limits of a further site have two degrees of freedom fewer than there are sites


def heterogeneity(sites: Sequence[Estimate]) -> dict[str, Any] | None:
    """The summary of accuracies of separate sites; those without an effective n are passed over."""
    known = [(one.value, one.effective_n) for one in sites if one.value is not None and one.effective_n]
    if len(known) < FEWEST:
        return None
    # Half an image on each side keeps a site that is all right from being certain (Haldane, Anscombe).
    right = np.array([value * n + 0.5 for value, n in known])
    wrong = np.array([(1 - value) * n + 0.5 for value, n in known])
    effects, variances = np.log(right / wrong), 1 / right + 1 / wrong
    tau2 = paule_mandel(effects, variances)
    mean, error = hartung_knapp(effects, variances, tau2)
    q, df = _q(effects, variances, 0.0), len(known) - 1
    t, further_t = (float(special.stdtrit(d, (1 + LEVEL) / 2)) for d in (df, df - 1))
    spread = further_t * np.sqrt(tau2 + error**2)
    low, high, further_low, further_high = special.expit(
        [mean - t * error, mean + t * error, mean - spread, mean + spread]
    ).tolist()
    return {
        "sites": len(known),
        "mean": float(special.expit(mean)),
        "low": low,
        "high": high,
        "further_low": further_low,
        "further_high": further_high,
        "tau": float(np.sqrt(tau2)),
        "i2": max(0.0, 1 - df / q) if q > 0 else 0.0,
        "q": q,
        "p": float(special.chdtrc(df, q)),
    }


def paule_mandel(effects: Floats, variances: Floats) -> float:
    """The between-site variance at which the weighted squares equal their degrees of freedom; at least 0."""
    df = len(effects) - 1

    def excess(tau2: float) -> float:
        return _q(effects, variances, tau2) - df

    if excess(0.0) <= 0:
        return 0.0
    most = 1.0
    while excess(most) > 0:
        most *= 2
    return float(optimize.brentq(excess, 0.0, most, xtol=1e-12, rtol=1e-12))


def _q(effects: Floats, variances: Floats, tau2: float) -> float:
    weights = 1 / (variances + tau2)
    return float((weights * (effects - np.average(effects, weights=weights)) ** 2).sum())


def hartung_knapp(effects: Floats, variances: Floats, tau2: float) -> tuple[float, float]:
    """The weighted mean and its standard error, which is never below that of weights taken for certain."""
    weights = 1 / (variances + tau2)
    scale = max(1.0, _q(effects, variances, tau2) / (len(effects) - 1))
    return float(np.average(effects, weights=weights)), float(np.sqrt(scale / weights.sum()))
