"""Decoding: the bytes of an image file to pixels of 8 bits, colours or the channels that were chosen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from groupwise.data.colour import to_srgb
from groupwise.data.deep import note_png
from groupwise.data.file_notes import Note
from groupwise.data.header import (
    UndecodableImage,
    draft,
    explain,
    name_format,
    open_image,
    read_orientation,
    turn_upright,
)
from groupwise.data.jpeg_parts import END, NO_END, lacks_only_its_end
from groupwise.data.levels import Depth
from groupwise.data.pixel_reading import MAX_PIXELS, Reading
from groupwise.data.preprocessing import Preprocessing, Resize
from groupwise.data.readers import Unread, find_deep
from groupwise.data.samples import COLOURS, Samples, are_bands, pick_channels, render, show_bands

__all__ = ["MAX_PIXELS_AT_ONCE", "Decoded", "Preprocessing", "Resize", "UndecodableImage", "decode"]

# All threads together decode at most this many at once, so memory does not grow with their number.
MAX_PIXELS_AT_ONCE = 2 * MAX_PIXELS
UNSETTLED = Reading()
# Of so many rows and columns one is scaled where nobody looks at the pixels.
THINNED = 8


@dataclass(frozen=True, eq=False, slots=True)
class Decoded:
    """`rgb` is (H, W, 3) uint8, upright, sRGB, opaque, read-only; a draft is smaller than `width` x `height`.

    `format` and `mode` are the file's own, in Pillow's names where it has one. `depth` is what the samples
    were, where they had more than 8 bits, and `group` a name for whom the picture shows, if the file has one.
    """

    rgb: npt.NDArray[np.uint8]
    width: int
    height: int
    format: str
    mode: str
    warnings: tuple[Note, ...]
    depth: Depth | None = None
    group: str = ""
    bands: npt.NDArray[np.uint8] | None = None
    channels: int = 0

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """What a network sees, (H, W, C)."""
        return self.rgb if self.bands is None else self.bands


def decode(
    data: bytes,
    *,
    place: object = "image",
    draft_px: int | None = None,
    max_pixels: int | None = None,
    reading: Reading = UNSETTLED,
    facts_only: bool = False,
) -> Decoded:
    """Decode a whole image file: orientation applied, colours converted to sRGB, transparency on white.

    With `draft_px` a JPEG is decoded at 1/2, 1/4 or 1/8 of its size, never below `draft_px` on the short
    side; all of its coefficients are still read, so a damaged file is found all the same. What declares more
    than `max_pixels` is refused, but for a baseline JPEG, which is drafted until it has fewer. `reading` says
    how samples of more than 8 bits become levels, and which channels are taken. With `facts_only` all of a
    deep picture is read, but of its pixels only some are scaled, for who wants to know about it alone.
    Raises UndecodableImage, whatever the bytes are.
    """
    if max_pixels is not None:
        reading = replace(reading, max_pixels=max_pixels)
    name = name_format(data, place)
    try:
        unread = find_deep(name, data, place, reading)
        decoded = (
            _decode_to_end(name, data, place, draft_px, reading)
            if unread is None
            else _decode_deep(unread, reading, place, facts_only)
        )
        return _take_colours(decoded, reading, place)
    except UndecodableImage:
        raise
    except Exception as error:  # readers raise nearly everything on a hostile file
        raise explain(error, data, place) from None


def _decode_to_end(name: str, data: bytes, place: object, draft_px: int | None, reading: Reading) -> Decoded:
    """What Pillow reads right, and a JPEG that lacks nothing but the marker of its end."""
    try:
        return _decode_plain(data, place, draft_px, reading)
    except OSError:
        if name != "JPEG" or not lacks_only_its_end(data):
            raise
    decoded = _decode_plain(data.removesuffix(b"\xff") + END, place, draft_px, reading)
    return replace(decoded, warnings=(NO_END, *decoded.warnings))


def _decode_plain(data: bytes, place: object, draft_px: int | None, reading: Reading) -> Decoded:
    image = open_image(data, place, reading.max_pixels)
    width, height = image.size
    mode = image.mode
    remarks = _note_frames(image)
    if image.format in ("JPEG", "MPO"):
        draft(image, draft_px, reading.max_pixels)
    drafted = image.size != (width, height)
    # Drafting spares the pixels, but a progressive JPEG keeps the coefficients of all of them in memory.
    small = drafted and "progressive" not in image.info
    box = image.tile[0].extents if isinstance(image, GifImageFile) and image.tile else None
    with _hold_pixels(image.width * image.height if small else width * height):
        image.load()
        if box is not None and box != (0, 0, *image.size):
            image = _clear_outside(image, box)
        orientation, more = read_orientation(image)
        depth, profile = None, image.info.get("icc_profile")
        if image.mode[0] in "IF":
            drawn = render(Samples(np.asarray(image), str(image.format), mode), reading, place)
            image, depth = drawn.image, drawn.depth
            remarks += drawn.remarks
        pixels, colours = _to_pixels(image, profile, orientation)
    if image.format == "PNG":
        remarks += note_png(data)
    if not drafted:
        height, width = pixels.shape[:2]
    elif orientation >= 5:
        width, height = height, width
    remarks = (*remarks, *more, *colours)
    return Decoded(pixels, width, height, str(image.format), mode, remarks, depth)


def _decode_deep(unread: Unread, reading: Reading, place: object, facts_only: bool) -> Decoded:
    """What has more than 8 bits, or what Pillow reads wrong."""
    with _hold_pixels(unread.pixels):
        samples = unread.read()
        drawn = render(samples, reading, place, step=THINNED if facts_only else 1)
        pixels, colours = _to_pixels(drawn.image, samples.profile, samples.orientation)
        bands = _turn_bands(drawn.bands, samples.orientation)
    height, width = samples.values.shape[:2]
    if samples.orientation >= 5:
        height, width = width, height
    remarks = (*samples.remarks, *drawn.remarks, *colours)
    return Decoded(
        pixels,
        width,
        height,
        samples.format,
        samples.mode,
        remarks,
        drawn.depth,
        samples.group,
        bands,
        samples.channels,
    )


def _to_pixels(
    image: Image.Image, profile: bytes | None, orientation: int
) -> tuple[npt.NDArray[np.uint8], list[Note]]:
    rgb, colours = to_srgb(image, profile)
    return np.asarray(turn_upright(rgb, orientation)), colours


def _turn_bands(bands: npt.NDArray[np.uint8] | None, orientation: int) -> npt.NDArray[np.uint8] | None:
    if bands is None or orientation == 1:
        return bands
    planes = [Image.fromarray(bands[..., i]) for i in range(bands.shape[2])]
    return np.dstack([np.asarray(turn_upright(plane, orientation)) for plane in planes])


def _take_colours(decoded: Decoded, reading: Reading, place: object) -> Decoded:
    """The chosen channels of red, green and blue, or of one grey; other channels are chosen by now."""
    if not reading.channels or decoded.channels:
        return decoded
    taken = pick_channels(decoded.rgb, COLOURS, reading, place)
    if taken.ndim == 2:
        return replace(decoded, rgb=np.repeat(taken[..., None], 3, axis=2), channels=3)
    if are_bands(taken):
        return replace(decoded, rgb=show_bands(taken), bands=taken, channels=3)
    return replace(decoded, rgb=taken, channels=3)


def _clear_outside(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """The frame of a GIF on its larger screen, transparent around it, as browsers show it."""
    layer, opacity = image.convert("RGBA"), Image.new("L", image.size, 0)
    opacity.paste(layer.getchannel("A").crop(box), box)
    layer.putalpha(opacity)
    return layer


def _note_frames(image: Image.Image) -> tuple[Note, ...]:
    # The further pictures of an MPO are a phone's preview or depth map, not frames.
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return ()
    return (("several-frames", "more than one frame or page, of which the first was taken"),)


_pixels_held = 0
_pixels_freed = threading.Condition()


@contextmanager
def _hold_pixels(n: int) -> Iterator[None]:
    """Wait until the threads of this process decode few enough pixels for `n` more."""
    global _pixels_held
    with _pixels_freed:
        _pixels_freed.wait_for(lambda: _pixels_held + n <= MAX_PIXELS_AT_ONCE or _pixels_held == 0)
        _pixels_held += n
    try:
        yield
    finally:
        with _pixels_freed:
            _pixels_held -= n
            _pixels_freed.notify_all()
