"""Callbacks: what a trainer tells while it trains.

class PrintLoss(Callback):
    def on_epoch_end(self, history, model):
        print(history[-1].train_loss)

Trainer(model, data, config, world=World(), checkpoints=folder, callbacks=[PrintLoss()]).fit()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from groupwise.training.config import EpochRecord


class Callback:
    """Base class whose methods do nothing; override those that are of use.

    What a callback raises ends training, and a resumed run goes on from the last checkpoint. Where several
    processes train together, each calls its own callbacks, and one that raises has to raise in all.
    """

    def on_train_begin(self, history: Sequence[EpochRecord]) -> None:
        """Called once before the first step, with the epochs that a resumed run has already."""

    def on_batch_end(self, step: int, steps: int) -> None:
        """Called after each optimizer step, the `step`-th of `steps` in this epoch."""

    def on_epoch_end(self, history: Sequence[EpochRecord], model: nn.Module) -> None:
        """Called after each epoch is scored and saved, with all so far.

        `model` is the one that was scored, in evaluation mode.
        """

    def on_warning(self, text: str) -> None:
        """Called with what the user should not overlook."""


class CallbackList(Callback):
    """Several callbacks as one, called in their order."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._callbacks = tuple(callbacks)

    def on_train_begin(self, history: Sequence[EpochRecord]) -> None:
        for callback in self._callbacks:
            callback.on_train_begin(history)

    def on_batch_end(self, step: int, steps: int) -> None:
        for callback in self._callbacks:
            callback.on_batch_end(step, steps)

    def on_epoch_end(self, history: Sequence[EpochRecord], model: nn.Module) -> None:
        for callback in self._callbacks:
            callback.on_epoch_end(history, model)

    def on_warning(self, text: str) -> None:
        for callback in self._callbacks:
            callback.on_warning(text)


class BatchProgress(Callback):
    """Passes the steps of an epoch to `show`, such as a progress bar."""

    def __init__(self, show: Callable[[int, int], object]) -> None:
        self._show = show

    def on_batch_end(self, step: int, steps: int) -> None:
        self._show(step, steps)


class WarningLog(Callback):
    """Passes warnings to `warn`, such as that of a console or of a logger."""

    def __init__(self, warn: Callable[[str], object]) -> None:
        self._warn = warn

    def on_warning(self, text: str) -> None:
        self._warn(text)
