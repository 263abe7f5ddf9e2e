"""A recipe for images with several labels: what counts then, and what it cannot ask for."""

from __future__ import annotations

from groupwise.data.targets import NOT_YET
from groupwise.errors import UsageError
from groupwise.recipe.recipe import Recipe, with_fields

AIM, RANKED = "average_precision", ("auroc", "average_precision")


def for_several_labels(recipe: Recipe) -> Recipe:
    """`recipe` with mean average precision as what chooses the epoch, unless it is AUROC.

    Raises `UsageError` for what is meant for one class an image, where the recipe has it.
    """
    asked = {
        "training.optimise": recipe.training.optimise in ("balanced", "cost"),
        "training.sampling": recipe.training.sampling == "balanced",
        "loss.class_weights": recipe.loss.class_weights == "balanced",
        "loss.focal_gamma": bool(recipe.loss.focal_gamma),
        "loss.logit_adjustment": bool(recipe.loss.logit_adjustment),
        "decision.positive_class": recipe.decision.positive_class is not None,
        "decision.costs": recipe.decision.costs is not None,
        "decision.ordered": bool(recipe.decision.ordered),
    }
    for field, wanted in asked.items():
        if wanted:
            raise UsageError(
                NOT_YET, place=field, remedy="Leave it out: each label counts as it stands in the images."
            )
    aim = recipe.training.optimise if recipe.training.optimise in RANKED else AIM
    return with_fields(recipe, {"training.optimise": aim, "training.select_by": (aim, "loss")})
