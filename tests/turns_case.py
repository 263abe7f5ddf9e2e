"""The eight orientations of the square, under the numbers that the audit gives them."""

import numpy as np

from groupwise.stats.arrays import Pixels


def orient(grey: Pixels, number: int) -> Pixels:
    """One of the eight orientations of the square: transpose (4), then mirror in x (2) and in y (1)."""
    turned = grey.T if number & 4 else grey
    turned = turned[:, ::-1] if number & 2 else turned
    return np.ascontiguousarray(turned[::-1] if number & 1 else turned)
