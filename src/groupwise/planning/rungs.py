"""The networks and image sizes that a plan climbs through, from the cheapest to the most detailed."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Any

from groupwise.errors import UsageError
from groupwise.models.complexity import complexity
from groupwise.planning.fingerprint import Fingerprint
from groupwise.planning.network import network_config
from groupwise.recipe.recipe import Recipe, with_fields
from groupwise.text import duration

STRETCH = 3  # times the usual epochs, of which larger images have to leave as many

TINY_PX = 40  # below this a stem that quarters the side leaves nothing to look at


@dataclass(frozen=True)
class Rung:
    """One network at one image size."""

    preset: str
    image_size_px: int

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that put a recipe on this rung."""
        return {"model.preset": self.preset, "data.image_size_px": self.image_size_px}

    def is_meant_by(self, recipe: Recipe) -> bool:
        """Whether its preset can have the overrides of the recipe."""
        try:
            network_config(with_fields(recipe, self.fields), num_classes=2)
        except UsageError:
            return False
        return True

    def multiply_adds(self, recipe: Recipe) -> int:
        """Of one image in training, which looks once, in the network that `recipe` asks for."""
        config = network_config(with_fields(recipe, self.fields), num_classes=2)
        return complexity(replace(config, mirror_average=False), self.image_size_px).multiply_adds


TINY = (Rung("resnext22_w8_cifar", 32),)
LADDER = (
    Rung("resnext22_w8", 64),
    Rung("resnext22_w8", 80),
    Rung("resnext22_w8", 96),
    Rung("resnext22_w8", 128),
    Rung("resnext22_w8_wide", 160),
    Rung("resnext50_32x4d", 224),
)


def rungs(facts: Fingerprint, base: Recipe, chosen: Set[str]) -> list[Rung]:
    """The rungs that the images are large enough for, with what the user chose himself put in its place.

    There is always one: enlarging images shows nothing new, but the network has to take them.
    """
    shown_px = base.data.image_size_px if "data.image_size_px" in chosen else facts.short_side_px
    ladder = TINY if shown_px <= TINY_PX else LADDER
    fitting = [rung for rung in ladder if rung.image_size_px <= facts.short_side_px] or [ladder[0]]
    fixed: dict[str, Any] = {}
    if "model.preset" in chosen:
        fixed["preset"] = base.model.preset
    if "data.image_size_px" in chosen:
        fixed["image_size_px"] = base.data.image_size_px
    reached = list(dict.fromkeys(replace(rung, **fixed) for rung in fitting))
    # A larger preset may not have what the user overrides, by which he meant the first one
    return [rung for rung in reached if rung.is_meant_by(base)] or reached[:1]


def why_first(ladder: list[Rung], facts: Fingerprint, chosen: Set[str]) -> str:
    """Why the first rung is taken where no time is given."""
    px = facts.short_side_px
    fastest = "The smallest is the fastest to a score; where classes differ in detail, give a time budget."
    if "data.image_size_px" in chosen:  # so the network alone is to be explained
        return fastest if len(ladder) > 1 else f"The network for images of {ladder[0].image_size_px} px."
    more = fastest if len(ladder) > 1 else "More would show nothing new."
    return f"Half of the images are at least {px} px on their shorter side. {more}"


def epochs_to_hold(base: Recipe, chosen: Set[str]) -> tuple[int, str]:
    """How many epochs a larger rung has to leave room for, and what they are called.

    `base` has the usual ones. From nothing smaller images are better used for more epochs than larger ones
    for the usual (docs/planner.md); a few passes are enough for pretrained weights.
    """
    epochs = base.training.epochs
    if "training.epochs" in chosen:
        return epochs, "the epochs that you chose"
    if base.model.weights is not None:
        return epochs, "the usual epochs"
    return STRETCH * epochs, "three times the usual epochs"


def why_climbed(
    rung: Rung, ladder: list[Rung], facts: Fingerprint, base: Recipe, chosen: Set[str], left_s: float
) -> str:
    """Why `rung` is taken where `left_s` are left."""
    if len(ladder) == 1:
        if "data.image_size_px" in chosen:
            return why_first(ladder, facts, chosen)
        return "The only network size there is for images as small as these."
    _, epochs = epochs_to_hold(base, chosen)
    left = duration(left_s)
    if rung == ladder[0]:
        return f"The smallest of {len(ladder)} network sizes: in {left} the next has no room for {epochs}."
    place = "The largest" if rung == ladder[-1] else "The largest that fits"
    return f"{place} of {len(ladder)} network sizes for {epochs} in {left}, by a measured step."
