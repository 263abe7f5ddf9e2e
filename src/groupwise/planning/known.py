"""The size of the images that pretrained weights know, from what lies beside them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from groupwise.errors import GroupwiseError
from groupwise.files import read_json
from groupwise.models.resnext import preset_config

BESIDE = "config.json"  # in a run, in timm's folder
PUBLISHED = ("resnet50", "resnext50_32x4d", "resnext101_32x4d", "resnext101_32x8d", "resnext101_64x4d")


def known_side_px(weights: Path, preset: str) -> int | None:
    """The side of the images that `weights` have learnt from, or None where nothing says it.

    A `config.json` of the same network says it, as each run and timm's folders have one; else the weights of
    a network that is published are taken for ImageNet's.
    """
    folder = weights if weights.is_dir() else weights.parent
    with suppress(GroupwiseError, OSError):  # what lies there may be of anything
        if (side := _side_in(read_json(folder / BESIDE), preset)) is not None:
            return side
    return preset_config(preset).default_image_size_px if preset in PUBLISHED else None


def _side_in(config: object, preset: str) -> int | None:
    if not isinstance(config, Mapping) or config.get("architecture") != preset:
        return None
    known = config.get("pretrained_cfg")
    size = known.get("input_size") if isinstance(known, Mapping) else None
    if not isinstance(size, list) or not size or not isinstance(size[-1], int) or size[-1] < 1:
        return None
    return size[-1]
