"""Turns a candidate pair into evidence: align by local features or by orientation, then compare pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groupwise.audit.align import align, plausible
from groupwise.audit.compare import Evidence, compare
from groupwise.audit.features import Features
from groupwise.audit.hashes import orient_matrix
from groupwise.audit.shortlist import Candidate

Pixels = npt.NDArray[np.uint8]

MAX_HOLE = 0.02
"""Share of the texture that may disagree inside the overlap: copies reach 0.008, a moved thumb 0.05."""

MIN_OVERLAP = 0.3
"""Share of the smaller frame that both must cover; less is a common logo, ruler or corner."""


@dataclass(frozen=True)
class Pair:
    """Two photographs, `first` < `second`, and what their pixels say about them."""

    first: int
    second: int
    evidence: Evidence

    @property
    def score(self) -> float:
        """The evidence as one number, -1 to 1; a hole or a small overlap rules a copy out whatever agrees."""
        evidence = self.evidence
        sound = evidence.hole <= MAX_HOLE and evidence.overlap >= MIN_OVERLAP and plausible(evidence.matrix)
        return evidence.score if sound else -1.0


def verify_features(
    greys: Sequence[Pixels], features: Sequence[Features], candidate: Candidate
) -> Pair | None:
    """Evidence for a pair of the short list; None where no plausible map lays one on the other."""
    i, j = candidate.first, candidate.second
    found = align(features[i], features[j], mirror=candidate.mirrored)
    return None if found is None else Pair(i, j, compare(greys[i], greys[j], found.matrix))


def verify_orientation(greys: Sequence[Pixels], i: int, j: int, orientation: int) -> Pair:
    """Evidence for like hashes: the second turned by `orientation`, stretched to the first's frame."""
    height, width = greys[i].shape
    turned = orient_matrix(orientation, (greys[j].shape[0], greys[j].shape[1]))
    own = greys[j].shape[::-1] if orientation & 4 else greys[j].shape
    scale = np.array([width / own[1], height / own[0]])
    # Pixel centres lie half a pixel inside the frame, so scaling moves the origin.
    matrix = np.column_stack([turned[:, :2] * scale[:, None], scale * turned[:, 2] + (scale - 1) / 2])
    return Pair(i, j, compare(greys[i], greys[j], matrix))
