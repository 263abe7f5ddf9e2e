"""Turns an image of any mode, depth, transparency and colour profile into 8-bit sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from groupwise.data.remarks import Remark, to_plain

BACKGROUND = (255, 255, 255)
# A profile that moves no colour by more than this many of 255 levels is sRGB, whatever it calls itself.
SRGB_TOLERANCE = 3


def to_srgb(image: Image.Image, raw_mode: str) -> tuple[Image.Image, list[Remark]]:
    """Convert a loaded image to mode RGB in the sRGB colour space, and say what was not a plain copy.

    `raw_mode` is Pillow's name for the samples in the file, which alone tells 16-bit colour from 8-bit.
    The rules: 16-bit values v become round(v * 255 / 65535) (Pillow keeps the high byte of 16-bit *colour*,
    which is at most one level lower). Floats within [0, 1] are multiplied by 255, floats within [0, 255] are
    kept, and any others are stretched from their least to their greatest finite value. Transparency is
    composited on `BACKGROUND`. CMYK is converted by its profile, and by Pillow's plain formula without one.
    """
    profile = image.info.get("icc_profile")
    image, remarks = _to_eight_bit(image, raw_mode)
    image, more = _composite(image)
    remarks += more
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        name = "cmyk" if image.mode == "CMYK" else "colour-space"
        remarks.append((name, f"the colours are stored as {image.mode} and were converted to RGB"))
    if profile:
        image, more = _apply_profile(image, profile)
        remarks += more
    return image.convert("RGB"), remarks


def _to_eight_bit(image: Image.Image, raw_mode: str) -> tuple[Image.Image, list[Remark]]:
    if image.mode == "1":
        return image.convert("L"), [
            ("one-bit", "only black and white pixels, as in a mask or a scanned page")
        ]
    if image.mode.startswith("I"):
        values, rule = _scale_integers(np.asarray(image))
        return Image.fromarray(values), [("deep-integer", rule)]
    if image.mode == "F":
        values, rule = _scale_floats(np.asarray(image))
        return Image.fromarray(values), [("float", rule)]
    if ";16" in raw_mode:
        return image, [("deep-integer", "16 bits a channel, scaled to 8")]
    return image, []


def _scale_integers(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], str]:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        return _stretch(values, low, high), f"integers from {low} to {high}, stretched to 0 to 255"
    # (v + 128) // 257 is v * 255 / 65535 to the nearest whole number.
    scaled = ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return scaled, f"16 bits a channel, scaled to 8 (the brightest of 65535 is {high})"


def _scale_floats(values: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.uint8], str]:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    clean = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    if low >= 0 and high <= 1:
        return np.rint(clean * 255).astype(np.uint8), "floats from 0 to 1, multiplied by 255"
    if low >= 0 and high <= 255:
        return np.rint(clean).astype(np.uint8), "floats from 0 to 255, rounded"
    return _stretch(clean, low, high), f"floats from {low:g} to {high:g}, stretched to 0 to 255"


def _stretch(values: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.uint8]:
    # In float64, because the difference of two large float32 overflows.
    span = max(float(high) - float(low), np.finfo(np.float64).tiny)
    return np.rint((values.astype(np.float64) - low) / span * 255).astype(np.uint8)


def _composite(image: Image.Image) -> tuple[Image.Image, list[Remark]]:
    if not image.has_transparency_data:
        return image, []
    # The premultiplied modes convert only to their plain twins.
    plain = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
    layer = (image.convert(plain) if plain else image).convert("RGBA")
    if layer.getchannel("A").getextrema() == (255, 255):
        return layer.convert("RGB"), []
    canvas = Image.new("RGBA", layer.size, (*BACKGROUND, 255))
    canvas.alpha_composite(layer)
    return canvas.convert("RGB"), [("transparency", "transparent pixels, composited on white")]


def _apply_profile(image: Image.Image, profile: bytes) -> tuple[Image.Image, list[Remark]]:
    mode = image.mode if image.mode in ("L", "CMYK", "LAB") else "RGB"
    try:
        transform, name = _find_transform(profile, mode)
    except Exception as error:  # a profile is a hostile file within a file: nothing in it may stop the scan
        return image, [
            ("icc-broken", f"the colour profile cannot be used and was ignored ({to_plain(error)})")
        ]
    if transform is None:
        return image, []
    source = image if image.mode == mode else image.convert(mode)
    converted = ImageCms.applyTransform(source, transform)
    assert converted is not None  # it is None only for a conversion in place
    return converted, [("icc-converted", f"colours converted from the profile '{name}' to sRGB")]


@lru_cache(maxsize=16)
def _find_transform(profile: bytes, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """Return the transform to sRGB and the profile's name; no transform where it would change nothing."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    name = to_plain(ImageCms.getProfileDescription(source))
    if mode == "L" and source.profile.xcolor_space.strip() == "RGB":
        # Grey has equal parts of each colour, and every RGB profile in use maps those to a grey.
        return None, name
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    if mode in ("L", "RGB") and _changes_nothing(transform, mode):
        return None, name
    return transform, name


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    levels = np.linspace(0, 255, 9 if mode == "RGB" else 256).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    probe = Image.fromarray(grid if mode == "RGB" else levels[None])
    seen = ImageCms.applyTransform(probe, transform)
    assert seen is not None
    difference = np.asarray(seen).astype(int) - np.asarray(probe.convert("RGB"))
    return int(np.abs(difference).max()) <= SRGB_TOLERANCE
