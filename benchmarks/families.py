"""Families of copies: photographs changed in one way each, or as an augmentation pipeline changes them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import cv2
import numpy as np

from groupwise.audit.copies.planted import (
    FILLS,
    Transform,
    about_centre,
    crop,
    noise,
    recolour,
    reencode,
    shear,
    warp,
)
from groupwise.stats.arrays import Pixels


def resize(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Scale both sides by one factor from 0.5 to 2."""
    factor = float(2 ** rng.uniform(-1, 1))
    size = [max(8, round(side * factor)) for side in rgb.shape[1::-1]]
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, size, interpolation=method), dtype=np.uint8)


def dihedral(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """One of the seven symmetries of the square that are not the identity."""
    turns, mirror = divmod(int(rng.integers(1, 8)), 2)
    turned = np.rot90(rgb, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirror else turned)


def mirror(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Mirror left to right, then rotate by up to 20 degrees."""
    return affine(np.ascontiguousarray(rgb[:, ::-1]), rng, angle_deg=float(rng.uniform(-20, 20)))


def rotate(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Rotate by any angle; the outside is filled with one colour, the edge, a reflection or a wrap."""
    return affine(rgb, rng, angle_deg=float(rng.uniform(-180, 180)))


def rotate_reflect(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Rotate by any angle and fill by reflection, which repeats true content in wrong places."""
    return affine(rgb, rng, angle_deg=float(rng.uniform(-180, 180)), fill=cv2.BORDER_REFLECT_101)


def shift(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Shift by up to a quarter of each side, any fill."""
    return affine(rgb, rng, shift=(float(rng.uniform(-0.25, 0.25)), float(rng.uniform(-0.25, 0.25))))


def affine(
    rgb: Pixels,
    rng: np.random.Generator,
    *,
    angle_deg: float = 0.0,
    zoom: float = 1.0,
    shear: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
    fill: int | None = None,
) -> Pixels:
    """Warp about the centre within the frame; `shift` in fractions of the sides, `fill` an OpenCV border."""
    cosine, sine = zoom * np.cos(np.deg2rad(angle_deg)), zoom * np.sin(np.deg2rad(angle_deg))
    linear = np.array([[cosine, -sine], [sine, cosine]]) @ np.array([[1.0, shear], [0.0, 1.0]])
    matrix = about_centre(rgb, linear)
    matrix[:, 2] += np.array(shift) * rgb.shape[1::-1]
    return warp(rgb, matrix, int(rng.choice(FILLS)) if fill is None else fill, rng)


def combined(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """What an augmentation pipeline writes: turn, zoom, shear, shift and perhaps mirror, recolour, JPEG."""
    start = np.ascontiguousarray(rgb[:, ::-1]) if rng.random() < 0.5 else rgb
    moved = affine(
        start,
        rng,
        angle_deg=float(rng.uniform(-45, 45)),
        zoom=float(rng.uniform(0.85, 1.2)),
        shear=float(rng.uniform(-0.2, 0.2)),
        shift=(float(rng.uniform(-0.1, 0.1)), float(rng.uniform(-0.1, 0.1))),
    )
    coloured = recolour(moved, rng) if rng.random() < 0.5 else moved
    return reencode(coloured, rng)


FAMILIES: Mapping[str, Transform] = MappingProxyType(
    {
        function.__name__: function
        for function in (
            reencode,
            resize,
            dihedral,
            mirror,
            rotate,
            rotate_reflect,
            shift,
            shear,
            crop,
            recolour,
            noise,
            combined,
        )
    }
)
