"""The few facts of a data set that a plan rests on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groupwise.data.manifest import Manifest
from groupwise.data.split import Split
from groupwise.data.targets import all_names
from groupwise.errors import GroupwiseError
from groupwise.files import read_json
from groupwise.models.resnext import preset_config
from groupwise.stats.arrays import Ints

# Pillow's modes without colour; an image saved as RGB counts as coloured whatever it shows.
GREY_MODES = ("1", "L", "LA", "I", "F")
BESIDE = "config.json"  # in a run, in timm's folder
PUBLISHED = (  # by torchvision or timm, with weights of ImageNet
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnet18d", "resnet34d", "resnet50d", "seresnet50", "resnest14d", "resnest26d", "resnest50d"),
    *("resnext50_32x4d", "resnext101_32x4d", "resnext101_32x8d", "resnext101_64x4d"),
    *("resnext50d_32x4d", "seresnext50_32x4d", "seresnext101_32x4d", "seresnext101_64x4d"),
    *("regnetx_004", "regnetx_008", "regnetx_016", "regnetx_032"),
    *("regnety_004", "regnety_008", "regnety_016", "regnety_032"),
)


@dataclass(frozen=True)
class Fingerprint:
    """What is known of the data before anything is learnt.

    `class_sizes` counts the training images of each class. `short_side_px` is the median over the images of
    their shorter side. `chirality` is the share of images that are told from their mirror images, and
    `mirror_kept` how much of a class is left of it in its mirror images, both nan where that was not
    measured. `known_px` is the side of the images that pretrained weights have learnt from, where there are
    any and something says it. With `several`, images have sets of labels, and a class is a label.
    """

    images: int
    train_images: int
    select_images: int
    class_sizes: Mapping[str, int]
    short_side_px: int
    grey: bool
    chirality: float = math.nan
    mirror_kept: float = math.nan
    known_px: int | None = None
    several: bool = False

    @property
    def imbalance(self) -> float:
        """How many training images the largest class has for each one of the smallest."""
        return max(self.class_sizes.values()) / min(self.class_sizes.values())


def fingerprint(manifest: Manifest, split: Split, train: Ints, select: Ints) -> Fingerprint:
    """Describe the images that take part, and class by class the rows `train` of the split, (N,).

    `select` are the rows that are scored after each epoch.
    """
    samples = {sample.path: sample for sample in manifest.usable}
    taking_part = [samples[row.path] for row in split.rows if row.fold in split.folds]
    return Fingerprint(
        images=len(taking_part),
        train_images=len(train),
        select_images=len(select),
        class_sizes=dict(sorted(Counter(all_names(split.rows[i].label for i in train)).items())),
        short_side_px=int(np.median([min(sample.width, sample.height) for sample in taking_part])),
        grey=all(sample.mode.split(";")[0] in GREY_MODES for sample in taking_part),
        several=split.several,
    )


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
