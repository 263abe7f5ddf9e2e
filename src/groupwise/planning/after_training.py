"""The time that is kept for what follows training: scores, thresholds, tables and pages.

The images that go through the network take what a trial measured. The rest is a fixed amount of work and is
counted in units: how long a unit takes is measured on the machine at hand. Both grow with the time that this
process has to wait for a processor, which is looked at again and again while training goes on.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from groupwise.evaluation.decide import MOST_REFERENCES
from groupwise.planning.fingerprint import Fingerprint
from groupwise.planning.trial import Rates
from groupwise.recipe.recipe import Recipe, with_fields
from groupwise.runs.deadline import Deadline, waited_for_processor

DRAWN_IMAGES = 40  # on the pages, decoded once more
PAGES = 38.0  # units: thresholds, intervals, figures, pages and the end of the process, for few images
REFIT_SHARE = 0.35  # of the training's time (docs/benchmarks.md)
REFIT_PAGES = 0.5  # of the work of the pages, which are written again
OF_FOLD = 0.25  # of what follows a training that is reported: thresholds and tables, but no page
AN_IMAGE = 0.004  # units more for each that is scored: tables, bootstrap draws, neighbours
LEAST_RUN_S = 2.0  # of processor time before the waiting is judged by it
MOST_WAITING = 20.0  # times the time without others, beyond which it is no estimate any more

Waited = Callable[[], tuple[float, float]]


@dataclass(frozen=True)
class AfterTraining:
    """Seconds of both parts on a machine that does nothing else.

    `pooling_s` is what the answers of all models of a cross-validation take once the last one is measured.
    A refit goes on for `refit_share` of the time that training took, and `refit_s` end it: features of the
    images, the card and the report once more.
    """

    network_s: float
    rest_s: float
    pooling_s: float = 0.0
    refit_share: float = 0.0
    refit_s: float = 0.0

    def seconds(self, waiting: float) -> float:
        """All of it where everything takes `waiting` times as long, but for what goes with training."""
        return (self.network_s + self.rest_s + self.refit_s) * waiting

    def part(self, rest: float) -> AfterTraining:
        """That of a training which is one of several: so much of the rest, and no refit of its own."""
        return replace(self, rest_s=rest * self.rest_s, refit_share=0.0, refit_s=0.0)

    def with_refit(self, *, pooled: bool = False) -> AfterTraining:
        """The same with a refit behind it, of a cross-validation where it is `pooled`."""
        pages_s = REFIT_PAGES * (self.pooling_s if pooled else self.rest_s)
        return replace(self, refit_share=REFIT_SHARE, refit_s=self.network_s + pages_s)

    def as_json(self) -> dict[str, Any]:
        """What the ledger holds with the plan."""
        return asdict(self)


def scored_images(facts: Fingerprint) -> int:
    """Images that the network sees once training is over: the last selection, thresholds, and the folds."""
    return (
        2 * facts.select_images
        + min(facts.train_images, MOST_REFERENCES)
        + (facts.images - facts.train_images)
    )


def after_training(facts: Fingerprint, rates: Rates) -> AfterTraining:
    """What has to be kept back from training; a stage that follows it adds its seconds here."""
    network_s = scored_images(facts) * rates.answer_s + DRAWN_IMAGES * rates.decode_s
    units = PAGES + AN_IMAGE * (facts.images - facts.train_images)
    pooled_s = pooling_s(facts.images, rates.unit_s)
    return AfterTraining(network_s / rates.waiting, units * rates.unit_s, pooled_s)


def pooling_s(images: int, unit_s: float) -> float:
    """Seconds that follow the last model of a cross-validation: all answers measured, and the pages.

    As `AfterTraining` has them, on a machine that does nothing else.
    """
    return (PAGES + AN_IMAGE * images) * unit_s


def measure_unit(clock: Callable[[], float] = time.thread_time) -> float:
    """Seconds of processor time for a fixed piece of work like that of the pages."""
    data = np.random.default_rng(0).integers(0, 9, 400_000).astype(np.uint8)
    start = clock()
    zlib.compress(data.tobytes(), 6)
    np.sort(np.repeat(data.astype(float), 2))
    sum(number * number for number in range(200_000))
    return clock() - start


@dataclass
class Waiting:
    """How many times as long everything takes because others use the processors, from 1 up.

    By what the system says of this thread, over the last `LEAST_RUN_S` that it ran; 1 where it says nothing.
    """

    waited: Waited = waited_for_processor
    factor: float = 1.0
    _mark: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._mark = self.waited()

    def now(self, least_run_s: float = LEAST_RUN_S) -> float:
        """The factor, renewed where this thread has run for `least_run_s` since the last time."""
        ran, waited = (new - old for new, old in zip(self.waited(), self._mark, strict=True))
        if ran > 0 and ran >= least_run_s:
            self.factor = _factor(ran, waited)
            self._mark = self.waited()
        return self.factor


def waiting_so_far(waited: Waited = waited_for_processor) -> float:
    """The factor of `Waiting` over all that this thread has done; 1 where nothing says it."""
    ran, stood = waited()
    return _factor(ran, stood) if ran > 0 else 1.0


def _factor(ran: float, waited: float) -> float:
    return min((ran + waited) / ran, MOST_WAITING)


@dataclass(frozen=True)
class TrainingClock:
    """How long training may still go on, so that what follows it ends by the deadline.

    `minutes_chosen` says that the user bounds training by `training.budget_minutes` as well, and `share` is
    what the baselines will take, as a part of the time that training took.
    """

    deadline: Deadline
    after: AfterTraining
    minutes_chosen: bool = False
    share: float = 0.0
    waiting: Waiting = field(default_factory=Waiting)
    _began_s: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_began_s", self.deadline.spent_s)

    def left_s(self) -> float:
        """Seconds; below 0 where training has to end."""
        share = self.share + self.after.refit_share
        owed_s = share * (self.deadline.spent_s - self._began_s)
        left_s = self.deadline.left_s - owed_s - self.after.seconds(self.waiting.now())
        return left_s / (1 + share)

    def baselines_s(self) -> float:
        """Seconds that are left for the baselines, once the images are scored."""
        pages_s = (self.after.rest_s + self.after.refit_s) * self.waiting.now(least_run_s=0)
        refit_s = self.after.refit_share * (self.deadline.spent_s - self._began_s)
        return max(0.0, self.deadline.left_s - pages_s - refit_s)

    def recipe(self, recipe: Recipe) -> Recipe:
        """The recipe without the minutes that its plan expected, which count for a run that is resumed."""
        return recipe if self.minutes_chosen else with_fields(recipe, {"training.budget_minutes": None})
