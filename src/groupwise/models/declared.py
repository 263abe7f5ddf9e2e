"""The preprocessing that weights were trained with, as an ONNX file or a JSON beside it declares it.

Known are a bundle's `bundle.json`, timm's `pretrained_cfg` (in `config.json`, in NAME.json beside NAME.onnx,
or in the metadata of the ONNX file), and transformers' `preprocessor_config.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from groupwise.data.pixel_reading import as_tuples
from groupwise.data.preprocessing import COLOURS, Preprocessing
from groupwise.errors import GroupwiseError
from groupwise.files import read_json

PRETRAINED = "pretrained_cfg"  # timm's word
BUNDLE = "bundle.json"
TRANSFORMERS = "preprocessor_config.json"
SQUARES = {"center": "crop", "squash": "squash", "border": "pad"}
FILTERS = {2: "bilinear", 3: "bicubic", "bilinear": "bilinear", "bicubic": "bicubic"}


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
    side, share = (size[-1] if size else None), known.get("crop_pct")
    method = known.get("interpolation", "bilinear")
    notes = []
    if share not in (1, None):
        notes.append(
            f"its weights were tested on the middle {share:.3g} of each picture, of which all is shown"
        )
    if size and size[-2] != side:
        notes.append(f"it takes pictures of {side} x {size[-2]}, which are made {side} x {side} here")
    if method not in FILTERS:
        notes.append(f"its interpolation {method!r} is done as bicubic")
    values = {
        "image_size_px": side,
        "resize": SQUARES.get(known.get("crop_mode") or "center", "crop"),
        "interpolation": FILTERS.get(method, "bicubic"),
        "mean": known.get("mean"),
        "std": known.get("std"),
    }
    return Declared(_given(values), source, tuple(notes))


def _of_transformers(known: Mapping[str, Any], source: str) -> Declared:
    size = known.get("crop_size") or known.get("size")
    if isinstance(size, Mapping):
        size = size.get("height") or size.get("shortest_edge")
    values = {
        "image_size_px": size,
        "resize": "crop" if known.get("do_center_crop") else "squash",
        "interpolation": FILTERS.get(known.get("resample", 2), "bicubic"),
        "mean": known.get("image_mean"),
        "std": known.get("image_std"),
    }
    return Declared(_given(values), source)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are there; the one mean of grey pictures is that of their three equal colours."""
    return {
        name: tuple(value) * (COLOURS if len(value) == 1 else 1) if isinstance(value, list) else value
        for name, value in values.items()
        if value is not None
    }
