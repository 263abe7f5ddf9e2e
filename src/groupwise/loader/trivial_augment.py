"""TrivialAugment: each image changed by one operation, drawn at random with its strength.

TrivialAugment, wide (Müller and Hutter 2021, arXiv 2103.10158, table 7). The operations are Pillow's.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from groupwise.loader.augment import OPERATION, grey, uniforms

STRENGTHS = 31  # the paper's grid, from none to the most
TURN, SHEAR, SHIFT = math.radians(135), 0.99, 2 * 32 / 224  # a side spans 2; the paper shifts 32 of 224 px
Operation = Callable[[Tensor, Tensor], Tensor]


def trivial_augment(images: Tensor, counters: Tensor, *, seed: int, epoch: int) -> Tensor:
    """Change float images (N, C, S, S) in 0..255; a function of (seed, epoch, counter)."""
    u = uniforms(seed, epoch, counters, OPERATION)  # (N, 3)
    kinds = (u[:, 0] * len(OPERATIONS)).long()
    strengths = (u[:, 1] * STRENGTHS).floor() / (STRENGTHS - 1)  # 0 to 1
    signed = torch.where(u[:, 2] < 0.5, -strengths, strengths).to(images.dtype)
    changed = images.clone()
    for kind, operation in enumerate(OPERATIONS.values()):
        rows = (kinds == kind).nonzero()[:, 0]
        if len(rows):
            changed[rows] = operation(images[rows], signed[rows, None, None, None])
    return changed


def _identity(images: Tensor, _: Tensor) -> Tensor:
    return images


def _affine(*rows: tuple[float, ...]) -> Operation:
    """An operation that looks each pixel up at `identity + strength * rows`, where the image spans -1 to 1.

    Outside is black. Exact for shear and translation; see `_rotate` for what is not linear in its strength.
    """

    def operation(images: Tensor, s: Tensor) -> Tensor:
        matrix = torch.eye(2, 3, dtype=images.dtype, device=images.device)
        return _look_up(images, matrix + s[:, 0] * images.new_tensor(rows))

    return operation


def _rotate(images: Tensor, s: Tensor) -> Tensor:
    cos, sin = (f(TURN * s[:, 0, 0, 0]) for f in (torch.cos, torch.sin))
    zero = torch.zeros_like(cos)
    matrix = torch.stack([cos, -sin, zero, sin, cos, zero], 1).view(-1, 2, 3)
    return _look_up(images, matrix)


def _look_up(images: Tensor, matrix: Tensor) -> Tensor:
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="nearest", padding_mode="zeros", align_corners=False)


def _blend(base: Tensor, images: Tensor, s: Tensor) -> Tensor:
    return torch.lerp(base, images, 1 + 0.99 * s).clamp(0, 255)


def brightness(images: Tensor, s: Tensor) -> Tensor:
    """Towards black, or away from it."""
    return _blend(torch.zeros_like(images), images, s)


def saturation(images: Tensor, s: Tensor) -> Tensor:
    """Towards grey, or away from it."""
    return _blend(grey(images).expand_as(images), images, s)


def contrast(images: Tensor, s: Tensor) -> Tensor:
    """Towards the mean grey, or away from it."""
    return _blend(grey(images).mean((1, 2, 3), keepdim=True).expand_as(images), images, s)


def sharpness(images: Tensor, s: Tensor) -> Tensor:
    """Towards a blurred image, or away from it; the border stays."""
    kernel = images.new_tensor([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]]).div(13).expand(images.shape[1], 1, 3, 3)
    blurred = images.clone()
    blurred[:, :, 1:-1, 1:-1] = F.conv2d(images, kernel, groups=images.shape[1])
    return _blend(blurred, images, s)


def posterize(images: Tensor, s: Tensor) -> Tensor:
    """Keep 8 down to 2 bits."""
    step = 2 ** (6 * s.abs()).round()
    return images.div(step).floor() * step


def solarize(images: Tensor, s: Tensor) -> Tensor:
    """Invert what is at or above a level, from none down to all."""
    return torch.where(images >= 255 - 255 * s.abs(), 255 - images, images)


def autocontrast(images: Tensor, _: Tensor) -> Tensor:
    """Stretch each channel to the full range."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.where(high > low, (images - low) * 255 / (high - low).clamp(min=1e-6), images)


def equalize(images: Tensor, _: Tensor) -> Tensor:
    """Make each channel's levels as frequent as one another."""
    levels = images.round().long().clamp(0, 255).flatten(2)  # (N, C, S * S)
    counts = torch.zeros(*levels.shape[:2], 256, dtype=torch.long, device=images.device)
    counts.scatter_add_(2, levels, torch.ones_like(levels))
    below = counts.cumsum(2) - counts
    last = counts.gather(2, levels.amax(2, keepdim=True))  # the highest level does not count in Pillow
    step = (levels.shape[2] - last) // 255
    table = torch.where(
        step > 0, (step // 2 + below) // step.clamp(min=1), torch.arange(256, device=images.device)
    )
    return table.clamp(max=255).gather(2, levels).view_as(images).to(images.dtype)


OPERATIONS: dict[str, Operation] = {
    "identity": _identity,
    "shear_x": _affine((0, SHEAR, 0), (0, 0, 0)),
    "shear_y": _affine((0, 0, 0), (SHEAR, 0, 0)),
    "translate_x": _affine((0, 0, SHIFT), (0, 0, 0)),
    "translate_y": _affine((0, 0, 0), (0, 0, SHIFT)),
    "rotate": _rotate,
    "brightness": brightness,
    "saturation": saturation,
    "contrast": contrast,
    "sharpness": sharpness,
    "posterize": posterize,
    "solarize": solarize,
    "autocontrast": autocontrast,
    "equalize": equalize,
}
