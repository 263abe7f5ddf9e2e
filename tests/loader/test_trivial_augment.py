import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from groupwise.loader.trivial_augment import OPERATIONS, STRENGTHS, trivial_augment

SIZE = 20
PICTURE = np.random.default_rng(0).integers(20, 220, (SIZE, SIZE, 3), dtype=np.uint8)
PICTURE[4:12, 3:9] = (200, 30, 90)


def ours(name, strength):
    images = torch.from_numpy(PICTURE).permute(2, 0, 1)[None].float()
    changed = OPERATIONS[name](images, torch.full((1, 1, 1, 1), strength))
    return changed[0].permute(1, 2, 0).numpy()


def affine(*coefficients):
    """Pillow's look-up about the middle, for coefficients in pixels."""

    def change(image, s):
        a, b, c, d, e, f = (k(s) if callable(k) else k for k in coefficients)
        m = SIZE / 2
        centred = (a, b, c + m - a * m - b * m, d, e, f + m - d * m - e * m)
        return image.transform(image.size, Image.Transform.AFFINE, centred, Image.Resampling.NEAREST)

    return change


PILLOWS = {
    "identity": lambda image, s: image,
    "shear_x": affine(1, lambda s: 0.99 * s, 0, 0, 1, 0),
    "shear_y": affine(1, 0, 0, lambda s: 0.99 * s, 1, 0),
    "translate_x": affine(1, 0, lambda s: 32 / 224 * SIZE * s, 0, 1, 0),
    "translate_y": affine(1, 0, 0, 0, 1, lambda s: 32 / 224 * SIZE * s),
    "rotate": lambda image, s: image.rotate(135 * s, Image.Resampling.NEAREST),
    "brightness": lambda image, s: ImageEnhance.Brightness(image).enhance(1 + 0.99 * s),
    "saturation": lambda image, s: ImageEnhance.Color(image).enhance(1 + 0.99 * s),
    "contrast": lambda image, s: ImageEnhance.Contrast(image).enhance(1 + 0.99 * s),
    "sharpness": lambda image, s: ImageEnhance.Sharpness(image).enhance(1 + 0.99 * s),
    "posterize": lambda image, s: ImageOps.posterize(image, 8 - round(6 * abs(s))),
    "solarize": lambda image, s: ImageOps.solarize(image, 255 - 255 * abs(s)),
    "autocontrast": lambda image, s: ImageOps.autocontrast(image),
    "equalize": lambda image, s: ImageOps.equalize(image),
}


@pytest.mark.parametrize("strength", [0.3, -0.7, 1.0])
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_pillows(name, strength):
    theirs = np.asarray(PILLOWS[name](Image.fromarray(PICTURE), strength)).astype(np.float32)
    difference = np.abs(ours(name, strength) - theirs)
    # Pillow rounds its levels, and at the border of two pixels it may look up the other one.
    assert np.mean(difference.max(2) > 2) < 0.05


def test_one_operation_an_image_and_none_left_out():
    images = torch.from_numpy(PICTURE).permute(2, 0, 1)[None].float().expand(600, -1, -1, -1)
    changed = trivial_augment(images, torch.arange(600), seed=0, epoch=1)
    kinds = len(changed.flatten(1).unique(dim=0))
    assert 14 < kinds <= 2 * STRENGTHS * len(OPERATIONS)
    untouched = (changed == images).flatten(1).all(1).float().mean()
    assert 0.07 < untouched < 0.16  # the identity, and strengths of 0
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_it_belongs_to_the_sample_not_to_its_batch():
    images = torch.randint(0, 256, (30, 3, 8, 8), generator=torch.Generator().manual_seed(0)).float()
    samples = torch.arange(30)
    together = trivial_augment(images, samples, seed=1, epoch=2)
    for i in range(0, 30, 7):
        alone = trivial_augment(images[i : i + 1], samples[i : i + 1], seed=1, epoch=2)
        torch.testing.assert_close(alone[0], together[i])
    assert not torch.equal(together, trivial_augment(images, samples, seed=1, epoch=3))
