"""Charts carry their bands, and a figure without an interval is drawn without one."""

import io

import numpy as np
import pytest
from PIL import Image

from groupwise.report import plots
from groupwise.report.style import DARK, DPI

BLUE = np.array((0, 114, 178))
NO_LIMITS = {"low": None, "high": None}


def figure(value, low, high, **more):
    return {"value": value, "low": low, "high": high, **more}


BINS = [
    figure(0.5, 0.3, 0.7, confidence=0.55, lowest=0.4, highest=0.6),
    figure(0.9, 0.8, 0.95, confidence=0.85, lowest=0.6, highest=1.0),
]
POINTS = [figure(0.0, 0.0, 0.2, coverage=0.2), figure(0.1, 0.05, 0.3, coverage=1.0)]
STEPS = [figure(value, value - 0.1, value + 0.05) for value in (0.9, 0.8, 0.6, 0.5, 0.4)]

DRAWN = {
    "reliability": lambda **kw: plots.reliability(BINS, **kw),
    "coverage": lambda **kw: plots.coverage(POINTS, **kw),
    "robustness": lambda **kw: plots.robustness("blur", STEPS[0], STEPS, floor=0.1, **kw),
}
BARE = {
    "reliability": lambda: plots.reliability([one | NO_LIMITS for one in BINS]),
    "coverage": lambda: plots.coverage([one | NO_LIMITS for one in POINTS]),
    "robustness": lambda: plots.robustness(
        "blur", STEPS[0] | NO_LIMITS, [one | NO_LIMITS for one in STEPS], floor=0.1
    ),
}


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def banded(png):
    """Number of pixels of the blue of the band: the line's on white, at the band's opacity."""
    band = 255 + (BLUE - 255) * plots.BAND
    return int((np.abs(pixels(png) - band).max(axis=2) <= 4).sum())


@pytest.mark.parametrize("name", DRAWN)
def test_intervals_are_bands_and_none_is_drawn_without(name):
    assert banded(DRAWN[name]()) > 2000
    assert banded(BARE[name]()) < 200  # the edges of the line
    assert (np.abs(pixels(BARE[name]()) - BLUE).max(axis=2) <= 6).sum() > 50


@pytest.mark.parametrize("name", DRAWN)
def test_a_dark_chart_has_a_dark_paper_and_the_same_size(name):
    light, dark = pixels(DRAWN[name]()), pixels(DRAWN[name](theme=DARK))
    assert light.shape == dark.shape
    assert tuple(dark[0, 0]) == (0x17, 0x19, 0x1C)
    assert light.shape[1] <= 4.5 * DPI


@pytest.mark.parametrize("name", DRAWN)
def test_equal_figures_are_equal_files(name):
    assert DRAWN[name]() == DRAWN[name]()


def test_an_undefined_point_is_left_out():
    undefined = {"value": None, "low": None, "high": None, "coverage": 0.0}
    assert plots.coverage([undefined, *POINTS]) == plots.coverage(POINTS)
