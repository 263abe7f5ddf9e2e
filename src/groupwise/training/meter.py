"""Progress meter: epoch, last scores, images a second and time left, after every step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from torch import nn

from groupwise.console import Move
from groupwise.recipe.training import TrainingConfig
from groupwise.text import duration
from groupwise.training.callbacks import Callback
from groupwise.training.config import EpochRecord
from groupwise.training.schedule import epochs_in_all


class ProgressMeter(Callback):
    """How fast training goes, shown after every step.

    The time left is what the steps of this process took on average, scoring included, for all that are to
    come; it is an upper bound where patience or a budget may end training earlier.

    Args:
        training: Epochs, batch size and budget.
        images: Images of the training fold.
        show: The progress bar.
        name: What the bar says before the epoch.
        clock: Seconds since some moment.
    """

    def __init__(
        self,
        training: TrainingConfig,
        images: int,
        show: Move,
        *,
        name: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._training, self._images, self._show, self._clock = training, images, show, clock
        self._name = name
        self._taken = 0
        self.on_train_begin(())
        self._start = self._since

    def on_train_begin(self, history: Sequence[EpochRecord]) -> None:
        """Begin behind the epochs of `history`, which another process may have made."""
        self._before_s = sum(epoch.seconds for epoch in history)
        self._begin_epoch(history)

    def on_epoch_end(self, history: Sequence[EpochRecord], _: nn.Module) -> None:
        """Begin the next epoch."""
        self._begin_epoch(history)

    def _begin_epoch(self, history: Sequence[EpochRecord]) -> None:
        self._history = history
        self._first: int | None = None
        self._since = self._clock()

    def on_batch_end(self, step: int, steps: int) -> None:
        """Show how far the epoch has come."""
        self._taken += 1
        if self._first is None:
            self._first = step - 1  # above 0 where an epoch was resumed in its middle
        self._done = step
        self._show(step, steps, task=self._task(), note=self._note(steps))

    def _task(self) -> str:
        """Such as "Epoch 3/16"."""
        epoch = f"epoch {len(self._history) + 1}/{epochs_in_all(self._history, self._training)}"
        return f"{self._name}, {epoch}" if self._name else epoch.capitalize()

    def _note(self, steps: int) -> str:
        """The last epoch's loss and score, the speed, and the time left, where an epoch has `steps`."""
        parts = []
        if self._history:
            last = self._history[-1]
            parts = [f"loss {last.train_loss:.3f}"]
            if not math.isnan(last.select_accuracy):
                parts.append(f"{last.select_fold} {last.select_accuracy:.1%}")
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
        epochs = epochs_in_all(self._history, self._training)
        to_come = (epochs - len(self._history)) * steps - self._done
        left_s = spent_s / self._taken * to_come
        if self._training.budget_minutes is None:
            return left_s
        return min(left_s, max(60 * self._training.budget_minutes - self._before_s - spent_s, 0))
