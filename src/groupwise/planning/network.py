"""The network that a recipe asks for."""

from __future__ import annotations

from groupwise.errors import UsageError
from groupwise.models.resnext import ResNeXtConfig, configure
from groupwise.recipe.recipe import Recipe


def network_config(recipe: Recipe, num_classes: int) -> ResNeXtConfig:
    """The recipe's preset with its overrides, for a number of classes that the data decide.

    Raises `UsageError` for frozen features, and for overrides that the preset cannot have.
    """
    if recipe.model.features is not None:
        raise UsageError(
            "is for a network that is trained, and frozen features are not",
            place="model.features",
            remedy="Use it with `groupwise probe` and `groupwise train`, and leave it out here.",
        )
    counts = {"num_classes": num_classes, "in_channels": recipe.data.input_channels}
    return configure(recipe.model.preset, **{**recipe.model.overrides, **counts})
