"""8-bit images of any mode, transparency and colour profile as sRGB."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from groupwise.data.file_notes import Note, to_plain

BACKGROUND = (255, 255, 255)
# A profile that moves no colour by more than this many of 255 levels is sRGB, whatever it calls itself.
SRGB_TOLERANCE = 3


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, list[Note]]:
    """Convert a loaded image of 8 bits to mode RGB in the sRGB colour space, and say what was no plain copy.

    Transparency is composited on `BACKGROUND`. CMYK is converted by its profile, and by Pillow's plain
    formula without one.
    """
    image, remarks = _widen_bits(image)
    image, more = _composite(image)
    remarks += more
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        name = "cmyk" if image.mode == "CMYK" else "colour-space"
        remarks.append((name, f"the colours are stored as {image.mode} and were converted to RGB"))
    if profile:
        image, more = _apply_profile(image, profile)
        remarks += more
    return image.convert("RGB"), remarks


def _widen_bits(image: Image.Image) -> tuple[Image.Image, list[Note]]:
    if image.mode != "1":
        return image, []
    return image.convert("L"), [("one-bit", "only black and white pixels, as in a mask or a scanned page")]


def _composite(image: Image.Image) -> tuple[Image.Image, list[Note]]:
    if not image.has_transparency_data:
        return image, []
    # The premultiplied modes convert only to their plain twins.
    plain = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
    opaque = "L" if image.mode in ("La", "LA") else "RGB"  # grey, as its profile has to find it
    layer = (image.convert(plain) if plain else image).convert("RGBA")
    if layer.getchannel("A").getextrema() == (255, 255):
        return layer.convert(opaque), []
    canvas = Image.new("RGBA", layer.size, (*BACKGROUND, 255))
    canvas.alpha_composite(layer)
    return canvas.convert(opaque), [("transparency", "transparent pixels, composited on white")]


def _apply_profile(image: Image.Image, profile: bytes) -> tuple[Image.Image, list[Note]]:
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
