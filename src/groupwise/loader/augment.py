"""Augmentation of whole batches, random as a function of (seed, epoch, counter) alone.

The counter of a sample is its row, and within an epoch another number each time that it comes again
(`loader.batches`). So the result does not depend on the batch a sample lies in, the number of processes, or a
resumed run, and balanced sampling shows no change of a rare image twice.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from groupwise.recipe.augment import AugmentConfig

# Which of a sample's random numbers decide what; what shares one goes together.
CHANGES, OPERATION, MIXING, PLACE = range(12), range(12, 15), range(16, 20), range(20, 22)
IS_MIXED = range(22, 23)
LEAST_PX = 8  # side of a crop


def uniforms(seed: int, epoch: int, counters: Tensor, draws: range) -> Tensor:
    """Independent uniform numbers in [0, 1) for each sample, (N, D), by hashing rather than by state.

    SplitMix64 (Steele et al. 2014) over (seed, epoch, counter, draw), in wrapping 64-bit integers.
    """
    counter = _mix(torch.tensor(seed, dtype=torch.int64, device=counters.device))
    counter = _mix(counter + epoch)
    counter = _mix(counter + counters[:, None])
    counter = _mix(counter + torch.arange(draws.start, draws.stop, device=counters.device))
    return ((counter >> 11) & ((1 << 53) - 1)).to(torch.float64).div(1 << 53).float().clamp(max=1 - 2**-24)


def _mix(z: Tensor) -> Tensor:
    z = z + _signed(0x9E3779B97F4A7C15)
    z = (z ^ _shifted(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shifted(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shifted(z, 31)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _shifted(z: Tensor, bits: int) -> Tensor:
    # torch has only the arithmetic shift; the mask makes it the logical one.
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def augment(images: Tensor, counters: Tensor, config: AugmentConfig, *, seed: int, epoch: int) -> Tensor:
    """Change float images (N, C, S, S) in 0..255 as `config` allows; the input is left as it was.

    Returns (N, C, T, T), where T is S unless images are cropped.
    """
    u = uniforms(seed, epoch, counters, CHANGES).to(images.dtype)  # (N, 12)
    if config.moves:
        mirrored = u[:, 0] < config.flip
        if config.alternate_flip:
            mirrored = (uniforms(seed, 0, counters, CHANGES[:1])[:, 0] < 0.5) ^ (epoch % 2 == 1)
        if config.turns:
            images = _turn(images, u[:, 1:5], mirrored, config)
        else:
            images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
        place = uniforms(seed, epoch, counters, PLACE)
        images = _window(images, place, 0.0 if config.turns else config.shift, config.crop)
    if config.brightness or config.contrast or config.saturation:
        images = _recolour(images, u[:, 5:8], config)
    if config.erase:
        images = _erase(images, u[:, 8:12], config)
    return images


def _turn(images: Tensor, u: Tensor, mirrored: Tensor, config: AugmentConfig) -> Tensor:
    """Mirror, rotate, zoom and shift in one bilinear sampling, with the border reflected."""
    mirror = 1 - 2 * mirrored.to(u.dtype)
    angle = (2 * u[:, 0] - 1) * math.radians(config.rotate_degrees)
    zoom = config.zoom + (1 - config.zoom) * u[:, 1]
    shift = (2 * u[:, 2:4] - 1) * 2 * config.shift  # grid coordinates span 2
    cos, sin = zoom * torch.cos(angle), zoom * torch.sin(angle)
    rows = [
        torch.stack([mirror * cos, -sin, shift[:, 0]], 1),
        torch.stack([mirror * sin, cos, shift[:, 1]], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def cropped_side(side: int, crop: float) -> int:
    """What training sees of images of `side` px."""
    return min(max(round(crop * side), LEAST_PX), side)


def _window(images: Tensor, u: Tensor, shift: float, crop: float) -> Tensor:
    """A square of whole pixels of each image, which is reflected at its border as far as `shift` reaches."""
    side = images.shape[-1]
    margin = min(round(shift * side), side - 1)  # as far as a reflection reaches
    length = cropped_side(side, crop)
    if margin == 0 and length == side:
        return images
    padded = F.pad(images, (margin,) * 4, mode="reflect")
    corners = (u * (side + 2 * margin - length + 1)).long().tolist()
    return torch.stack(
        [
            image[:, top : top + length, left : left + length]
            for image, (top, left) in zip(padded, corners, strict=True)
        ]
    )


def _recolour(images: Tensor, u: Tensor, config: AugmentConfig) -> Tensor:
    limits = images.new_tensor([config.brightness, config.contrast, config.saturation])
    brightness, contrast, saturation = (1 + (2 * u - 1) * limits)[:, :, None, None, None].unbind(1)
    images = images * brightness
    images = torch.lerp(grey(images).mean((2, 3), keepdim=True), images, contrast)
    return torch.lerp(grey(images), images, saturation).clamp(0, 255)


def grey(images: Tensor) -> Tensor:
    """The brightness of each pixel, (N, 1, S, S); the mean of channels that are no colours."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    luma = images.new_tensor([0.299, 0.587, 0.114])[:, None, None]  # ITU-R BT.601
    return (images * luma).sum(1, keepdim=True)


def _erase(images: Tensor, u: Tensor, config: AugmentConfig) -> Tensor:
    """Blank one rectangle of some images with the image's own mean colour."""
    size = torch.lerp(u.new_tensor(0.1), u.new_tensor(1 / 3), u[:, 1:2])  # (N, 1) share of the side
    corner = u[:, 2:4] * (1 - size)  # (N, 2)
    inside = [
        (places >= corner[:, axis, None]) & (places < corner[:, axis, None] + size)  # (N, side)
        for axis, places in enumerate(centres(images, dim) for dim in (-2, -1))
    ]
    blank = inside[0][:, :, None] & inside[1][:, None, :] & (u[:, 0] < config.erase)[:, None, None]
    return torch.where(blank[:, None], images.mean((2, 3), keepdim=True), images)


def centres(images: Tensor, dim: int) -> Tensor:
    """The places of the pixels along one side, as shares of it."""
    side = images.shape[dim]
    return (torch.arange(side, device=images.device, dtype=images.dtype) + 0.5) / side
