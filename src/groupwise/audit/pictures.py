"""Turns a pair of photographs and the map between them into one PNG: first, second, one laid on the other."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.audit.features import working_grey
from groupwise.audit.verify import Pair

Pixels = npt.NDArray[np.uint8]

HEIGHT_PX = 192
_GAP = 6


def draw_pair(first: Pixels, second: Pixels, pair: Pair) -> bytes:
    """PNG with the two photographs (H, W, 3) and the overlay side by side, each `HEIGHT_PX` high.

    The overlay shows the first in red and the second, warped onto it, in blue and green: grey where they
    agree, coloured where they differ.
    """
    ours, theirs = working_grey(first), working_grey(second)
    warped = cv2.warpAffine(theirs, pair.evidence.matrix, ours.shape[::-1])
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
