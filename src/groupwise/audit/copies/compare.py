"""Comparison of two aligned photographs: are their pixels of one exposure?

Local normalised cross-correlation of what a high-pass filter leaves: it ignores gain, bias and slow
shading, so a common studio background says nothing, and two shots of one hand disagree at every crease.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

_CELL = 4  # px; windows are 3 x 3 cells
_FLAT = 1.0  # variance, in grey values squared, that counts as no texture
_FINE, _COARSE = 1.0, 4.0  # Gaussian widths, px, between which content is compared
_FINE_OF_ENLARGED = 0.45  # least fine width in pixels of the source, which hold the noise of a small file
_LOST_BY_BLUR = (
    0.04  # score a unit of fine width: blurred look-alikes agree better, so tiny files must agree more
)
_AGREES, _DISAGREES = 0.6, 0.3
_MIN_OVERLAP = 0.15
_HOPELESS = 0.45  # copies start at 0.55 or more; refining the rest is time lost


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the pixels say about one pair.

    `score`: correlation that three quarters of the overlap's texture reaches, -1 to 1; `hole`: share of the
    texture that disagrees in patches wholly inside the overlap, where no crop or fill can explain it;
    `overlap`: share of the smaller frame that both photographs cover; `matrix` (2, 3): second onto first,
    refined.
    """

    score: float
    hole: float
    overlap: float
    matrix: Matrix


def compare(first: Pixels, second: Pixels, matrix: Matrix, *, enlarged: float = 1.0) -> Evidence:
    """Evidence after refining `matrix` on the pixels that already agree; the better of before and after.

    `enlarged` says how many times the smaller source was enlarged to its working size: what is finer than its
    own pixels is not compared.
    """
    fine = max(_FINE, _FINE_OF_ENLARGED * enlarged)
    rough, agree = _evidence(first, second, matrix, fine)
    if rough.score < _HOPELESS:
        return rough
    refined = _refine(first, second, matrix, agree)
    if refined is None:
        return rough
    better, _ = _evidence(first, second, refined, fine)
    return max(rough, better, key=lambda evidence: evidence.score)


def _evidence(
    first: Pixels, second: Pixels, matrix: Matrix, fine: float
) -> tuple[Evidence, npt.NDArray[np.bool_]]:
    mask, ours, theirs = overlay(first, second, matrix, fine)
    correlation, texture, covered = _correlate(ours, theirs, mask)
    overlap = float(mask.sum()) / min(first.size, _frame_area(second, matrix))
    if overlap < _MIN_OVERLAP or not (texture > 0).any():
        return Evidence(0.0, 1.0, overlap, matrix), covered
    quartile = _weighted_quantile(correlation[covered], texture[covered], 0.25)
    score = quartile - _LOST_BY_BLUR * (fine - _FINE)
    hole = _hole(correlation < _DISAGREES, texture, covered)
    return Evidence(score, hole, overlap, matrix), (correlation > _AGREES) & covered


def overlay(
    first: Pixels, second: Pixels, matrix: Matrix, fine: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Where both are defined (0 or 1) and the high-passed content of each, (h, w) in the first's frame."""
    size = first.shape[::-1]
    ones = np.ones(second.shape, dtype=np.float32)
    mask = cv2.warpAffine(ones, matrix, size, flags=cv2.INTER_NEAREST)
    warped = cv2.warpAffine(second.astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR)
    coarse = _COARSE * (fine / _FINE) ** 0.5
    ours = high_pass(first.astype(np.float32), mask, fine, coarse)
    return mask, ours, high_pass(warped, mask, fine, coarse)


def high_pass(image: FloatArray, mask: FloatArray, fine: float, coarse: float) -> FloatArray:
    """Difference of two Gaussian blurs that see only what the mask (0 or 1) covers; widths in pixels."""
    blurred = []
    for width in (fine, coarse):
        weight = cv2.GaussianBlur(mask, (0, 0), width)
        blurred.append(cv2.GaussianBlur(image * mask, (0, 0), width) / np.maximum(weight, 1e-3))
    return np.asarray((blurred[0] - blurred[1]) * mask, dtype=np.float32)


def _correlate(
    ours: FloatArray, theirs: FloatArray, mask: FloatArray
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
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
    texture = np.where(covered, (signal_a * signal_b) ** 0.25, 0).astype(np.float32)
    return correlation, texture, covered


def _windows(image: FloatArray) -> FloatArray:
    """Mean over windows of 3 x 3 cells, one a cell; what lies outside the frame counts as 0."""
    height, width = image.shape
    cells = cv2.resize(image, (width // _CELL, height // _CELL), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.boxFilter(cells, -1, (3, 3), borderType=cv2.BORDER_CONSTANT))


def _noise(variance: FloatArray) -> float:
    """Variance of sensor noise and JPEG: that of the flattest tenth of the windows that are not blank."""
    live = variance[variance > 0.05]
    return float(min(np.percentile(live, 10), 0.5 * np.median(live))) if live.size else 0.0


def _weighted_quantile(values: FloatArray, weights: FloatArray, share: float) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, share * total[-1])])


def _hole(disagrees: npt.NDArray[np.bool_], texture: FloatArray, covered: npt.NDArray[np.bool_]) -> float:
    strong = texture > 0.5 * texture[covered].mean()
    count, parts = cv2.connectedComponents((disagrees & strong & covered).astype(np.uint8))
    inner = cv2.erode(covered.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    at_border = np.unique(parts[covered & ~inner])
    weight = np.bincount(parts.ravel(), weights=texture.ravel(), minlength=count)
    weight[at_border] = 0
    weight[0] = 0
    return float(weight.sum() / texture.sum())


def _refine(first: Pixels, second: Pixels, matrix: Matrix, agree: npt.NDArray[np.bool_]) -> Matrix | None:
    """Enhanced correlation (Evangelidis, Psarakis, PAMI 2008) where they agree; None if it diverges."""
    inverse = cv2.invertAffineTransform(matrix).astype(np.float32)
    area = cv2.resize(agree.astype(np.uint8) * 255, first.shape[::-1], interpolation=cv2.INTER_NEAREST)
    mask = cv2.warpAffine(area, inverse, second.shape[::-1], flags=cv2.INTER_NEAREST)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 15, 1e-4)
    try:
        _, found = cv2.findTransformECC(first, second, inverse, cv2.MOTION_AFFINE, stop, mask, 5)
    except cv2.error:  # the overlap is flat or the step leaves the frame
        return None
    return np.asarray(cv2.invertAffineTransform(found), dtype=np.float64)


def _frame_area(image: Pixels, matrix: Matrix) -> float:
    return float(image.size * abs(np.linalg.det(matrix[:, :2])))
