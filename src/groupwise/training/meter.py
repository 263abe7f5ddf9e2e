"""Turns the steps of training, as they come, into words: epoch, last scores, images a second, time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from groupwise.recipe.training import TrainingConfig
from groupwise.text import duration
from groupwise.training.config import Epoch


class Pace:
    """How fast training goes.

    The time left is what the steps of this process took on average, scoring included, for all that are to
    come; it is an upper bound where patience or a budget may end training earlier.

    Args:
        training: Epochs, batch size and budget.
        images: Images of the training fold.
        clock: Seconds since some moment.
    """

    def __init__(
        self, training: TrainingConfig, images: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._training, self._images, self._clock = training, images, clock
        self._taken = 0
        self.begin(())
        self._start = self._since

    def begin(self, history: Sequence[Epoch]) -> None:
        """Begin the epoch after those of `history`."""
        self._history = history
        self._first: int | None = None
        self._since = self._clock()

    def step(self, done: int) -> None:
        """Enter that the step `done` of this epoch, counted from 1, was taken."""
        self._taken += 1
        if self._first is None:
            self._first = done - 1  # above 0 where an epoch was resumed in its middle
        self._done = done

    @property
    def task(self) -> str:
        """Such as "Epoch 3/16"."""
        return f"Epoch {len(self._history) + 1}/{self._training.epochs}"

    def note(self, steps: int) -> str:
        """The last epoch's loss and score, the speed, and the time left, where an epoch has `steps`."""
        parts = []
        if self._history:
            last = self._history[-1]
            parts = [f"loss {last.train_loss:.3f}", f"{last.select_fold} {last.select_accuracy:.1%}"]
        parts.append(f"{self._images_per_second():,.0f} images/s")
        parts.append(f"{duration(self._seconds_left(steps))} left")
        return ", ".join(parts)

    def _images_per_second(self) -> float:
        assert self._first is not None
        size = self._training.batch_size
        seen = min(self._done * size, self._images) - self._first * size
        return seen / max(self._clock() - self._since, 1e-9)

    def _seconds_left(self, steps: int) -> float:
        spent_s = self._clock() - self._start
        to_come = (self._training.epochs - len(self._history)) * steps - self._done
        left_s = spent_s / self._taken * to_come
        if self._training.budget_minutes is None:
            return left_s
        return min(left_s, max(60 * self._training.budget_minutes - spent_s, 0))
