"""Samples as a file holds them, of any depth and number of channels, and their way to 8-bit colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from groupwise.data.header import UndecodableImage
from groupwise.data.levels import Depth, Range, Reading, choose_range, measure_depth, to_levels
from groupwise.data.remarks import Remark


@dataclass(frozen=True, eq=False)
class Samples:
    """One picture before it is scaled.

    `values` is (H, W) for grey and (H, W, 3) for colour, of the file's own type. `declared` are the values
    that the file itself calls black and white; `inverted` says that its least value is white. `opacity` is
    (H, W) from 0 to 1; `premultiplied` says that the values are multiplied by it already.
    """

    values: npt.NDArray[Any]
    format: str
    mode: str
    declared: Range | None = None
    inverted: bool = False
    opacity: npt.NDArray[np.float32] | None = None
    premultiplied: bool = False
    profile: bytes | None = None
    orientation: int = 1
    remarks: tuple[Remark, ...] = ()
    group: str = ""


def render(
    samples: Samples, reading: Reading, place: object, *, step: int = 1
) -> tuple[Image.Image, Depth | None, tuple[Remark, ...]]:
    """Scale to 8 bits: an image of mode L, RGB, LA or RGBA, what its samples were, and what was done.

    Nothing is said of samples of 8 bits, which stay as they are. All of the samples are measured, and one in
    `step` rows and columns is scaled.
    """
    values, depth, remarks = samples.values, None, tuple[Remark, ...]()
    thin = (slice(None, None, step), slice(None, None, step))
    if values.dtype == np.uint8 and samples.declared in (None, (0, 255)):
        levels = values[thin]
    else:
        depth = measure_depth(values, samples.declared, reading.tails_percent)
        chosen = choose_range(depth, reading, place)
        levels, remarks = to_levels(values[thin], chosen, depth), (_describe(depth, chosen),)
    if samples.inverted:
        levels = 255 - levels
    return _with_opacity(levels, samples, thin), depth, remarks


def _with_opacity(levels: npt.NDArray[np.uint8], samples: Samples, thin: tuple[slice, slice]) -> Image.Image:
    if samples.opacity is None:
        return Image.fromarray(np.ascontiguousarray(levels))
    opacity = samples.opacity[thin]
    if samples.premultiplied:
        share = np.maximum(opacity, 1 / 65535)
        share = share[..., None] if levels.ndim == 3 else share
        levels = np.rint((levels / share).clip(0, 255)).astype(np.uint8)
    return Image.fromarray(np.dstack([levels, np.rint(opacity * 255).astype(np.uint8)]))


def _describe(depth: Depth, chosen: Range) -> Remark:
    rule = (
        f"values from {depth.low:.10g} to {depth.high:.10g}, of which {chosen[0]:.10g} to {chosen[1]:.10g}"
        " become 0 to 255"
    )
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
    planes: npt.NDArray[Any], names: tuple[str, ...], wanted: tuple[int | str, ...], place: object
) -> npt.NDArray[Any]:
    """Take one or three of the channels (H, W, C), by number from 1 or by name; (H, W) for one alone."""
    if len(wanted) not in (1, 3):
        raise UndecodableImage(
            "several-channels",
            f"{len(wanted)} channels were asked for, and a network takes 1 or 3",
            place=place,
            remedy="Give --data.channels one channel, or three to be red, green and blue.",
        )
    indices = [_find_channel(one, planes.shape[2], names, place) for one in wanted]
    taken = planes[..., indices]
    return taken[..., 0] if len(indices) == 1 else taken


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
        remedy="Choose one or three, as in --data.channels '[1]' or --data.channels '[3,2,1]'.",
    )


def list_channels(count: int, names: tuple[str, ...]) -> str:
    """Such as "3 channels (DAPI, GFP, 3)"."""
    said = [names[i] if i < len(names) and names[i] else str(i + 1) for i in range(count)]
    shown = ", ".join(said[:8]) + (", ..." if count > 8 else "")
    return f"{count} channels ({shown})"
