"""Evidence for a candidate pair: alignment by features or orientation, then the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.align import align, align_along
from groupwise.audit.copies.compare import Evidence, compare, glance
from groupwise.audit.copies.features import Features, describe, working_grey
from groupwise.audit.copies.hashes import dihedral_hashes, orient_matrix
from groupwise.audit.copies.score import score
from groupwise.stats.arrays import Floats, Pixels

HEIGHT_PX = 192
_GAP = 6

HOPELESS = 0.5
"""Share of the texture that agrees at a glance; copies start at 0.53, and refining the rest is time lost."""

PROMISING, SHARE_WEIGHT = 1.35, 2.0
"""Least agreement at a glance and this much of the share of features that match, to refine. Of the copies
that were found without this rule 0 to 0.5 % lie below it, of the look-alikes three quarters."""

HOPED_FINE, HOPED_SCORE = 0.93, 0.3
"""A pair is refined at the whole size if it would have this score with this correlation there and no hole; of
copies that were found 0.47 was the least, of look-alikes that came so far 0.27 is the middle."""

LEAST_FOR_FEATURES_PX = 16
"""Images whose short side is less hold no local features worth comparing."""

LEAST_POINTS = 8
"""Local features that both must have, before it says something that they do not match."""


@dataclass(frozen=True, eq=False)
class Photograph:
    """What the detector keeps of one photograph: about 35 kB, however large the file.

    `grey` (h, w) is at working size, `enlarged` how many times its source was enlarged for it, at least 1.
    """

    grey: Pixels
    enlarged: float
    hashes: npt.NDArray[np.uint64]
    features: Features

    @property
    def side(self) -> float:
        """Short side in pixels of the source; of the working size, if the source was larger than that."""
        return float(min(self.grey.shape)) / self.enlarged


@dataclass(frozen=True, eq=False)
class Pair:
    """Two photographs, `first` < `second`, what their pixels say, and that as one number, -1 to 1."""

    first: int
    second: int
    evidence: Evidence

    score: float


@dataclass(frozen=True)
class Candidate:
    """Photographs that share visual words; `mirrored` if one reads as the mirror image of the other."""

    first: int
    second: int
    mirrored: bool

    @property
    def way(self) -> str:
        """How one is laid on the other, in a word."""
        return "mirrored" if self.mirrored else "plain"


@dataclass(frozen=True)
class Turned:
    """Photographs of like hashes, if the second is turned by `orientation`, 0 to 7."""

    first: int
    second: int
    orientation: int

    @property
    def way(self) -> str:
        """How one is laid on the other, in a word."""
        return f"turned {self.orientation}"


Look = Candidate | Turned
"""Two photographs, and how one may lie on the other."""


def reduce_photograph(rgb: Pixels) -> Photograph:
    """Bring one decoded photograph (H, W, 3) to what the detector needs."""
    grey = working_grey(rgb)
    enlarged = max(1.0, (grey.size / (rgb.shape[0] * rgb.shape[1])) ** 0.5)
    return Photograph(grey, enlarged, dihedral_hashes(grey), describe(grey))


def verify(photographs: Sequence[Photograph], look: Look) -> Pair | None:
    """Evidence for a pair; None where no plausible map lays one on the other."""
    if isinstance(look, Turned):
        return verify_orientation(photographs, look.first, look.second, look.orientation)
    return verify_features(photographs, look)


def verify_features(photographs: Sequence[Photograph], candidate: Candidate) -> Pair | None:
    """Evidence for a pair of the short list; None where no plausible map lays one on the other."""
    first, second = photographs[candidate.first], photographs[candidate.second]
    matrix = align(first.features, second.features, mirror=candidate.mirrored)
    if matrix is None:
        return None
    return _pair(candidate.first, candidate.second, _compare(first, second, matrix))


def verify_orientation(photographs: Sequence[Photograph], i: int, j: int, orientation: int) -> Pair:
    """Evidence for like hashes: the second turned by `orientation`, stretched to the first's frame."""
    first, second = photographs[i], photographs[j]
    (height, width), (h, w) = first.grey.shape, second.grey.shape
    turned = orient_matrix(orientation, (h, w))
    own = (w, h) if orientation & 4 else (h, w)
    scale = np.array([width / own[1], height / own[0]])
    # Pixel centres lie half a pixel inside the frame, so scaling moves the origin.
    matrix = np.column_stack([turned[:, :2] * scale[:, None], scale * turned[:, 2] + (scale - 1) / 2])
    return _pair(i, j, _compare(first, second, np.vstack([matrix, [0, 0, 1]])))


def _pair(first: int, second: int, evidence: Evidence) -> Pair:
    return Pair(first, second, evidence, score(evidence))


def _compare(first: Photograph, second: Photograph, matrix: Floats) -> Evidence:
    """What can be seen at a glance; more, where that leaves hope of a copy."""
    rough = glance(first.grey, second.grey, matrix)
    if rough.agreement < HOPELESS:
        return rough
    along = align_along(first.features, second.features, matrix)
    told = all(
        one.side >= LEAST_FOR_FEATURES_PX and len(one.features.points) >= LEAST_POINTS
        for one in (first, second)
    )
    if told and rough.agreement + SHARE_WEIGHT * along.share < PROMISING:
        return replace(rough, share=along.share)
    share = along.share if told else None

    def worth(known: Evidence) -> bool:
        hoped = replace(known, share=share, fine=max(known.fine, HOPED_FINE), hole=0.0)
        return score(hoped) >= HOPED_SCORE

    enlarged = first.enlarged, second.enlarged
    found = compare(first.grey, second.grey, along.matrix, enlarged=enlarged, worth=worth)
    return replace(found, share=share)


def draw_pair(first: Pixels, second: Pixels, pair: Pair) -> bytes:
    """PNG with the two photographs (H, W, 3) and the overlay side by side, each `HEIGHT_PX` high.

    The overlay shows the first in red and the second, warped onto it, in blue and green: grey where they
    agree, coloured where they differ.
    """
    ours, theirs = working_grey(first), working_grey(second)
    warped = cv2.warpPerspective(theirs, pair.evidence.matrix, ours.shape[::-1])
    panels = [_panel(first), _panel(second), _panel(np.dstack([ours, warped, warped]))]
    gap = np.full((HEIGHT_PX, _GAP, 3), 255, dtype=np.uint8)
    picture = np.hstack([panels[0], gap, panels[1], gap, panels[2]])
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise ValueError(f"cannot encode a picture of shape {picture.shape}")
    return data.tobytes()


def _panel(rgb: Pixels) -> Pixels:
    height, width = rgb.shape[:2]
    # A panorama stays inside three times the height; the page has no room for more.
    wide = int(np.clip(round(width * HEIGHT_PX / height), HEIGHT_PX // 3, 3 * HEIGHT_PX))
    method = cv2.INTER_AREA if height > HEIGHT_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, (wide, HEIGHT_PX), interpolation=method), dtype=np.uint8)
