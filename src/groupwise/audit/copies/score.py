"""The score of a pair: the log odds that two photographs are one, by logistic regression on the evidence."""

from __future__ import annotations

import math
from dataclasses import replace

from groupwise.audit.copies.align import plausible, shrinkage
from groupwise.audit.copies.compare import Evidence

MIN_OVERLAP = 0.3
"""Share of the smaller frame that both must cover; less is a common logo, ruler or corner."""

MAX_HOLE = 0.012
"""Share of the texture that may disagree inside the overlap: copies reach 0.008, a moved thumb 0.05."""

MIN_FINE = 0.5
"""Least correlation at the whole size. The least of 910 planted copies that passed had 0.77; a small overlap
of smooth pictures bends into agreement at half the size, and has 0.3 here."""

MIN_SHARE = 0.2
"""Least share of matching features, where there are enough to tell. The least of the planted copies that
passed had 0.245; ten pairs of two garments each, alike in cloth and place, had 0.12 to 0.17."""

PART_SCALE, LEAST_OF_PART = 0.5, 0.85
"""A picture that shows at less than this scale in the other lies inside it, but for so much of its frame: a
crop keeps half of the area, and a turn in a larger frame halves it. Pictures of few points, as of one thing
on a white ground, shrink until what is left of them agrees with anything smooth."""

SURE_BUT_FOR_A_PART = 0.9
"""Score, its hole left out, from which two pictures are one but for a part. Of 1,376 photographs of faces, of
which half are others with a mask pasted on, 392 pairs reach it; of twelve other sets none does."""

LOG_ODDS = 10
"""What a score of 1 stands for; beyond it nothing is told apart."""

WEIGHTS = (1.57, 1.25, 0.86, 10.31, -3.6)
INTERCEPT = -8.11
"""Of `describe_evidence`, fitted as `benchmarks/fit_copies.py` does, on data of which nothing is claimed."""

_SATURATION = 0.03  # correlations of 0.97 and more say the same
_TYPICAL_SHARE = 0.25  # of pairs that are neither surely copies nor surely not


def describe_evidence(evidence: Evidence) -> tuple[float, ...]:
    """What the regression sees: near 1, a correlation says more in the logarithm of what it lacks."""
    # Where a photograph has too few points to match, nothing follows from their not matching.
    share = _TYPICAL_SHARE if evidence.share is None else evidence.share
    return (
        _log_gap(evidence.fine),
        _log_gap(min(evidence.fine, evidence.coarse)),
        _log_gap(evidence.agreement),
        share,
        math.sqrt(evidence.hole),
    )


def is_ruled_out(evidence: Evidence) -> bool:
    """Whether a hole, a small overlap, a blurred likeness, few matches or a wild map forbid a copy."""
    if not plausible(evidence.matrix):
        return True
    scale = shrinkage(evidence.matrix)
    shrunk = min(scale, 1 / scale) < PART_SCALE and evidence.overlap < LEAST_OF_PART
    few = evidence.share is not None and evidence.share < MIN_SHARE
    return (
        few
        or shrunk
        or evidence.hole > MAX_HOLE
        or evidence.overlap < MIN_OVERLAP
        or evidence.fine < MIN_FINE
    )


def score(evidence: Evidence) -> float:
    """Log odds by `LOG_ODDS`, -1 to 1; -1 as well where a copy is ruled out."""
    if is_ruled_out(evidence):
        return -1.0
    described = describe_evidence(evidence)
    log_odds = INTERCEPT + sum(weight * value for weight, value in zip(WEIGHTS, described, strict=True))
    return max(-1.0, min(1.0, log_odds / LOG_ODDS))


def differs_in_part(evidence: Evidence) -> bool:
    """Whether a hole alone forbids a copy, and all around it agrees as surely as copies do."""
    return evidence.hole > MAX_HOLE and score(replace(evidence, hole=0.0)) >= SURE_BUT_FOR_A_PART


def _log_gap(correlation: float) -> float:
    return -math.log(1 + _SATURATION - min(correlation, 1.0))
