import math

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

from groupwise.planning.chirality import FEWEST, SIDE_PX, chirality
from groupwise.planning.suit import CHIRAL


def shapes(n, *, leaning):
    """Ellipses anywhere; those that lean have a bar to their right, the others on either side."""
    rng = np.random.default_rng(0)
    images = np.empty((n, SIDE_PX, SIDE_PX, 3), np.uint8)
    for i in range(n):
        picture = Image.new("RGB", (SIDE_PX, SIDE_PX), tuple(rng.integers(60, 120, 3)))
        x, y = rng.integers(10, 22, 2)
        pen = ImageDraw.Draw(picture)
        pen.ellipse((x - 6, y - 4, x + 6, y + 4), fill="white")
        side = 7 if leaning or rng.random() < 0.5 else -7
        pen.line((x + side, y - 6, x + side, y + 6), fill="black", width=2)
        images[i] = np.clip(np.asarray(picture) + rng.normal(0, 8, (SIDE_PX, SIDE_PX, 3)), 0, 255)
    return images


def test_handwritten_digits_are_told_from_their_mirror_images():
    digits = load_digits().images[:600] / 16 * 255
    images = np.stack(
        [np.asarray(Image.fromarray(d.astype(np.uint8)).resize((32, 32)).convert("RGB")) for d in digits]
    )
    assert chirality(images, np.arange(600)) > 0.9


@pytest.mark.parametrize("leaning", [True, False])
def test_what_leans_to_one_side_is_told_and_what_leans_to_either_is_not(leaning):
    share = chirality(shapes(300, leaning=leaning), np.arange(300))
    assert (share > CHIRAL) == leaning
    assert leaning or abs(share - 0.5) < 0.12


def test_copies_of_few_images_do_not_make_a_direction():
    """Each source leans to a side of its own, which its copies would betray across folds."""
    images = shapes(20, leaning=False).repeat(20, axis=0)
    assert chirality(images, np.arange(20).repeat(20)) < CHIRAL
    assert chirality(images, np.arange(400)) > 0.95  # the fault that sources are there to prevent


@pytest.mark.parametrize(("n", "sources"), [(FEWEST - 1, FEWEST), (FEWEST, 5)])
def test_too_few_images_or_sources_say_nothing(n, sources):
    assert math.isnan(chirality(shapes(n, leaning=True), np.arange(n) % sources))


def test_equal_data_give_an_equal_share():
    images = shapes(150, leaning=True)
    assert chirality(images, np.arange(150), seed=3) == chirality(images, np.arange(150), seed=3)
