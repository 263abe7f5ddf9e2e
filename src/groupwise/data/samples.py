"""Samples as a file holds them, of any depth and number of channels, and their way to 8-bit colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from groupwise.data.file_notes import Note
from groupwise.data.header import UndecodableImage
from groupwise.data.levels import Depth, choose_ranges, measure_depth, to_levels
from groupwise.data.pixel_reading import Range, Reading
from groupwise.stats.arrays import Floats32

COLOURS = ("red", "green", "blue")


@dataclass(frozen=True, eq=False)
class Samples:
    """One picture before it is scaled.

    `values` is (H, W) for grey, (H, W, 3) for colour, and (H, W, C) for channels that are no colours, of the
    file's own type. `declared` are the values that the file itself calls black and white; `inverted` says
    that its least value is white. With `space`, a mode of Pillow such as "CMYK", they are levels in it.
    `opacity` is (H, W) from 0 to 1; `premultiplied` says that the values are multiplied by it already.
    `channels` counts those of a file from which some were chosen, else 0.
    """

    values: npt.NDArray[Any]
    format: str
    mode: str
    declared: Range | None = None
    space: str = ""
    inverted: bool = False
    opacity: Floats32 | None = None
    premultiplied: bool = False
    profile: bytes | None = None
    orientation: int = 1
    remarks: tuple[Note, ...] = ()
    group: str = ""
    channels: int = 0


class Rendered(NamedTuple):
    """A picture of 8 bits: `image` of mode L, RGB, LA or RGBA, and `bands` (H, W, C) of what are no colours.

    `depth` is what the samples were, None for those of 8 bits, and `remarks` say what was done.
    """

    image: Image.Image
    bands: npt.NDArray[np.uint8] | None
    depth: Depth | None
    remarks: tuple[Note, ...]


def render(samples: Samples, reading: Reading, place: object, *, step: int = 1) -> Rendered:
    """Scale to 8 bits. Nothing is said of samples of 8 bits, which stay as they are.

    All of the samples are measured, and one in `step` rows and columns is scaled.
    """
    if reading.channels and not samples.channels:
        require_count(len(COLOURS), COLOURS, reading, place)  # it says more than that the depth is unknown
    values, depth, remarks = samples.values, None, tuple[Note, ...]()
    thin = (slice(None, None, step), slice(None, None, step))
    if values.dtype == np.uint8 and samples.declared in (None, (0, 255)):
        levels = values[thin]
    else:
        depth = measure_depth(values, samples.declared, reading.tails_percent)
        chosen = choose_ranges(depth, reading, place)
        levels, remarks = _scale_channels(values[thin], chosen, depth), (_describe(depth, chosen),)
    if samples.inverted:
        levels = 255 - levels
    if samples.space:
        size = (levels.shape[1], levels.shape[0])
        image = Image.frombytes(samples.space, size, np.ascontiguousarray(levels).tobytes())
        return Rendered(image, None, None, ())
    if are_bands(levels):
        return Rendered(Image.fromarray(show_bands(levels)), levels, depth, remarks)
    return Rendered(_with_opacity(levels, samples, thin), None, depth, remarks)


def are_bands(values: npt.NDArray[Any]) -> bool:
    """Whether (H, W) or (H, W, C) are channels that are no colours."""
    return values.ndim == 3 and values.shape[2] != 3


def show_bands(bands: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Channels (..., C) for the eye, (..., 3): the first three, and of two the second twice."""
    return np.ascontiguousarray(bands[..., [0, 1, min(2, bands.shape[-1] - 1)]])


def _scale_channels(
    values: npt.NDArray[Any], chosen: tuple[Range, ...], depth: Depth
) -> npt.NDArray[np.uint8]:
    if not depth.bands:
        return to_levels(values, chosen[0], depth)
    scaled = (
        to_levels(values[..., i], *each) for i, each in enumerate(zip(chosen, depth.bands, strict=True))
    )
    return np.dstack(list(scaled))


def _with_opacity(levels: npt.NDArray[np.uint8], samples: Samples, thin: tuple[slice, slice]) -> Image.Image:
    if samples.opacity is None:
        return Image.fromarray(np.ascontiguousarray(levels))
    opacity = samples.opacity[thin]
    if samples.premultiplied:
        share = np.maximum(opacity, 1 / 65535)
        share = share[..., None] if levels.ndim == 3 else share
        levels = np.rint((levels / share).clip(0, 255)).astype(np.uint8)
    return Image.fromarray(np.dstack([levels, np.rint(opacity * 255).astype(np.uint8)]))


def _describe(depth: Depth, chosen: tuple[Range, ...]) -> Note:
    ranges = dict.fromkeys(f"{black:.10g} to {white:.10g}" for black, white in chosen)
    which = f"{', '.join(ranges)}{' in turn' if len(ranges) > 1 else ''}"
    rule = f"values from {depth.low:.10g} to {depth.high:.10g}, of which {which} become 0 to 255"
    return ("float", f"floating-point {rule}") if depth.kind == "float" else ("deep-integer", rule)


def name_mode(values: npt.NDArray[Any], channels: int) -> str:
    """Pillow's name of the mode where it has one, as in "I;16"; else such as "I;int16" or "uint16 x 13"."""
    known = {"uint16": ";16", "uint8": ""}
    kind = values.dtype.name
    if kind in known and channels in (1, 3):
        suffix = known[kind]
        return ("RGB" if channels == 3 else "I" if suffix else "L") + suffix
    if channels > 1:
        return f"{kind} x {channels}"
    if kind == "float32":
        return "F"
    return f"{'F' if values.dtype.kind == 'f' else 'I'};{kind}"


def pick_channels(
    planes: npt.NDArray[Any], names: tuple[str, ...], reading: Reading, place: object
) -> npt.NDArray[Any]:
    """Take the channels (H, W, C) that `reading` asks for, by number from 1 or by name; (H, W) for one alone.

    Raises `UndecodableImage` for one that is not there, and where numbers were settled for pictures of
    another number of channels.
    """
    require_count(planes.shape[2], names, reading, place)
    taken = planes[..., [_find_channel(one, planes.shape[2], names, place) for one in reading.channels]]
    return taken[..., 0] if len(reading.channels) == 1 else taken


def require_count(count: int, names: tuple[str, ...], reading: Reading, place: object) -> None:
    """Raise `UndecodableImage` where numbers were settled for pictures of another number of channels."""
    by_number = any(str(one).isdigit() for one in reading.channels)
    if reading.channel_count not in (None, count) and by_number:
        raise UndecodableImage(
            "several-channels",
            f"it has {list_channels(count, names)}, and the data set is of pictures of"
            f" {reading.channel_count}",
            place=place,
            remedy="Give pictures with the same channels in the same order.",
        )


def _find_channel(wanted: int | str, count: int, names: tuple[str, ...], place: object) -> int:
    folded = [name.casefold() for name in names]
    if isinstance(wanted, str) and wanted.casefold() in folded:
        return folded.index(wanted.casefold())
    if str(wanted).isdigit() and 1 <= int(wanted) <= count:
        return int(wanted) - 1
    raise UndecodableImage(
        "several-channels",
        f"it has no channel {wanted!r}, but {list_channels(count, names)}",
        place=place,
        remedy="Give --data.channels numbers from 1, or names.",
    )


def refuse_choice(count: int, names: tuple[str, ...], place: object) -> UndecodableImage:
    """The refusal of a picture whose channels are no colours, and of which none was chosen."""
    return UndecodableImage(
        "several-channels",
        f"it has {list_channels(count, names)}, which are not red, green and blue",
        place=place,
        remedy="Choose: --data.channels '[1]' for a grey, '[3,2,1]' for colours, '[1,2,3,4]' for inputs.",
    )


def list_channels(count: int, names: tuple[str, ...]) -> str:
    """Such as "3 channels (DAPI, GFP, 3)"."""
    said = [names[i] if i < len(names) and names[i] else str(i + 1) for i in range(count)]
    shown = ", ".join(said[:8]) + (", ..." if count > 8 else "")
    return f"{count} channels ({shown})"
