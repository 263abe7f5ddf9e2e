"""The scale of deep pictures: which of their values become black and white, by one rule for a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from groupwise.data.header import UndecodableImage
from groupwise.data.pixel_reading import Range, Reading

# Whoever comes out below this share of the scale, in 99 of 100 of its samples, shows next to nothing.
NEARLY_BLACK = 1 / 8
# Values are measured on about so many samples of a picture, evenly spaced; least and greatest on all.
_MEASURED = 1 << 16


@dataclass(frozen=True, slots=True)
class Depth:
    """What the samples of a deep picture are, before they are scaled.

    `low` and `high` are the least and the greatest finite value, `tails` the same without the share that
    `Reading.tails_percent` leaves out, and 99 of 100 samples are at most `bright`. `container` is the range
    of the type, `declared` the range that the file itself gives, if it does. `bands` has the same of each
    channel, where they are no colours.
    """

    kind: Literal["integer", "float"]
    low: float
    high: float
    tails: Range
    bright: float
    container: Range
    declared: Range | None = None
    bands: tuple[Depth, ...] = ()


def type_range(dtype: np.dtype[Any]) -> Range:
    """The least and greatest value of a type of whole numbers; 0 to 1 for floats, by convention."""
    if dtype.kind == "f":
        return (0.0, 1.0)
    limits = np.iinfo(dtype)
    return (int(limits.min), int(limits.max))


def measure_depth(values: npt.NDArray[Any], declared: Range | None, tails_percent: float) -> Depth:
    """Measure the samples of one picture, (H, W) or (H, W, C)."""
    bands: tuple[Depth, ...] = ()
    if values.ndim == 3 and values.shape[2] != 3:
        bands = tuple(measure_depth(values[..., i], declared, tails_percent) for i in range(values.shape[2]))
    # Of rows and columns, so that planes one behind the other are not copied into one.
    step = max(1, int((values.size / _MEASURED) ** 0.5))
    some = values[::step, ::step].reshape(-1)
    if values.dtype.kind == "f":
        some = some[np.isfinite(some)]
        low, high = _finite_extremes(values)
    else:
        low, high = float(values.min()), float(values.max())
    bright, tail = high, (low, high)
    if some.size:
        ordered = np.sort(some)  # of 16 bits by their digits, four times as fast as percentiles of floats
        bright = _percentile(ordered, 99)
        if tails_percent:
            tail = (_percentile(ordered, tails_percent), _percentile(ordered, 100 - tails_percent))
    kind: Literal["integer", "float"] = "float" if values.dtype.kind == "f" else "integer"
    return Depth(kind, low, high, tail, bright, type_range(values.dtype), declared, bands)


def _percentile(ordered: npt.NDArray[Any], percent: float) -> float:
    """The value at the nearest rank of the sorted `ordered`, as numpy's method "nearest" takes it."""
    return float(ordered[round(percent / 100 * (ordered.size - 1))])


def _finite_extremes(values: npt.NDArray[Any]) -> Range:
    low, high = float(values.min()), float(values.max())
    if np.isfinite(low) and np.isfinite(high):  # a single NaN makes both NaN
        return low, high
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def choose_ranges(depth: Depth, reading: Reading, place: object) -> tuple[Range, ...]:
    """As `choose_range`, for each of the channels where they are no colours."""
    if not depth.bands:
        return (choose_range(depth, reading, place),)
    ranges = reading.channel_ranges or (None,) * len(depth.bands)
    return tuple(
        choose_range(one, replace(reading, integer_range=rule, float_range=rule), place)
        for one, rule in zip(depth.bands, ranges, strict=True)
    )


def choose_range(depth: Depth, reading: Reading, place: object) -> Range:
    """The values that become black and white; raises `UndecodableImage` where nothing says which they are.

    The file's own declaration goes first, then the data set's rule. Without a rule whole numbers of 16 bits
    go by their container, as viewers of photographs do; a settled reading does so only where the picture
    shows that it uses it, because 12 bits in a 16-bit file would come out black, and be answered so.
    """
    if depth.declared is not None and reading.trust_declared:
        return depth.declared
    rule = reading.integer_range if depth.kind == "integer" else reading.float_range
    if rule is not None:
        if not reading.tails_percent:
            _refuse_beyond(depth, rule, place)
        return rule
    if not reading.settled:
        return _guess(depth)
    if depth.kind == "float" and depth.low >= 0 and depth.high <= 1:
        return (0.0, 1.0)
    if depth.kind == "integer" and depth.container == (0, 65535) and depth.bright > 32767:
        return depth.container
    raise UndecodableImage(
        "unknown-depth",
        f"{_say_samples(depth)}, and nothing says which of them is white: the file does not declare it, and"
        " the model has not learnt from such pictures",
        place=place,
        remedy="Convert it to 8 bits by the rule of its camera, or train on pictures of this kind.",
    )


def _guess(depth: Depth) -> Range:
    """A range for one picture alone, where there is no data set to take the rule from."""
    low, high = depth.low, depth.high
    if depth.kind == "integer":
        return (0, 65535) if low >= 0 and high <= 65535 else (low, high)
    if low >= 0 and high <= 1:
        return (0.0, 1.0)
    return (0.0, 255.0) if low >= 0 and high <= 255 else (low, high)


def _refuse_beyond(depth: Depth, rule: Range, place: object) -> None:
    """Refuse a picture of which more than one sample in a hundred would be burnt out to white."""
    if depth.bright <= rule[1]:
        return
    raise UndecodableImage(
        "unknown-depth",
        f"{_say_samples(depth)}, and the data set is of pictures whose white is {say_value(rule[1])}",
        place=place,
        remedy="Give pictures of one depth, or another range.",
    )


def _say_samples(depth: Depth) -> str:
    words = "floating-point values" if depth.kind == "float" else "values of more than 8 bits"
    return f"it holds {words}, from {say_value(depth.low)} to {say_value(depth.high)}"


def to_levels(values: npt.NDArray[Any], chosen: Range, depth: Depth) -> npt.NDArray[np.uint8]:
    """Scale samples to 0 to 255, to the nearest level; what lies outside the range becomes black or white."""
    if values.dtype == np.uint16 and values.size > _MEASURED:
        return np.asarray(_scale(np.arange(65536), chosen)[values])  # a table is ten times as fast
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, nan=depth.low, posinf=depth.high, neginf=depth.low)
    return _scale(values, chosen)


def _scale(values: npt.NDArray[Any], chosen: Range) -> npt.NDArray[np.uint8]:
    # In float64, because the difference of two large float32 overflows.
    black, white = chosen
    span = max(float(white) - float(black), np.finfo(np.float64).tiny)
    levels: npt.NDArray[np.uint8] = np.rint(
        ((values.astype(np.float64) - black) / span * 255).clip(0, 255)
    ).astype(np.uint8)
    return levels


def settle(depths: Sequence[Depth], reading: Reading, counts: Sequence[int] = ()) -> Reading:
    """Decide the ranges that the pictures of a data set need and nobody gave.

    Whole numbers get the fewest whole bits that hold the greatest of all pictures, which is what a sensor
    has; negative ones, and those of which the tails are left out, the least and greatest of all. Floats get
    0 to 1 or 0 to 255 where all lie within. Channels that are no colours get a range each. `counts` are those
    of the files' channels; where all agree, other files are refused from now on.
    """
    free = [depth for depth in depths if depth.declared is None or not reading.trust_declared]
    banded = [depth for depth in free if depth.bands]
    integers = _join([depth.tails for depth in free if depth.kind == "integer" and not depth.bands])
    floats = _join([depth.tails for depth in free if depth.kind == "float" and not depth.bands])
    agreed = counts[0] if len(set(counts)) == 1 and counts[0] else None
    return replace(
        reading,
        channel_ranges=reading.channel_ranges or (_settle_bands(banded, reading) if banded else None),
        channel_count=reading.channel_count or agreed,
        integer_range=reading.integer_range or (integers and _round_integers(integers, reading)),
        float_range=reading.float_range or (floats and _round_floats(floats, reading)),
        settled=True,
    )


def _settle_bands(depths: Sequence[Depth], reading: Reading) -> tuple[Range, ...]:
    """A range for each channel, of pictures that have equally many; one that is given is for all of them."""
    usual = reading.integer_range if depths[0].kind == "integer" else reading.float_range
    ranges = []
    for channel in zip(*(depth.bands for depth in depths), strict=True):
        found = _join([depth.tails for depth in channel])
        assert found is not None
        rounded = _round_integers if depths[0].kind == "integer" else _round_floats
        ranges.append(usual or rounded(found, reading))
    return tuple(ranges)


def _join(ranges: Sequence[Range]) -> Range | None:
    return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None


def _round_integers(found: Range, reading: Reading) -> Range:
    low, high = found
    if low < 0 or reading.tails_percent:
        return (low, max(high, low + 1))
    return (0.0, float(2 ** max(8, int(high).bit_length()) - 1))


def _round_floats(found: Range, reading: Reading) -> Range:
    low, high = found
    if reading.tails_percent:
        return (low, high if high > low else low + 1)
    # Interpolation overshoots a little; 127 of 255 is the least that still looks like levels.
    if low >= -0.05 and high <= 1.05:
        return (0.0, 1.0)
    if low >= 0 and 127 < high <= 255:
        return (0.0, 255.0)
    return (low, high if high > low else low + 1)


def is_nearly_black(depth: Depth, chosen: Range) -> bool:
    """Whether 99 of 100 samples fall into the darkest eighth of the scale, though they are not all alike."""
    black, white = chosen
    return depth.high > depth.low and depth.bright - black < NEARLY_BLACK * (white - black)


def is_narrow(depth: Depth, chosen: Range) -> bool:
    """Whether all samples lie within an eighth of the scale, though they are not all alike."""
    return 0 < depth.high - depth.low < NEARLY_BLACK * (chosen[1] - chosen[0])


def say_value(value: float) -> str:
    """A value of a picture as a person reads it."""
    return str(int(value)) if value == int(value) else f"{value:g}"
