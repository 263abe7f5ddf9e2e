"""A recipe for images with several labels: what counts then, and what it cannot ask for."""

from __future__ import annotations

from groupwise.data.targets import ONE_CLASS
from groupwise.errors import UsageError
from groupwise.recipe.aim import MEASURE, Aim
from groupwise.recipe.recipe import Recipe, with_fields

AIM: Aim = "average_precision"
RANKED = ("auroc", "average_precision")


def for_several_labels(recipe: Recipe) -> Recipe:
    """`recipe` with mean average precision as its aim, unless that is AUROC.

    It chooses the epoch as well, where `training.select_by` only follows from the former aim.

    Raises `UsageError` for what is meant for one class an image, where the recipe has it.
    """
    training = recipe.training
    asked = {
        "training.optimise": training.optimise in ("balanced", "cost"),
        "training.select_by": "balanced_accuracy" in training.select_by,
        "training.sampling": training.sampling == "balanced",
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
                ONE_CLASS, place=field, remedy="Leave it out: each label counts as it stands in the images."
            )
    aim = training.optimise if training.optimise in RANKED else AIM
    former = MEASURE[training.optimise]
    follows = training.select_by in ((former, "loss"), (former,))
    select_by = (aim, "loss") if follows else training.select_by
    return with_fields(recipe, {"training.optimise": aim, "training.select_by": select_by})
