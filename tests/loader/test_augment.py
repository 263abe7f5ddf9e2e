import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from groupwise.errors import UsageError
from groupwise.loader.augment import augment, uniforms
from groupwise.recipe.augment import AugmentConfig

ALL = AugmentConfig(
    flip=0.5, rotate_degrees=30, zoom=0.7, shift=0.1, brightness=0.3, contrast=0.3, saturation=0.3, erase=0.5
)


def pictures(n=8, size=12):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, 3, size, size))).float()


@given(st.integers(0, 10**9), st.integers(1, 500), st.integers(0, 2**40))
def test_numbers_belong_to_the_sample_not_to_its_batch(seed, epoch, sample):
    alone = uniforms(seed, epoch, torch.tensor([sample]), range(5))
    among = uniforms(seed, epoch, torch.tensor([3, sample, 4]), range(5))
    assert torch.equal(alone[0], among[1])
    assert ((alone >= 0) & (alone < 1)).all()


@pytest.mark.parametrize("axis", ["seed", "epoch", "sample", "draw"])
def test_numbers_are_uniform_and_independent_along_every_axis(axis):
    rows = {
        "seed": [uniforms(i, 1, torch.tensor([0]), range(1))[0, 0] for i in range(4000)],
        "epoch": [uniforms(0, i, torch.tensor([0]), range(1))[0, 0] for i in range(4000)],
        "sample": uniforms(0, 1, torch.arange(4000), range(1))[:, 0],
        "draw": uniforms(0, 1, torch.tensor([0]), range(4000))[0],
    }
    u = torch.as_tensor(rows[axis]).double().numpy()
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 4 / math.sqrt(len(u))


def test_the_first_number_is_splitmix64s():
    # Steele et al. 2014: the first output of the generator seeded with 0 is 0xE220A8397B1DCDAF.
    from groupwise.loader.augment import _mix

    assert int(_mix(torch.tensor(0))) & (2**64 - 1) == 0xE220A8397B1DCDAF


def test_an_image_is_changed_alike_in_any_batch():
    images, samples = pictures(), torch.arange(8)
    together = augment(images, samples, ALL, seed=1, epoch=2)
    for i in range(8):
        alone = augment(images[i : i + 1], samples[i : i + 1], ALL, seed=1, epoch=2)
        torch.testing.assert_close(alone[0], together[i])


def test_epochs_differ_and_the_input_stays():
    images, samples = pictures(), torch.arange(8)
    before = images.clone()
    first, second = (augment(images, samples, ALL, seed=1, epoch=epoch) for epoch in (1, 2))
    assert not torch.equal(first, second)
    assert torch.equal(images, before)


def test_the_defaults_change_nothing():
    images = pictures()
    assert torch.equal(augment(images, torch.arange(8), AugmentConfig(), seed=0, epoch=1), images)


def test_flip_mirrors_the_stated_share():
    images = pictures(400, 4)
    changed = augment(images, torch.arange(400), AugmentConfig(flip=0.25), seed=0, epoch=1)
    pairs = list(zip(changed, images, strict=True))
    mirrored = torch.tensor([torch.allclose(c, i.flip(-1), atol=1e-3) for c, i in pairs])
    same = torch.tensor([torch.allclose(c, i, atol=1e-3) for c, i in pairs])
    assert (mirrored | same).all()
    assert 0.17 < mirrored.float().mean() < 0.33


def test_alternating_flip_mirrors_each_image_in_every_second_epoch():
    images, samples = pictures(100, 4), torch.arange(100)
    mirrored = []
    for epoch in range(1, 5):
        changed = augment(images, samples, AugmentConfig(alternate_flip=True), seed=0, epoch=epoch)
        mirrored.append(((changed - images.flip(-1)).abs() < 1e-3).flatten(1).all(1))
        same = ((changed - images).abs() < 1e-3).flatten(1).all(1)
        assert (mirrored[-1] ^ same).all()
    assert 30 < mirrored[0].sum() < 70
    assert torch.equal(mirrored[0], ~mirrored[1])
    assert torch.equal(mirrored[0], mirrored[2])
    assert torch.equal(mirrored[1], mirrored[3])


def test_rotation_turns_about_the_centre_by_no_more_than_it_may():
    ramp = torch.arange(33.0).sub(16).expand(1, 3, 33, 33)  # brightness is the column
    samples = torch.arange(200)
    turned = augment(ramp.expand(200, -1, -1, -1), samples, AugmentConfig(rotate_degrees=20), seed=0, epoch=1)
    inner = turned[:, 0, 12:21, 12:21]
    angles = torch.atan2(inner.diff(dim=1).mean((1, 2)), inner.diff(dim=2).mean((1, 2))).rad2deg()
    torch.testing.assert_close(turned[:, 0, 16, 16], torch.zeros(200), atol=1e-3, rtol=0)
    assert angles.abs().max() <= 20.01
    assert angles.max() > 15
    assert angles.min() < -15


def test_zoom_magnifies_and_shift_moves_by_no_more_than_they_may():
    ramp = torch.arange(33.0).sub(16).expand(200, 3, 33, 33)
    samples = torch.arange(200)
    zoomed = augment(ramp, samples, AugmentConfig(zoom=0.5), seed=0, epoch=1)[:, 0, 16]
    slope = zoomed[:, 12:21].diff(dim=1).mean(1)
    assert 0.5 <= slope.min() < 0.55
    assert 0.95 < slope.max() <= 1
    moved = augment(ramp, samples, AugmentConfig(shift=0.1), seed=0, epoch=1)[:, 0, 16, 16]
    assert 2.8 < moved.abs().max() <= 3.3


def test_colours_stay_in_range_and_grey_stays_grey():
    config = AugmentConfig(brightness=1, contrast=1, saturation=1)
    changed = augment(pictures(64), torch.arange(64), config, seed=0, epoch=1)
    assert changed.min() >= 0
    assert changed.max() <= 255
    grey = pictures(16)[:, :1].expand(-1, 3, -1, -1)
    turned = augment(grey, torch.arange(16), AugmentConfig(saturation=1), seed=0, epoch=1)
    torch.testing.assert_close(turned, grey, atol=1e-2, rtol=0)


def test_erasing_blanks_one_rectangle_with_the_mean():
    images = pictures(200, 30)
    changed = augment(images, torch.arange(200), AugmentConfig(erase=0.5), seed=0, epoch=1)
    hit = (changed != images).all(1)  # (N, H, W)
    erased = hit.flatten(1).any(1)
    assert 0.4 < erased.float().mean() < 0.6
    for picture, original, mask in zip(changed[erased], images[erased], hit[erased], strict=True):
        rows, columns = mask.any(1).sum(), mask.any(0).sum()
        assert mask.sum() == rows * columns
        assert 2 <= rows == columns <= 11 or abs(int(rows) - int(columns)) <= 1
        torch.testing.assert_close(picture[:, mask].mean(1), original.mean((1, 2)), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("field", "value"),
    [("flip", 1.1), ("zoom", 0), ("rotate_degrees", 181), ("erase", -0.1), ("contrast", 2)],
)
def test_impossible_strengths_are_refused_in_the_users_spelling(field, value):
    with pytest.raises(UsageError, match=rf"augment\.{field}: {value}"):
        AugmentConfig(**{field: value})


@pytest.mark.parametrize("field", ["mixup", "cutmix"])
def test_a_negative_alpha_is_refused(field):
    with pytest.raises(UsageError, match=rf"augment\.{field}: -1.0 is negative"):
        AugmentConfig(**{field: -1.0})


def test_two_ways_of_mirroring_are_refused():
    with pytest.raises(UsageError, match=r"augment\.flip: .*Set it to 0 beside augment\.alternate_flip"):
        AugmentConfig(flip=0.5, alternate_flip=True)


def test_a_crop_is_a_square_of_whole_pixels_at_any_place():
    images = pictures(64)  # of 12 px
    cropped = augment(images, torch.arange(64), AugmentConfig(crop=0.75), seed=0, epoch=1)
    assert cropped.shape == (64, 3, 9, 9)
    corners = set()
    for image, part in zip(images, cropped, strict=True):
        found = [
            (y, x) for y in range(4) for x in range(4) if torch.equal(image[:, y : y + 9, x : x + 9], part)
        ]
        corners.update(found)
        assert len(found) == 1
    assert {y for y, _ in corners} == {x for _, x in corners} == {0, 1, 2, 3}


def test_a_shift_alone_moves_by_whole_pixels_and_reflects_the_border():
    images = torch.arange(12.0).expand(64, 3, 12, 12)  # brighter from left to right
    moved = augment(images, torch.arange(64), AugmentConfig(shift=0.17), seed=0, epoch=1)
    steps = {tuple(row) for row in moved[:, 0, 0].long().tolist()}
    reflected = [2, 1, *range(12), 10, 9]
    assert steps == {tuple(reflected[first : first + 12]) for first in range(5)}


def test_what_is_turned_as_well_is_shifted_once():
    """The bilinear sampling shifts already, so the window behind it must not."""
    images, samples = pictures(), torch.arange(8)
    turned = AugmentConfig(rotate_degrees=1e-9, shift=0.5)
    there = augment(images, samples, turned, seed=0, epoch=1)
    cropped = augment(
        images, samples, AugmentConfig(rotate_degrees=1e-9, shift=0.5, crop=0.99), seed=0, epoch=1
    )
    torch.testing.assert_close(there, cropped)  # 0.99 of 12 px are 12


@pytest.mark.parametrize("crop", [0.0, -0.5, 1.5, math.nan])
def test_a_crop_that_shows_nothing_or_more_than_all_is_refused(crop):
    with pytest.raises(UsageError, match=r"augment\.crop"):
        AugmentConfig(crop=crop)


def test_an_image_is_not_shifted_away():
    with pytest.raises(UsageError, match=r"augment\.shift: would move the whole image away"):
        AugmentConfig(shift=1.0)
    images = torch.rand(4, 3, 8, 8)  # of which 0.99 rounds to the whole side
    assert augment(images, torch.arange(4), AugmentConfig(shift=0.99), seed=0, epoch=1).shape == images.shape
