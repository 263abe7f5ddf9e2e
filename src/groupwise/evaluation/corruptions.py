"""Damages images as cameras and networks of cables do, in five steps of severity.

After ImageNet-C (Hendrycks and Dietterich 2019, ICLR, arXiv 1903.12261), whose steps of noise and brightness
these are; blur and JPEG begin gentler, because its own first steps are already far from what is met in use.
What is damaged is the preprocessed image, pixel by pixel as the network gets it, so the same step of blur or
JPEG hides more of a picture that is shown to a network of small input.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from groupwise.stats.arrays import Pixels, Reals

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Corruption:
    """How one image (H, W, C) is damaged, by how much at each severity, and what those sizes are."""

    damage: Callable[[Pixels, float, np.random.Generator], Pixels]
    sizes: tuple[float, float, float, float, float]
    unit: str


def corrupt(images: Pixels, name: str, severity: int, *, seed: int) -> Pixels:
    """Damage images (N, S, S, C); severity 0 leaves them as they are.

    The noise of an image depends on `seed` and its place, and has one pattern at every severity.
    """
    if severity == 0:
        return images
    damage, size = CORRUPTIONS[name].damage, CORRUPTIONS[name].sizes[severity - 1]
    return np.stack([damage(image, size, np.random.default_rng([seed, i])) for i, image in enumerate(images)])


def _blur(image: Pixels, sigma_px: float, _: np.random.Generator) -> Pixels:
    return np.asarray(
        cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT), dtype=np.uint8
    )


def _compress(image: Pixels, quality: float, _: np.random.Generator) -> Pixels:
    if image.shape[2] != 3:  # channels that are no colours, each as a grey picture
        planes = (_save_jpeg(image[..., i], quality) for i in range(image.shape[2]))
        return np.dstack(list(planes))
    return _save_jpeg(image, quality)


def _save_jpeg(image: Pixels, quality: float) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=int(quality))
    return np.asarray(Image.open(file))


def _brighten(image: Pixels, share: float, _: np.random.Generator) -> Pixels:
    return _to_levels(image + 255 * share)


def _add_noise(image: Pixels, share: float, rng: np.random.Generator) -> Pixels:
    return _to_levels(image + 255 * share * rng.standard_normal(image.shape))


def _to_levels(values: Reals) -> Pixels:
    levels: Pixels = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return levels


CORRUPTIONS: dict[str, Corruption] = {
    "blur": Corruption(_blur, (0.5, 1, 1.5, 2, 3), "standard deviation in pixels of the network's input"),
    "jpeg": Corruption(_compress, (75, 50, 25, 15, 8), "quality of JPEG"),
    "brightness": Corruption(_brighten, (0.1, 0.2, 0.3, 0.4, 0.5), "share of the whole range added"),
    "noise": Corruption(
        _add_noise, (0.08, 0.12, 0.18, 0.26, 0.38), "standard deviation as a share of the range"
    ),
}
