"""A corruption leaves severity 0 alone, damages more with each step, and does the same thing twice."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.ndimage import gaussian_filter

from groupwise.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupt


def photograph(side: int = 64, seed: int = 0):
    """A smooth picture with an edge and some texture, as photographs have them."""
    rng = np.random.default_rng(seed)
    picture = gaussian_filter(rng.normal(size=(side, side, 3)), (side / 12, side / 12, 0))
    picture = 128 + 60 * picture / np.abs(picture).max() + rng.normal(0, 4, (side, side, 3))
    picture[side // 3 : side // 2, side // 4 :] -= 60
    return np.clip(picture, 0, 255).astype(np.uint8)


def psnr(image, damaged) -> float:
    error = np.mean((image.astype(float) - damaged.astype(float)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_severity_0_is_the_image_itself(name):
    images = np.stack([photograph(), photograph(seed=1)])
    assert (corrupt(images, name, 0, seed=0) == images).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
@given(seed=st.integers(0, 1000), side=st.sampled_from([32, 64, 128]))
@settings(max_examples=10, deadline=None)
def test_each_step_damages_more_than_the_last(name, seed, side):
    images = photograph(side, seed)[None]
    quality = [psnr(images, corrupt(images, name, severity, seed=seed)) for severity in SEVERITIES]
    assert quality == sorted(quality, reverse=True)
    assert len(set(quality)) == len(SEVERITIES)
    assert quality[0] < 60  # a first step that nobody could see would be none


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_seed_decides_and_the_images_stay_as_they_were(name):
    images = np.stack([photograph(), photograph()])
    before = images.copy()
    first, second = (corrupt(images, name, 3, seed=5) for _ in range(2))
    assert (first == second).all()
    assert (images == before).all()
    assert first.dtype == np.uint8
    other = corrupt(images, name, 3, seed=6)
    assert (first == other).all() == (name != "noise")
    # Two images must not share one pattern of noise.
    assert (first[0] == first[1]).all() == (name != "noise")


def test_noise_has_the_size_it_says():
    grey = np.full((1, 200, 200, 3), 128, np.uint8)
    damaged = corrupt(grey, "noise", 1, seed=0).astype(float)
    assert damaged.std() == pytest.approx(255 * CORRUPTIONS["noise"].sizes[0], rel=0.03)


def test_brightness_adds_its_share_and_stops_at_white():
    pixels = np.array([[[[0, 100, 250]]]], np.uint8)
    assert corrupt(pixels, "brightness", 1, seed=0).tolist() == [[[[26, 126, 255]]]]


def test_blur_spares_flat_areas_and_is_as_wide_as_it_says():
    flat = np.full((1, 32, 32, 3), 77, np.uint8)
    assert (corrupt(flat, "blur", 5, seed=0) == 77).all()
    edge = np.zeros((1, 64, 64, 3), np.uint8)
    edge[:, :, 32:] = 255
    steps = np.diff(corrupt(edge, "blur", 4, seed=0)[0, 32, :, 0].astype(float)) / 255
    spread = np.sqrt((steps * (np.arange(63) - 31) ** 2).sum())
    assert spread == pytest.approx(CORRUPTIONS["blur"].sizes[3], rel=0.05)
