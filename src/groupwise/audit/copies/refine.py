"""Refinement of a map between two photographs on the pixels that already agree.

Gauss and Newton on the correlation, with the template's gradients and their products computed once: the
inverse compositional algorithm (Baker and Matthews, "Lucas-Kanade 20 years on", IJCV 2004), up to gain and
offset as in enhanced correlation (Evangelidis and Psarakis, PAMI 2008). OpenCV's `findTransformECC` computes
all of them anew in every step.
"""

from __future__ import annotations

import cv2
import numpy as np

from groupwise.audit.copies.align import plausible, shrinkage
from groupwise.stats.arrays import Floats32, Mask, Matrix, Pixels

_WIDTH = 0.8  # px, of the Gaussian that smooths both
_ENOUGH, _STILL_PX = 1e-4, 0.02  # gain in correlation and step at the frame's edge, to go on for
_LEAST_PX = 32  # that agree, to tell eight numbers by
_RIDGE = 1e-2  # of the mean of the normal matrix: what the pixels do not tell stays as it is


def refine(
    first: Pixels,
    second: Pixels,
    matrix: Matrix,
    agree: Mask,
    *,
    steps: int,
    stride: int = 1,
) -> Matrix | None:
    """The map (3, 3), second onto first, near `matrix` under which they correlate most; None without one.

    `agree` (h', w'), of any size, lies over the first and says where to look; there every `stride`-th pixel
    of both axes is compared.
    """
    shape = tuple(-(-side // stride) for side in first.shape)
    area = cv2.resize(agree.astype(np.float32), shape[::-1], interpolation=cv2.INTER_NEAREST)
    unit, reach = _unit_frame(first)
    template, slopes = _template(first, area, reach, stride)
    length = float(template @ template) ** 0.5
    if area.sum() < _LEAST_PX or length < 1:
        return None
    normal = (slopes @ slopes.T).astype(float)
    normal.flat[::9] += _RIDGE * normal.trace() / 8
    # What the first cannot hold must not fold back into what it can.
    spread = (_WIDTH**2 + 0.25 * max(0.0, shrinkage(matrix) ** -2 - 1)) ** 0.5
    smooth = cv2.GaussianBlur(second.astype(np.float32), (0, 0), spread)
    to_unit = np.linalg.inv(unit) @ np.diag([stride, stride, 1.0])
    way = np.linalg.inv(matrix) @ unit  # from the first's frame, -1 to 1, to the second's pixels
    best, reached = way, -1.0
    for _ in range(steps + 1):
        seen = _centred(_sampled(smooth, way @ to_unit, shape), area)
        power, product = float(seen @ seen), float(seen @ template)
        correlation = product / max(length * power**0.5, 1e-9)
        gain, reached = correlation - reached, max(reached, correlation)
        if gain < _ENOUGH or product <= 0:
            break
        best = way
        step = np.linalg.solve(normal, slopes @ (seen * (product / power) - template))
        if np.abs(step).max() * reach < _STILL_PX:
            break
        way = way @ np.linalg.inv(np.eye(3) + np.append(step, 0).reshape(3, 3))
    found = unit @ np.linalg.inv(best)
    found = found / found[2, 2]
    return found if np.isfinite(found).all() and plausible(found) else None


def _unit_frame(image: Pixels) -> tuple[Matrix, float]:
    """From coordinates that are -1 to 1 along the longer side to pixels, and the pixels of 1."""
    height, width = image.shape
    reach = (max(height, width) - 1) / 2
    return np.array([[reach, 0, (width - 1) / 2], [0, reach, (height - 1) / 2], [0, 0, 1]]), reach


def _template(first: Pixels, area: Floats32, reach: float, stride: int) -> tuple[Floats32, Floats32]:
    """Centred values (N,) and what each of the eight numbers of a small map adds to them, (8, N)."""
    smooth = cv2.GaussianBlur(first.astype(np.float32), (0, 0), _WIDTH)
    down, right = (
        cv2.Sobel(smooth, cv2.CV_32F, *way, ksize=1, scale=reach / 2)[::stride, ::stride]
        for way in ((0, 1), (1, 0))
    )
    y, x = (stride * np.arange(side, dtype=np.float32) for side in area.shape)
    height, width = first.shape
    x, y = (x - (width - 1) / 2) / reach, ((y - (height - 1) / 2) / reach)[:, None]
    along = right * x + down * y
    parts = (right * x, right * y, right, down * x, down * y, down, -along * x, -along * y)
    values = smooth[::stride, ::stride]
    return _centred(values, area), np.stack([_centred(part, area) for part in parts])


def _centred(values: Floats32, area: Floats32) -> Floats32:
    """Flat values where the area (0 or 1) is, less their mean, and 0 elsewhere."""
    inside = values * area
    return np.asarray((inside - area * (inside.sum() / max(float(area.sum()), 1.0))).ravel())


def _sampled(image: Floats32, way: Matrix, shape: tuple[int, ...]) -> Floats32:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(image, way, shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, dtype=np.float32)
