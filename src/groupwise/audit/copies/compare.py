"""Comparison of two aligned photographs: are their pixels of one exposure?

Local normalised cross-correlation of what a high-pass filter leaves: it ignores gain, bias and slow
shading, so a common studio background says nothing, and two shots of one hand disagree at every crease.
It is taken twice: as fine as the working size allows, and at half of that, which blur, noise and an error of
a pixel leave as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from groupwise.audit.copies.align import project, shrinkage
from groupwise.audit.copies.refine import refine
from groupwise.stats.arrays import Floats32, Mask, Matrix, Pixels

_CELL = 4  # px; windows are 3 x 3 cells
_FLAT = 1.0  # variance, in grey values squared, that counts as no texture
_FINE, _COARSE = 1.0, 4.0  # Gaussian widths, px, between which content is compared
_FINE_OF_ENLARGED = 0.45  # least fine width in pixels of the source, which hold the noise of a small file
# Lost a unit of fine width: blurred look-alikes agree better, so tiny files must agree more.
_LOST_BY_BLUR = 0.04
_AGREES, _DISAGREES = 0.6, 0.3
_MIN_OVERLAP = 0.15
_ENOUGH = 0.97  # a correlation that refining cannot raise by much
# At half the size, to look closer: copies reach an agreement of 0.81 and a hole of 0.022.
_HOPELESS, _HOPELESS_HOLE = 0.7, 0.06
_HOPELESS_FINE = 0.4  # least agreement at the whole size to refine
_STEPS_AT_HALF, _STEPS = 15, 8  # of refining; the second begins where the first ended
_HALF = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])  # pixel centres lie half a pixel inside
_DOUBLE = np.linalg.inv(_HALF)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the pixels and the local features say about one pair.

    `fine`, `coarse`: correlation that three quarters of the overlap's texture reaches at the working size and
    at half of it, -1 to 1; `agreement`: share of the texture that agrees, at half the size; `hole`: share of
    the texture that disagrees in patches wholly inside the overlap, where no crop or fill can explain it;
    `overlap`: share of the smaller frame that both photographs cover; `matrix` (3, 3): second onto first,
    refined; `share`: of the local features that could agree with it, those that do, None where there are too
    few to say.
    """

    fine: float
    coarse: float
    agreement: float
    hole: float
    overlap: float
    matrix: Matrix
    share: float | None = None


@dataclass(frozen=True, eq=False)
class _Level:
    """The agreement at one size: as of `Evidence`, and the cells that agree."""

    score: float
    agreement: float
    hole: float
    overlap: float
    agree: Mask


def glance(first: Pixels, second: Pixels, matrix: Matrix) -> Evidence:
    """Evidence at half the size under `matrix` as it is: what is cheap to know of every pair."""
    level = _level(_halved(first), _halved(second), _HALF @ matrix @ _DOUBLE, _FINE)
    return Evidence(level.score, level.score, level.agreement, level.hole, level.overlap, matrix)


def compare(
    first: Pixels,
    second: Pixels,
    matrix: Matrix,
    *,
    enlarged: tuple[float, float] = (1, 1),
    worth: Callable[[Evidence], bool] = lambda _: True,
) -> Evidence:
    """Evidence after refining `matrix` on the pixels that already agree, at half the size and at the whole.

    `enlarged` says how many times the source of each was enlarged to its working size: what is finer than its
    own pixels is not compared. The finer picture is laid on the coarser one, so nothing is made up. `worth`
    is asked, with what is known then, before the map is refined at the whole size.
    """
    if shrinkage(matrix) > 1:
        found = _compare(second, first, np.asarray(np.linalg.inv(matrix)), enlarged[::-1], worth)
        back = np.linalg.inv(found.matrix)
        return replace(found, matrix=back / back[2, 2])
    return _compare(first, second, matrix, enlarged, worth)


def agreement_of(first: Pixels, second: Pixels, matrix: Matrix) -> float:
    """Share of the texture that agrees at the size as it is, 0 to 1, after refining `matrix`."""
    if shrinkage(matrix) > 1:
        first, second, matrix = second, first, np.asarray(np.linalg.inv(matrix))
        matrix /= matrix[2, 2]
    rough = _level(first, second, matrix, _FINE)
    return _refined(first, second, matrix, rough, _FINE, steps=_STEPS, stride=2)[0].agreement


def _compare(
    first: Pixels,
    second: Pixels,
    matrix: Matrix,
    enlarged: tuple[float, float],
    worth: Callable[[Evidence], bool],
) -> Evidence:
    at_half = _HALF @ matrix @ _DOUBLE
    halves = _halved(first), _halved(second)
    rough = _level(*halves, at_half, _FINE)
    coarse, at_half = _refined(*halves, at_half, rough, _FINE, steps=_STEPS_AT_HALF)
    matrix = _DOUBLE @ at_half @ _HALF
    if coarse.agreement < _HOPELESS or coarse.hole > _HOPELESS_HOLE:
        return Evidence(coarse.score, coarse.score, coarse.agreement, coarse.hole, coarse.overlap, matrix)
    shrink = shrinkage(matrix)
    width = max(_FINE, _FINE_OF_ENLARGED * enlarged[0], _FINE_OF_ENLARGED * enlarged[1] * shrink)

    def told(level: _Level, matrix: Matrix) -> Evidence:
        score = level.score - _LOST_BY_BLUR * (width - _FINE)
        return Evidence(score, coarse.score, coarse.agreement, level.hole, level.overlap, matrix)

    fine = _level(first, second, matrix, width)
    if worth(told(fine, matrix)):
        fine, matrix = _refined(first, second, matrix, fine, width, steps=_STEPS, stride=2)
    return told(fine, matrix)


def _refined(
    first: Pixels,
    second: Pixels,
    matrix: Matrix,
    rough: _Level,
    width: float,
    *,
    steps: int,
    stride: int = 1,
) -> tuple[_Level, Matrix]:
    """`rough`, which they say under `matrix`, or what a refinement makes of both where that says more."""
    if rough.score > _ENOUGH or rough.agreement < _HOPELESS_FINE:
        return rough, matrix
    found = refine(first, second, matrix, rough.agree, steps=steps, stride=stride)
    if found is None:
        return rough, matrix
    better = _level(first, second, found, width)
    return (better, found) if better.score > rough.score else (rough, matrix)


def _halved(image: Pixels) -> Pixels:
    height, width = (side // 2 for side in image.shape)
    even = image[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _level(first: Pixels, second: Pixels, matrix: Matrix, fine: float) -> _Level:
    mask, ours, theirs = overlay(first, second, matrix, fine)
    correlation, texture, covered = _correlate(ours, theirs, mask)
    overlap = float(mask.sum()) / min(first.size, _frame_area(second, matrix))
    total = float(texture.sum())
    if overlap < _MIN_OVERLAP or total <= 0:
        return _Level(0.0, 0.0, 1.0, overlap, np.zeros_like(covered))
    score = _weighted_quantile(correlation[covered], texture[covered], 0.25)
    hole = _hole(correlation < _DISAGREES, texture, covered)
    agree = (correlation > _AGREES) & covered
    return _Level(score, float(texture[agree].sum()) / total, hole, overlap, agree)


def overlay(
    first: Pixels, second: Pixels, matrix: Matrix, fine: float
) -> tuple[Floats32, Floats32, Floats32]:
    """Where both are defined (0 or 1) and the high-passed content of each, (h, w) in the first's frame."""
    size = first.shape[::-1]
    mask = cv2.warpPerspective(np.ones(second.shape, np.float32), matrix, size, flags=cv2.INTER_NEAREST)
    shrink = shrinkage(matrix)
    source = second.astype(np.float32)
    if shrink < 0.8:  # what the first cannot hold must not fold back into what it can
        source = cv2.GaussianBlur(source, (0, 0), 0.5 * (shrink**-2 - 1) ** 0.5)
    warped = cv2.warpPerspective(source, matrix, size, flags=cv2.INTER_LINEAR)
    coarse = _COARSE * (fine / _FINE) ** 0.5
    ours, theirs = high_pass((first.astype(np.float32), warped), mask, fine, coarse)
    return mask, ours, theirs


def high_pass(images: Sequence[Floats32], mask: Floats32, fine: float, coarse: float) -> list[Floats32]:
    """Difference of two Gaussian blurs that see only what the mask (0 or 1) covers; widths in pixels."""
    inverse = [mask / np.maximum(cv2.GaussianBlur(mask, (0, 0), width), 1e-3) for width in (fine, coarse)]
    passed = []
    for image in images:
        known = image * mask
        # One at a time: of several channels at once numpy takes longer than all of the blurring.
        narrow, wide = (cv2.GaussianBlur(known, (0, 0), width) for width in (fine, coarse))
        passed.append(narrow * inverse[0] - wide * inverse[1])
    return passed


def _correlate(ours: Floats32, theirs: Floats32, mask: Floats32) -> tuple[Floats32, Floats32, Mask]:
    """Windowed correlation, its weight (the texture both have) and where it is defined, one value a cell."""
    n = np.maximum(_windows(mask), 1e-3)
    mean_a, mean_b = _windows(ours) / n, _windows(theirs) / n
    var_a = np.maximum(_windows(ours * ours) / n - mean_a**2, 0)
    var_b = np.maximum(_windows(theirs * theirs) / n - mean_b**2, 0)
    covariance = _windows(ours * theirs) / n - mean_a * mean_b
    covered = n > 0.5
    noise_a, noise_b = _noise(var_a[covered]), _noise(var_b[covered])
    signal_a, signal_b = np.maximum(var_a - noise_a, 0), np.maximum(var_b - noise_b, 0)
    # Noise adds to the variance and not to the covariance; without it two noisy copies still agree.
    spread = (signal_a + _FLAT) * (signal_b + _FLAT)
    correlation = np.clip(covariance / np.sqrt(spread), -1, 1).astype(np.float32)
    texture = np.where(covered, np.sqrt(np.sqrt(signal_a * signal_b)), 0).astype(np.float32)
    return correlation, texture, covered


def _windows(image: Floats32) -> Floats32:
    """Mean over windows of 3 x 3 cells, one a cell; what lies outside the frame counts as 0."""
    height, width = image.shape
    cells = cv2.resize(image, (width // _CELL, height // _CELL), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.boxFilter(cells, -1, (3, 3), borderType=cv2.BORDER_CONSTANT))


def _noise(variance: Floats32) -> float:
    """Variance of sensor noise and JPEG: that of the flattest tenth of the windows that are not blank."""
    live = np.sort(variance[variance > 0.05])
    if not live.size:
        return 0.0
    # By hand, since numpy's quantiles take longer than all the rest of a level.
    lowest, middle = (_at(live, share * (live.size - 1)) for share in (0.1, 0.5))
    return min(lowest, 0.5 * middle)


def _at(values: Floats32, place: float) -> float:
    """The value at a place between two entries."""
    below, part = int(place), place % 1
    return float(values[below] + part * (values[min(below + 1, len(values) - 1)] - values[below]))


def _weighted_quantile(values: Floats32, weights: Floats32, share: float) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, share * total[-1])])


def _hole(disagrees: Mask, texture: Floats32, covered: Mask) -> float:
    strong = texture > 0.5 * texture[covered].mean()
    count, parts = cv2.connectedComponents((disagrees & strong & covered).astype(np.uint8))
    inner = cv2.erode(covered.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    at_border = np.unique(parts[covered & ~inner])
    weight = np.bincount(parts.ravel(), weights=texture.ravel(), minlength=count)
    weight[at_border] = 0
    weight[0] = 0
    return float(weight.sum() / texture.sum())


def _frame_area(image: Pixels, matrix: Matrix) -> float:
    """Area of the image's frame where `matrix` lays it."""
    height, width = image.shape
    corners = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
    (a, b), (c, d), (e, f), (g, h) = project(matrix, corners).tolist()
    return float(abs((e - a) * (h - d) - (g - c) * (f - b)) / 2)  # half the product of the diagonals
