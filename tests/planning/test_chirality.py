import math

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

from groupwise.planning.chirality import FEWEST, SIDE_PX, chirality, mirror_kept
from groupwise.planning.suit import CHIRAL, MIRROR_KEPT


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


def digits():
    rows = load_digits().images[:600] / 16 * 255
    return np.stack(
        [np.asarray(Image.fromarray(d.astype(np.uint8)).resize((32, 32)).convert("RGB")) for d in rows]
    )


def test_handwritten_digits_are_told_from_their_mirror_images_and_lose_their_class_in_them():
    assert chirality(digits(), np.arange(600)) > 0.9
    assert mirror_kept(digits(), load_digits().target[:600], np.arange(600)) < 0.1


def test_what_only_the_light_tells_from_its_mirror_image_keeps_its_class():
    """Discs and bars, brighter to the right, as a lamp beside the parts makes them."""
    labels = np.arange(300) % 2
    images = shapes(300, leaning=False)
    for image, label in zip(images, labels, strict=True):
        picture = Image.fromarray(image)
        ImageDraw.Draw(picture).rectangle((4, 12, 28, 20) if label else (12, 4, 20, 28), fill="white")
        lit = np.asarray(picture) * np.linspace(0.2, 1, SIDE_PX)[:, None]
        image[:] = lit
    assert chirality(images, np.arange(300)) > CHIRAL
    assert mirror_kept(images, labels, np.arange(300)) > MIRROR_KEPT


def test_two_classes_that_are_mirror_images_of_one_another_keep_nothing():
    images = shapes(300, leaning=True)
    labels = np.arange(300) % 2
    images[labels == 1] = images[labels == 1][:, :, ::-1]
    assert not mirror_kept(images, labels, np.arange(300)) > MIRROR_KEPT


def test_classes_that_no_neighbour_names_say_nothing_of_their_mirror_images():
    noise = np.random.default_rng(0).integers(0, 256, (200, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    assert math.isnan(mirror_kept(noise, np.arange(200) % 8, np.arange(200)))


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


@pytest.mark.parametrize(("small", "seed"), [(5, 45), (6, 49), (7, 32), (7, 0)])
def test_few_images_beside_one_large_source_are_shown_both_ways(small, seed):
    """Of these seeds all but the last draw the same side for all of the few."""
    images = np.random.default_rng(0).integers(0, 256, (FEWEST, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    sources = np.r_[np.zeros(FEWEST - small, dtype=int), np.arange(1, small + 1)]
    assert 0 <= chirality(images, sources, seed=seed) <= 1
