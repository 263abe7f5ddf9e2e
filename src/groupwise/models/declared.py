"""The preprocessing that weights were trained with, as an ONNX file or a JSON beside it declares it.

Known are a bundle's `bundle.json`, timm's `pretrained_cfg` (in `config.json`, in NAME.json beside NAME.onnx,
or in the metadata of the ONNX file), and transformers' `preprocessor_config.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from groupwise.data.pixel_reading import as_tuples
from groupwise.data.preprocessing import Preprocessing
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
        with suppress(ValueError):
            return _of_timm(json.loads(metadata[PRETRAINED]), f"the metadata of {file.name}", file)
        raise _unreadable(file)
    for name in (BUNDLE, f"{file.stem}.json", "config.json", TRANSFORMERS):
        beside = file.parent / name
        if not beside.is_file():
            continue
        held = read_json(beside)
        if name == BUNDLE:
            return Declared(_of_bundle(held, beside), BUNDLE)
        found = held.get(PRETRAINED, held) if isinstance(held, Mapping) else {}
        if name == TRANSFORMERS or "image_mean" in found:
            return _of_transformers(found, name, beside)
        if "mean" in found and "std" in found:
            return _of_timm(found, name, beside)
    return None


def _of_bundle(held: Any, place: Path) -> dict[str, Any]:
    try:
        values = {name: as_tuples(value) for name, value in held["preprocessing"].items()}
        Preprocessing(**values)
    except (KeyError, TypeError, AttributeError):
        raise _unreadable(place) from None
    return values


def _of_timm(known: Any, source: str, place: Path) -> Declared:
    if not isinstance(known, Mapping):
        raise _unreadable(place)
    size = known.get("input_size")
    notes = []
    if (share := known.get("crop_pct", 1.0)) not in (1, 1.0, None):
        notes.append(
            f"its weights were tested on the middle {share:.3g} of each picture, of which all is shown"
        )
    method = known.get("interpolation", "bilinear")
    if method not in FILTERS:
        notes.append(f"its interpolation {method!r} is done as bicubic")
    return Declared(
        _checked(
            {
                "image_size_px": size[-1] if isinstance(size, Sequence) and size else None,
                "resize": SQUARES.get(known.get("crop_mode") or "center", "crop"),
                "interpolation": FILTERS.get(method, "bicubic"),
                "mean": known.get("mean"),
                "std": known.get("std"),
            },
            place,
        ),
        source,
        tuple(notes),
    )


def _of_transformers(known: Mapping[str, Any], source: str, place: Path) -> Declared:
    size = known.get("crop_size") or known.get("size")
    if isinstance(size, Mapping):
        size = size.get("height") or size.get("shortest_edge")
    return Declared(
        _checked(
            {
                "image_size_px": size,
                "resize": "crop" if known.get("do_center_crop") else "squash",
                "interpolation": FILTERS.get(known.get("resample", 2), "bicubic"),
                "mean": known.get("image_mean"),
                "std": known.get("image_std"),
            },
            place,
        ),
        source,
    )


def _checked(values: Mapping[str, Any], place: Path) -> dict[str, Any]:
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
        if value is not None
    }
    try:
        Preprocessing(**known)
    except (GroupwiseError, TypeError):
        raise _unreadable(place) from None
    return known


def _unreadable(place: Path) -> GroupwiseError:
    names = ", ".join(field.name for field in fields(Preprocessing)[:5])
    return GroupwiseError(
        "declares a preprocessing that cannot be meant",
        place=place,
        remedy=f"Mend it, or remove it and give the fields yourself: --data. and {names}.",
    )
