"""Figures are PNG files of the asked size, with the colours that were meant, and leave no state behind."""

import io
import logging
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from groupwise.report import plots, style


def pixels(png: bytes):
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB")).astype(int)


def holds(png: bytes, colour, tolerance=6) -> bool:
    return bool((np.abs(pixels(png) - np.array(colour)).max(axis=2) <= tolerance).sum() > 20)


HISTORY = [
    {"epoch": i, "train_loss": 1 / i, "train_accuracy": 0.9, "select_loss": 0.5, "select_accuracy": 0.7}
    for i in (1, 2, 3)
]
TRAIN_BLUE, SELECT_ORANGE, WRONG_ORANGE = (0, 114, 178), (196, 80, 11), (213, 94, 0)


def test_curves_draw_both_folds_and_as_many_panels_as_asked():
    both = plots.curves(HISTORY, select_fold="val", chosen=2)
    assert holds(both, TRAIN_BLUE)
    assert holds(both, SELECT_ORANGE)
    one = plots.curves(HISTORY, select_fold="val", panels=["loss"])
    assert pixels(both).shape[1] == 2 * pixels(one).shape[1] == 9 * style.DPI


def test_a_single_epoch_is_a_visible_point():
    assert holds(plots.curves(HISTORY[:1], select_fold="val"), TRAIN_BLUE)


def test_a_dark_figure_has_a_dark_paper():
    dark = plots.curves(HISTORY, select_fold="val", theme=style.DARK)
    assert tuple(pixels(dark)[0, 0]) == (0x17, 0x19, 0x1C)


def test_a_confusion_matrix_is_orange_exactly_where_it_is_wrong():
    assert not holds(plots.confusion([[5, 0], [0, 5]], ["a", "b"]), WRONG_ORANGE)
    assert holds(plots.confusion([[5, 0], [5, 0]], ["a", "b"]), WRONG_ORANGE)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("r", "r", 1.0),
    ],
)  # the greys on both sides of WCAG's 4.5
def test_contrast_is_that_of_the_web(one, other, ratio):
    assert style.contrast(one, other) == style.contrast(other, one) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("theme", [style.LIGHT, style.DARK])
@pytest.mark.parametrize("share", [1, 3, 4, 5, 10])
def test_counts_are_written_in_the_ink_that_is_read_more_easily(monkeypatch, theme, share):
    drawn = {}
    monkeypatch.setattr(Axes, "text", lambda self, x, y, *_, color, **how: drawn.update({(y, x): color}))
    monkeypatch.setattr(Axes, "imshow", lambda self, cells: drawn.update(cells=cells))
    plots.confusion([[10 - share, share], [0, 1]], ["a", "b"], theme=theme)
    ink, cell = drawn[0, 1], drawn["cells"][0, 1]
    other = theme.ink if ink == theme.paper else theme.paper
    assert style.contrast(ink, cell) > max(style.contrast(other, cell), 3.7)


@pytest.mark.parametrize("k", [2, 30, 120])
def test_a_confusion_matrix_stays_within_a_page(k):
    names = [f"species number {i}" for i in range(k)]
    height, width, _ = pixels(plots.confusion(np.eye(k, dtype=int).tolist(), names)).shape
    assert 300 < width < 16 * style.DPI
    assert 300 < height < 16 * style.DPI


def test_a_matrix_of_another_size_than_its_names_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 2\) for 3 classes"):
        plots.confusion([[1, 0], [0, 1]], ["a", "b", "c"])


def test_a_grid_holds_every_image_and_grows_with_its_shape():
    red, green = (np.full((30, 20, 3), colour, np.uint8) for colour in ([250, 0, 0], [0, 200, 0]))
    png = plots.sample_grid([red, green], ["one", "two"])
    assert holds(png, (250, 0, 0))
    assert holds(png, (0, 200, 0))
    small = plots.sample_grid([red], ["one"], rows=1, cols=4)
    margin = 0.15 * style.DPI
    assert abs(pixels(png).shape[1] - 2 * pixels(small).shape[1]) <= margin
    assert abs(pixels(png).shape[0] - 2 * pixels(small).shape[0]) <= margin


def test_more_images_than_places_are_refused():
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="3 images for 1 x 2 places"):
        plots.sample_grid([image] * 3, ["a"] * 3, rows=1, cols=2)


def test_the_most_wrong_fill_as_many_rows_as_they_need():
    image = np.zeros((4, 4, 3), np.uint8)
    heights = [
        pixels(plots.most_wrong([image] * n, ["a"] * n, ["b"] * n, [0.9] * n)).shape[0] for n in (6, 7)
    ]
    assert abs(heights[1] - 2 * heights[0]) <= 0.15 * style.DPI


@pytest.mark.parametrize(
    "name", ["猴痘", "$x_{$", "<script>alert(1)</script>", "", "a\nb\x00c", "😀", "n" * 300]
)
def test_no_name_warns_or_fails(name, caplog):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        plots.confusion([[1, 0], [0, 1]], [name, "b"])
        plots.sample_grid([np.zeros((9, 9, 3), np.uint8)], [name], rows=1, cols=1)
    assert not caplog.records


def test_the_settings_of_others_are_left_alone():
    before = dict(matplotlib.rcParams)
    plots.curves(HISTORY, select_fold="val", theme=style.DARK)
    assert dict(matplotlib.rcParams) == before
