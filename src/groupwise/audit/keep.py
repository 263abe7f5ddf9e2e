"""Which of several copies is worth keeping: how sharp each is, and how like the others."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.verify import Pair
from groupwise.stats.arrays import Floats32

_NOISE_PX = 1.0  # detail finer than this is noise more often than not, and noise is not sharpness
_CELL = 8


def sharpness(grey: npt.NDArray[np.uint8]) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al., ICPR 2000) of a working picture, over its variance.

    The median of the places with most texture, for the edge of a fill is as sharp as a ruler.
    """
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), _NOISE_PX)
    detail, texture = (_variances(image) for image in (cv2.Laplacian(smooth, cv2.CV_32F), smooth))
    rich = texture >= np.median(texture)
    return float(np.median(detail[rich] / np.maximum(texture[rich], 1.0)))


def _variances(image: Floats32) -> Floats32:
    """Variance within each cell, (K,)."""
    size = (image.shape[1] // _CELL, image.shape[0] // _CELL)
    mean, square = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (image, image**2))
    return np.asarray(np.maximum(square - mean**2, 0).ravel())


def centrality(n: int, exact: Sequence[tuple[int, int]], pairs: Sequence[Pair]) -> list[float]:
    """The sum of the scores by which each of `n` samples was joined to others; the highest is the medoid.

    `exact` are pairs (kept, copy) of equal content, of which the first stands for the second as well.
    """
    total = np.zeros(n)
    for pair in pairs:
        total[[pair.first, pair.second]] += pair.score
    for kept, copy in exact:
        total[kept] += 1
        total[copy] = total[kept]
    return [float(value) for value in total]
