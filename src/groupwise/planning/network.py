"""The network that a recipe asks for."""

from __future__ import annotations

from groupwise.errors import UsageError
from groupwise.loader.augment import cropped_side
from groupwise.models.complexity import complexity
from groupwise.models.resnext import ResNeXtConfig, configure
from groupwise.recipe.recipe import Recipe


def network_config(recipe: Recipe, num_classes: int) -> ResNeXtConfig:
    """The recipe's preset with its overrides, for a number of classes that the data decide.

    Raises `UsageError` for frozen features, for overrides that the preset cannot have, and for images that
    grow, or are cropped too far, beside a fixed pool.
    """
    if recipe.model.features is not None:
        raise UsageError(
            "is for a network that is trained, and frozen features are not",
            place="model.features",
            remedy="Use it with `groupwise probe` and `groupwise train`, and leave it out here.",
        )
    counts = {"num_classes": num_classes, "in_channels": recipe.data.input_channels}
    config = configure(recipe.model.preset, **{**recipe.model.overrides, **counts})
    if config.pool_px is not None and recipe.training.start_size_px is not None:
        raise UsageError(
            f"images cannot grow where a fixed pool of {config.pool_px} px is for those of one size",
            place="training.start_size_px",
            remedy="Leave it out, or set pool_px of model.overrides to null.",
        )
    side, seen = recipe.data.image_size_px, cropped_side(recipe.data.image_size_px, recipe.augment.crop)
    if config.pool_px is not None and seen < side and _takes(config, side) and not _takes(config, seen):
        raise UsageError(
            f"training would see {seen} of {side} px, for which the fixed pool of {config.pool_px} px is not",
            place="augment.crop",
            remedy="Leave it out, or set pool_px of model.overrides to null.",
        )
    return config


def _takes(config: ResNeXtConfig, side_px: int) -> bool:
    """Whether a network can be shown images of that side."""
    try:
        complexity(config, side_px)
    except UsageError:
        return False
    return True
