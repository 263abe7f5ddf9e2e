"""Plans: from facts of the data and a measured step to a recipe whose every choice has a reason.

What nnU-Net does for segmentation (Isensee et al. 2021, Nature Methods 18:203): rules, not a search, so that
equal data give an equal plan. Only a time budget, the minutes that are expected, the threads of a step, and
whether a long training is compiled depend on the machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Set
from dataclasses import asdict, dataclass, replace
from typing import Any

from groupwise.errors import UsageError
from groupwise.planning.after_training import AfterTraining, after_training
from groupwise.planning.fingerprint import Fingerprint
from groupwise.planning.rungs import Rung, epochs_to_hold, rungs, why_climbed, why_first
from groupwise.planning.suit import (
    KNOWN,
    Choice,
    finetune,
    suit_answers,
    suit_data,
    suit_epochs,
    suit_rate,
    suit_size,
    suit_weights,
    tunes,
)
from groupwise.planning.trial import Rates, choose_threads
from groupwise.recipe.recipe import Recipe, to_yaml, with_fields
from groupwise.text import duration
from groupwise.training.schedule import share_of_pixels

KEPT_BACK = 0.05  # of a budget, for decoding and scoring that are slower than they were in the trial
HEADROOM = 3.0  # times the epochs by the trial, beside other work perhaps, which the clock cuts short
LEAST_EPOCHS = 0.5  # which the clock may leave of the first epoch; with less nothing is learnt
LONG_S = 600  # of training, below which compiling would spare a minute at best
LEAST_SPARED = 0.05  # of training, which a trial can tell from noise
MOST_STRETCH = 4.0  # times the usual epochs, beyond which more were not seen to pay

Measure = Callable[[Recipe], Rates]
Left = Callable[[], float]  # seconds of a budget that are left now, since trials take their share of it


@dataclass(frozen=True)
class Plan:
    """A whole recipe, the reasons of what was chosen in it, and how long it should take.

    `after` is the part of it that follows training.
    """

    recipe: Recipe
    choices: tuple[Choice, ...]
    seconds: float
    after: AfterTraining

    def as_json(self) -> dict[str, Any]:
        """What the ledger of a run holds."""
        choices = [asdict(choice) for choice in self.choices]
        return {"choices": choices, "seconds": self.seconds, "after_training": self.after.as_json()}

    def to_yaml(self) -> str:
        """The recipe with each reason above its field; `--recipe` reads it back, edited or not."""
        reasons = {choice.field: choice.reason for choice in self.choices}
        lines, part = [], ""
        for line in to_yaml(self.recipe).splitlines():
            name = line.strip().partition(":")[0]
            if not line.startswith((" ", "-")):
                part = name
            elif f"{part}.{name}" in reasons:
                lines.append(f"  # {reasons[f'{part}.{name}']}")
            lines.append(line)
        return "\n".join(lines) + "\n"


def make_plan(
    facts: Fingerprint,
    base: Recipe,
    measure: Measure,
    *,
    usual: Recipe | None = None,
    chosen: Set[str] = frozenset(),
    left_s: Left | None = None,
    parts: float = 1,
) -> Plan:
    """Change `base` to suit the data and, with `left_s`, the time left for this training.

    That is one of `parts` of a budget: several trainings in a row, and what goes with the time of one.
    `usual` is the recipe that `base` came from, whose rate goes with its own batch and width. `chosen` are
    the fields that the user set himself, which stay as they are. Without a budget all that decides the score
    depends on the data alone. Raises `UsageError` where the budget does not hold a single epoch, or not the
    epochs that the user chose.
    """
    usual = finetune() if tunes(facts, base) else usual or base
    tuned = [c for c in suit_weights(facts, base) if c.field not in chosen]
    settled = chosen | {c.field for c in tuned} | ({"model.preset"} if base.model.weights else set())
    suited = [*tuned, *(c for c in suit_data(facts, base) if c.field not in settled)]
    base = _with(base, suited)
    suited += (answering := [c for c in suit_answers(base) if c.field not in chosen])
    base = _with(base, answering)
    rung, rates, reason = _choose_rung(base, facts, measure, left_s, settled)
    more = [Choice(name, value, reason) for name, value in rung.fields.items() if name not in settled]
    more += choose_threads(rates)
    recipe = _with(base, more)
    suited += (growing := _growing(recipe, chosen))
    recipe = _with(recipe, growing)
    if "optim.learning_rate" not in chosen:
        suited = _replace(suited, rate := suit_rate(recipe, usual))
        recipe = _with(recipe, rate)
    if "training.compile" not in chosen and _may_compile(recipe, facts, rates, left_s):
        compiled, rates = _try_compiled(recipe, facts, rates, measure)
        recipe = with_fields(recipe, {"training.compile": compiled.value})
        more.append(compiled)
    timed, expected = list[Choice](), recipe.training.epochs
    if left_s is not None and "training.epochs" not in chosen:
        expected, timed = _fill(recipe, facts, rates, left_s(), parts, chosen)
        suited = [c for c in suited if c.field != "training.epochs"]
    if "training.budget_minutes" in chosen and (minutes := recipe.training.budget_minutes) is not None:
        expected = min(expected, max(math.floor(60 * minutes / _epoch_seconds(recipe, facts, rates)), 1))
    awaited = with_fields(recipe, {"training.epochs": expected})
    mixed = [] if "augment.cutmix" in chosen else suit_epochs(facts, awaited)
    mixed = [c for c in mixed if c.field not in chosen]
    recipe = _with(recipe, [*timed, *mixed])
    if left_s is None and not facts.several and not chosen & {"training.epochs", KNOWN.field}:
        suited.append(KNOWN)
        recipe = with_fields(recipe, {KNOWN.field: KNOWN.value})
    seconds = expected_seconds(awaited, facts, rates)
    plan = Plan(recipe, (*more, *timed, *suited, *mixed), seconds, after_training(facts, rates))
    if left_s is not None and plan.seconds > (left := left_s()):  # by epochs that the user chose
        raise _too_long(plan, left, parts)
    return plan


def expected_seconds(recipe: Recipe, facts: Fingerprint, rates: Rates) -> float:
    """To decode every image, train and score each epoch, measure the folds and write the report."""
    return (
        facts.images * rates.decode_s
        + (rates.compile_s or 0)
        + recipe.training.epochs * _epoch_seconds(recipe, facts, rates)
        + after_training(facts, rates).seconds(rates.waiting)
    )


def _epoch_seconds(recipe: Recipe, facts: Fingerprint, rates: Rates) -> float:
    """Of an epoch on average: images that are smaller at first take less, as they have fewer pixels."""
    train_s = rates.train_s * share_of_pixels(recipe.training, recipe.data.image_size_px)
    return facts.train_images * train_s + facts.select_images * rates.score_s


def _too_long(plan: Plan, left_s: float, parts: float) -> UsageError:
    epochs = plan.recipe.training.epochs
    return UsageError(
        f"{duration(max(left_s, 0))} are left, and {epochs} epochs take {duration(plan.seconds)}",
        place="--budget",
        remedy=f"Give at least {duration(1.2 * parts * (plan.seconds - left_s))} more, or fewer"
        " --training.epochs.",
    )


def _with(recipe: Recipe, choices: Iterable[Choice]) -> Recipe:
    return with_fields(recipe, {choice.field: choice.value for choice in choices})


def _replace(choices: list[Choice], newer: list[Choice]) -> list[Choice]:
    fields = {choice.field for choice in newer}
    return [*(choice for choice in choices if choice.field not in fields), *newer]


def _choose_rung(
    base: Recipe, facts: Fingerprint, measure: Measure, left_s: Left | None, chosen: Set[str]
) -> tuple[Rung, Rates, str]:
    """The first rung or, of those that fit into the time left, the highest; its rates, and why."""
    ladder = rungs(facts, base, chosen)
    if left_s is None:
        return ladder[0], measure(with_fields(base, ladder[0].fields)), why_first(ladder, facts, chosen)
    rung, rates = _climb(ladder, base, facts, measure, left_s, chosen)
    return rung, rates, why_climbed(rung, ladder, facts, base, chosen, left_s())


def _climb(
    ladder: list[Rung], base: Recipe, facts: Fingerprint, measure: Measure, left_s: Left, chosen: Set[str]
) -> tuple[Rung, Rates]:
    """The highest rung that fits: guessed from one measured step by multiply-adds, then measured itself."""
    lowest = measure(with_fields(base, ladder[0].fields))
    epochs, _ = epochs_to_hold(base, chosen)
    for rung in reversed(ladder[1:]):
        growth = rung.multiply_adds(base) / ladder[0].multiply_adds(base)
        recipe = with_fields(base, rung.fields)
        grown = with_fields(_with(recipe, _growing(recipe, chosen)), {"training.epochs": epochs})
        guess = lowest.times(growth)
        if _fits(grown, facts, guess, left_s()):
            rates = measure(recipe)
            if _fits(grown, facts, rates, left_s()):
                return rung, rates
    return ladder[0], lowest


def _fits(recipe: Recipe, facts: Fingerprint, rates: Rates, left_s: float) -> bool:
    return expected_seconds(recipe, facts, rates) <= (1 - KEPT_BACK) * left_s


def _growing(recipe: Recipe, chosen: Set[str]) -> list[Choice]:
    return [choice for choice in suit_size(recipe) if choice.field not in chosen]


def _may_compile(recipe: Recipe, facts: Fingerprint, rates: Rates, left_s: Left | None) -> bool:
    """Whether the usual epochs are worth a trial of it, which takes a minute itself."""
    if recipe.model.overrides.get("activation_checkpointing"):
        return False  # together they are refused
    training_s = recipe.training.epochs * facts.train_images * rates.train_s
    return min(training_s, math.inf if left_s is None else left_s()) >= LONG_S


def _try_compiled(recipe: Recipe, facts: Fingerprint, plain: Rates, measure: Measure) -> tuple[Choice, Rates]:
    """Whether to compile, by a trial whose compilation counts, and the rates of what is chosen."""
    compiled = measure(with_fields(recipe, {"training.compile": True}))
    if compiled.compile_s is None:
        return Choice("training.compile", False, "torch.compile does not work on this machine."), plain
    whole_s, rates = expected_seconds(recipe, facts, plain), _of_final_size(recipe, compiled, plain)
    spared_s = whole_s - expected_seconds(recipe, facts, rates)
    told = (
        f"In a trial an image took {1000 * compiled.train_s:.1f} ms compiled and {1000 * plain.train_s:.1f}"
        f" as it is; with {compiled.compile_s:.0f} s to compile"
    )
    if spared_s < LEAST_SPARED * whole_s:
        return Choice("training.compile", False, f"{told}, that spares too little."), plain
    told += f", that spares {duration(spared_s)} of {duration(whole_s)}."
    return Choice("training.compile", True, told), rates


def _of_final_size(recipe: Recipe, compiled: Rates, plain: Rates) -> Rates:
    """The rates of a training, in which images of the final size alone are compiled."""
    training = recipe.training
    if training.start_size_px is None:
        return compiled
    share = (1 - training.full_size_from) / share_of_pixels(training, recipe.data.image_size_px)
    train_s = share * compiled.train_s + (1 - share) * plain.train_s
    return replace(compiled, train_s=train_s)


def _fill(
    recipe: Recipe, facts: Fingerprint, rates: Rates, left_s: float, parts: float, chosen: Set[str]
) -> tuple[int, list[Choice]]:
    """The epochs that the budget holds by the trial, up to `MOST_STRETCH` times the usual, and the choice.

    Where it is the budget that ends them, more are chosen, and the minutes that cut them short. For a trial
    beside other work is too slow by a third and more, and would leave as much of the budget unused.
    """
    usual = recipe.training.epochs
    without = expected_seconds(with_fields(recipe, {"training.epochs": 1}), facts, rates)
    epoch = _epoch_seconds(recipe, facts, rates)
    usable = (1 - KEPT_BACK) * left_s - (without - epoch)
    most, fitting = round(MOST_STRETCH * usual), max(math.floor(usable / epoch), 1)
    if usable < LEAST_EPOCHS * epoch:
        each = " for each of several trainings in a row" if parts >= 2 else ""
        raise UsageError(
            f"{duration(max(left_s, 0))} are left{each}, and one epoch takes {duration(without)}",
            place="--budget",
            remedy=f"Give at least {duration(parts * (1.2 * without - left_s))} more.",
        )
    told = f"{duration(left_s)} are left, an epoch takes {epoch:.1f} s; {usual} are usual for so many images."
    if fitting < usual / 2:
        told += " So few may well learn too little."
    if fitting >= most:
        told += f" More than {most} were not seen to pay, so training ends before its time."
    if "training.budget_minutes" in chosen or fitting >= most:
        expected = min(fitting, most)
        return expected, [Choice("training.epochs", expected, told)]
    told = told.replace(";", f", so about {fitting} fit, and more where it proves faster;")
    return fitting, [
        Choice("training.epochs", min(math.ceil(HEADROOM * fitting), most), told),
        Choice("training.budget_minutes", round(usable / 60, 3), told),
    ]
