"""The preprocessing that weights were trained with, as an ONNX file or a JSON beside it declares it.

Known are a bundle's `bundle.json`, timm's `pretrained_cfg` (in `config.json`, in NAME.json beside NAME.onnx,
or in the metadata of the ONNX file), and transformers' `preprocessor_config.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from PIL import Image

from groupwise.data.pixel_reading import as_tuples
from groupwise.data.preprocessing import COLOURS, Preprocessing
from groupwise.errors import GroupwiseError
from groupwise.files import read_json

PRETRAINED = "pretrained_cfg"  # timm's word
BUNDLE = "bundle.json"
TRANSFORMERS = "preprocessor_config.json"
SQUARES = {"center": "crop", "squash": "squash", "border": "pad"}
FILTERS = {"bilinear": "bilinear", "bicubic": "bicubic"}
SQUASHED_FROM = 384  # px, by transformers' ConvNeXT, which cuts smaller ones to `crop_pct`


@dataclass(frozen=True)
class Declared:
    """Fields of `Preprocessing` by name, where they stand, and what of it this version does not do."""

    fields: Mapping[str, Any]
    source: str
    notes: tuple[str, ...] = ()


def declared_preprocessing(file: Path, metadata: Mapping[str, str]) -> Declared | None:
    """What is declared for the ONNX `file`, whose own metadata come first; None where nothing is.

    Raises `GroupwiseError` where what is declared cannot be meant.
    """
    if PRETRAINED in metadata:
        source = f"the metadata of {file.name}"
        return _meant(file, lambda: _of_timm(json.loads(metadata[PRETRAINED]), source))
    for name in (BUNDLE, f"{file.stem}.json", "config.json", TRANSFORMERS):
        beside = file.parent / name
        if beside.is_file() and (found := _beside(beside, read_json(beside))) is not None:
            return found
    return None


def _beside(place: Path, held: Any) -> Declared | None:
    """What a file beside the model declares, by its own words; None where it speaks of other things."""
    if place.name == BUNDLE:
        return _meant(place, lambda: _of_bundle(held))
    if not isinstance(held, Mapping):
        return None
    inner = held.get(PRETRAINED)
    known = inner if isinstance(inner, Mapping) else held
    if known.get("image_mean") is not None or place.name == TRANSFORMERS:
        if known.get("do_flip_channel_order"):
            raise GroupwiseError(
                "declares a network of blue, green and red, and pictures are red, green and blue here",
                place=place,
                remedy="Export it with the input channels of its first layer turned, and without that field.",
            )
        return _meant(place, lambda: _of_transformers(known, place.name))
    if known.get("mean") is not None and known.get("std") is not None:
        return _meant(place, lambda: _of_timm(known, place.name))
    return None


def _meant(place: Path, read: Callable[[], Declared]) -> Declared:
    """What is read from a file of others, in which any value may be of any kind."""
    try:
        found = read()
        each = {"channels": tuple(range(len(found.fields.get("mean", ()))))}
        Preprocessing(**{**each, **found.fields})
    except (GroupwiseError, AttributeError, LookupError, TypeError, ValueError):
        names = ", ".join(field.name for field in fields(Preprocessing)[:5])
        raise GroupwiseError(
            "declares a preprocessing that cannot be meant",
            place=place,
            remedy=f"Mend it, or remove it and give the fields yourself: --data. and {names}.",
        ) from None
    return found


def _of_bundle(held: Any) -> Declared:
    return Declared({name: as_tuples(value) for name, value in held["preprocessing"].items()}, BUNDLE)


def _of_timm(known: Any, source: str) -> Declared:
    size = known.get("input_size")
    sides, share = (size[-2:] if size else None), known.get("crop_pct")
    method = known.get("interpolation", "bilinear")
    values = {
        "image_size_px": sides[-1] if sides else None,
        "resize": SQUARES.get(known.get("crop_mode") or "center", "crop"),
        "interpolation": FILTERS.get(method, "bicubic"),
        "mean": known.get("mean"),
        "std": known.get("std"),
    }
    return Declared(_given(values), source, tuple(_differences(sides, share, method)))


def _of_transformers(known: Mapping[str, Any], source: str) -> Declared:
    size, share, method = known.get("size"), known.get("crop_pct"), known.get("resample")
    scaled = shown = _sides(size)
    by_short_side = isinstance(size, Mapping) and "shortest_edge" in size
    cuts = known.get("do_center_crop", known.get("crop_size") is not None)
    if cuts:
        shown = _sides(known.get("crop_size")) or scaled
        share = (share or 1) * shown[-1] / scaled[-1] if shown and scaled else share
    elif not (by_short_side and share and scaled and scaled[-1] < SQUASHED_FROM):
        share = None
    method = "bilinear" if method is None else Image.Resampling(method).name.lower()
    notes = list(_differences(shown, share, method))
    if by_short_side and shown and not (cuts or share):
        notes.append(f"it takes oblong pictures, which are made {shown[-1]} x {shown[-1]} here")
    mean, std = _levels(known)
    values = {
        "image_size_px": shown[-1] if shown else None,
        "resize": "crop" if cuts or share else "squash",
        "interpolation": FILTERS.get(method, "bicubic"),
        "mean": mean,
        "std": std,
    }
    return Declared(_given(values), source, tuple(notes))


def _levels(known: Mapping[str, Any]) -> tuple[list[float] | None, list[float] | None]:
    """Mean and standard deviation of levels from 0 to 1, whatever they were scaled to before."""
    rescales, normalises = (known.get(name) is not False for name in ("do_rescale", "do_normalize"))
    white = 255 * known.get("rescale_factor", 1 / 255) if rescales else 255
    black = -1 if rescales and known.get("rescale_offset") else 0
    mean = known.get("image_mean") if normalises else [0.0] * COLOURS
    std = known.get("image_std") if normalises else [1.0] * COLOURS
    return (
        None if mean is None else [(level - black) / white for level in mean],
        None if std is None else [level / white for level in std],
    )


def _sides(size: Any) -> Sequence[Any] | None:
    """Height and width of a size of transformers, which may be one number or the shortest side."""
    if isinstance(size, Mapping):
        side = size.get("shortest_edge")
        size = [size.get("height") or side, size.get("width") or side]
        return size if all(size) else None
    return None if size is None else [size, size]


def _differences(sides: Sequence[Any] | None, share: float | None, method: str) -> Iterator[str]:
    """What is not done as declared: `sides` (height, width), the share of a picture's middle, the filter."""
    if share is not None and share < 1:
        yield f"its weights were tested on the middle {share:.3g} of each picture, of which all is shown"
    if sides and sides[0] != sides[1]:
        height, width = sides
        yield f"it takes pictures of {width} x {height}, which are made {width} x {width} here"
    if method not in FILTERS:
        yield f"its interpolation {method!r} is done as bicubic"


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are there; the one mean of grey pictures is that of their three equal colours."""
    return {
        name: tuple(value) * (COLOURS if len(value) == 1 else 1) if isinstance(value, list) else value
        for name, value in values.items()
        if value is not None
    }
