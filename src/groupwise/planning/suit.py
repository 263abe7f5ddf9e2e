"""The fields of a recipe that follow from the data, or from other fields, each with its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from groupwise.loader.batches import steps_an_epoch
from groupwise.planning.fingerprint import Fingerprint
from groupwise.planning.network import network_config
from groupwise.recipe.aim import SKEWED, WORDS
from groupwise.recipe.parsing import read_recipe
from groupwise.recipe.recipe import Recipe
from groupwise.training.schedule import SIZE_STEP_PX

# Epochs that a small network is given without a budget (docs/planner.md): so many, with so many images.
MEASURED_IMAGES, MEASURED_EPOCHS = 2000, 40
FEWEST_EPOCHS, MOST_EPOCHS = 4, 120
MIXED_EPOCHS, ALL_MIXED_EPOCHS = 25, 60  # from which half of the images and all are mixed (docs/planner.md)
# With pretrained weights: below so many training images so many epochs, and the factor of the rate from each
# stage to the one before it, where the 0.5 of `finetune` lost to 0.8 (docs/planner.md).
TUNED_BELOW, TUNED_EPOCHS, TUNED_DECAY = 3000, 30, 0.8
DOMINATES = 0.6  # share of a class with which nearly all of the others would be mixed
GROWN_FROM_PX = 64  # images that begin smaller show too little of it
BEGIN, FULL_FROM = 5 / 8, 0.6  # share of the side at the start, and of training until it is whole
MIRROR_KEPT = 0.4  # of a class, below which its mirror images are of another or of none
CHIRAL = 0.75  # the share of images told from their mirror images between photographs of things and script


@dataclass(frozen=True)
class Choice:
    """One field of the recipe, its value, and why."""

    field: str
    value: Any
    reason: str


KNOWN = Choice(
    "training.known_from",
    0.95,
    "Where 95 % of the training images are named rightly in an early epoch, what is left of the schedule"
    " takes a quarter of its epochs: more would show nothing new.",
)


def suit_data(facts: Fingerprint, base: Recipe) -> list[Choice]:
    """Batch, epochs, and what images of this kind may undergo."""
    n = facts.train_images
    choices = [_batch_size(n), _epochs(n)]
    choices += _aim(facts, base)
    if facts.grey and base.augment.saturation:
        choices.append(Choice("augment.saturation", 0.0, "The images have no colour to change."))
    if not may_mirror(facts):
        reason = (
            f"{100 * facts.chirality:.0f} % of the images can be told from their mirror images, as script and"
            " hands can, so a mirror image is no further example."
        )
        choices += [
            Choice(f"augment.{name}", off, reason)
            for name, off in (("flip", 0.0), ("alternate_flip", False))
            if getattr(base.augment, name)
        ]
    return choices


def suit_answers(recipe: Recipe) -> list[Choice]:
    """No look at the mirror image, where training shows none."""
    overrides, augmentation = recipe.model.overrides, recipe.augment
    if augmentation.flip or augmentation.alternate_flip or not overrides.get("mirror_average"):
        return []
    kept = {name: value for name, value in overrides.items() if name != "mirror_average"}
    reason = "Training shows no mirror images, so none is asked for an answer."
    return [Choice("model.overrides", kept, reason)]


def suit_weights(facts: Fingerprint, base: Recipe) -> list[Choice]:
    """Careful rates, and the head first, where weights know more than so few images can teach."""
    if not tunes(facts, base):
        return []
    optim = finetune().optim
    few = f"{facts.train_images:,} images, fewer than {TUNED_BELOW:,}, teach less than the weights may know"
    choices = [
        Choice("optim.learning_rate", optim.learning_rate, "The rate of the recipe `finetune`."),
        Choice(
            "optim.head_first", optim.head_first, f"{few}: until the new head is of use, nothing else moves."
        ),
        Choice("optim.layer_decay", TUNED_DECAY, f"{few}: the nearer the stem, the less it moves."),
        Choice("training.epochs", TUNED_EPOCHS, f"{few}: a few passes do."),
    ]
    if facts.known_px is not None:
        reason = "The size of the images that the weights have learnt from."
        choices.append(Choice("data.image_size_px", facts.known_px, reason))
    return choices


def tunes(facts: Fingerprint, base: Recipe) -> bool:
    """Whether there are pretrained weights, and few enough images for them to matter."""
    return base.model.weights is not None and facts.train_images < TUNED_BELOW


@cache
def finetune() -> Recipe:
    """The recipe whose rates suit pretrained weights."""
    return read_recipe("finetune")[0]


def may_mirror(facts: Fingerprint) -> bool:
    """Whether a mirror image is one more example of its class.

    Parts and X-rays can be told from their mirror images by the light or the heart, which is no harm: their
    mirror images are still named like them.
    """
    return not facts.chirality >= CHIRAL or facts.mirror_kept >= MIRROR_KEPT


def suit_epochs(facts: Fingerprint, recipe: Recipe) -> list[Choice]:
    """What follows from the number of passes: long trainings get pictures that no one learns by heart.

    Script and hands are left whole: where the form of one thing is what counts, a part pasted over it costs
    points (docs/log.md). So do rare defects beside one class that dominates: hardly one of them would be
    seen without it. And of several labels nobody knows which of them a part covers.
    """
    short = recipe.training.epochs < MIXED_EPOCHS
    dominated = max(facts.class_sizes.values()) > DOMINATES * facts.train_images
    if recipe.augment.mixes or short or dominated or facts.several or not may_mirror(facts):
        return []
    share = 1.0 if recipe.training.epochs >= ALL_MIXED_EPOCHS else 0.5
    reason = (
        f"In {recipe.training.epochs} epochs images would be learnt by heart. Trainings of {MIXED_EPOCHS}"
        f" and more paste half of them into one another, of {ALL_MIXED_EPOCHS} and more all; shorter ones"
        " have no time to learn from that."
    )
    return [Choice("augment.cutmix", 1.0, reason), Choice("augment.mix_share", share, reason)]


def suit_size(recipe: Recipe) -> list[Choice]:
    """Smaller images at first, where those of the end are large enough, which make room for more epochs.

    A fixed pool is for images of one size.
    """
    size_px = recipe.data.image_size_px
    has_fixed_pool = network_config(recipe, num_classes=2).pool_px is not None
    if recipe.training.start_size_px is not None or size_px < GROWN_FROM_PX or has_fixed_pool:
        return []
    start_px = SIZE_STEP_PX * round(BEGIN * size_px / SIZE_STEP_PX)
    reason = f"Images that grow from {start_px} to {size_px} px make room for more epochs."
    return [
        Choice("training.start_size_px", start_px, reason),
        Choice("training.full_size_from", FULL_FROM, reason),
    ]


def suit_rate(recipe: Recipe, usual: Recipe) -> list[Choice]:
    """The rate that `usual` has for its own batch and width, for those of `recipe`."""
    rate, reasons = usual.optim.learning_rate, list[str]()
    batch, width = recipe.training.batch_size, _width(recipe)
    linear = recipe.optim.name == "sgd"
    if (ratio := batch / usual.training.batch_size) != 1:
        rate *= ratio if linear else math.sqrt(ratio)
        law = "as the batch (Goyal et al. 2017)" if linear else "as its root (Malladi et al. 2022)"
        reasons.append(f"goes with {usual.training.batch_size} images a step and scales {law}")
    if not linear and (ratio := _width(usual) / width) != 1:
        rate *= ratio
        law = "inversely to it (Yang et al. 2022)"
        reasons.append(
            f"goes with a network of width {_width(usual)}, of which this has {width}, and scales {law}"
        )
    if not reasons:
        return []
    reason = f"{usual.optim.learning_rate:g} {'; it '.join(reasons)}."
    return [Choice("optim.learning_rate", float(f"{rate:.3g}"), reason)]


def _width(recipe: Recipe) -> int:
    return network_config(recipe, num_classes=2).planes


def _aim(facts: Fingerprint, base: Recipe) -> list[Choice]:
    """What the recipe is optimised for, where the user said it or classes are unequal; no rule decides."""
    aim = base.training.optimise
    skew = f"The largest class has {facts.imbalance:.1f} training images for one of the smallest."
    if aim == "accuracy":
        if facts.imbalance < SKEWED or _mends_imbalance(base):
            return []
        told = f"{skew} Accuracy counts unless you say otherwise, as with `--optimise balanced`."
        return [Choice("training.optimise", aim, told)]
    by = " and ".join(name.replace("_", " ") for name in base.training.select_by)
    why = "Images have several labels, so" if facts.several else "As you asked,"
    told = f"{why} {WORDS[aim]} counts: the epoch is chosen by {by}."
    choices = [Choice("training.select_by", base.training.select_by, told)]
    if base.loss.logit_adjustment:
        told = f"{skew} In training the rarer ones are asked for a wider margin, so that all count alike."
        choices.append(Choice("loss.logit_adjustment", base.loss.logit_adjustment, told))
    return choices


def _mends_imbalance(recipe: Recipe) -> bool:
    """Whether the recipe does something for rare classes already."""
    balanced = "balanced" in (recipe.training.sampling, recipe.loss.class_weights)
    return balanced or bool(recipe.loss.logit_adjustment)


def _batch_size(n: int) -> Choice:
    size = 64 if n >= 1_000 else 32 if n >= 300 else 16
    steps = steps_an_epoch(n, size)
    return Choice("training.batch_size", size, f"{n:,} training images make {steps} steps an epoch.")


def _epochs(n: int) -> Choice:
    epochs = round(MEASURED_EPOCHS * math.sqrt(MEASURED_IMAGES / n))
    epochs = min(max(epochs, FEWEST_EPOCHS), MOST_EPOCHS)
    reason = f"{MEASURED_EPOCHS} were enough for {MEASURED_IMAGES:,} images"
    if abs(n - MEASURED_IMAGES) > 0.05 * MEASURED_IMAGES:
        reason += f"; with {n:,}, passes go with the root of the ratio"
        reason += f", between {FEWEST_EPOCHS} and {MOST_EPOCHS}"
    return Choice("training.epochs", epochs, f"{reason}.")
