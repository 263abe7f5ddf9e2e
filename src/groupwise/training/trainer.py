"""The training loop: epochs, checkpoints, callbacks, and what follows a stop or a loss that is not finite."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from groupwise.distributed.world import World
from groupwise.errors import GroupwiseError, UsageError
from groupwise.loader.batches import Batch, batches, steps_an_epoch
from groupwise.models.resnext import one_look
from groupwise.training.callbacks import Callback, CallbackList
from groupwise.training.checkpoint import clone_state
from groupwise.training.checkpoint_manager import CheckpointManager
from groupwise.training.config import Diverged, EpochRecord, FitConfig, FitData, FitResult, Score
from groupwise.training.epoch import (
    NotFinite,
    TimedIterator,
    logits_in_pieces,
    require_finite,
    training_batches,
)
from groupwise.training.learner import Learner
from groupwise.training.loss import plain_loss
from groupwise.training.schedule import told_as_known
from groupwise.training.selection import Answers, rank
from groupwise.training.signals import Stopping, StopSignal, Terminated, catch_stop_signal
from groupwise.training.state import TimeLeft, TrainState, no_end
from groupwise.training.step import sums, take_step


class Trainer:
    """Trains `model` on `data.train`, and chooses the epoch by `data.select`.

    Args:
        model: The network, whose weights change in place.
        data: The images, and the rows of the two folds.
        config: Every choice.
        world: The processes that train together.
        checkpoints: Their folder; one is written at every epoch and, in long ones, every few minutes.
        made_from: Digests by name of what the data were made from; checkpoints of others are refused.
        callbacks: Called in their order.
    """

    def __init__(
        self,
        model: nn.Module,
        data: FitData,
        config: FitConfig,
        *,
        world: World,
        checkpoints: Path,
        made_from: Mapping[str, str] | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        _require_enough_images(data, config, world)
        training = config.training
        self.data, self.config, self.world = data, config, world
        self.callbacks = CallbackList(callbacks)
        warn = self.callbacks.on_warning
        self.checkpoints = CheckpointManager(
            checkpoints, 60 * training.checkpoint_minutes, dict(made_from or {}), world, warn
        )
        self.learner = Learner.create(model, data, config, world, note=lambda text: self.state.note(text))
        steps = steps_an_epoch(len(data.train), training.batch_size)
        self.state = TrainState(self.learner, steps, training.accumulate, world, warn)
        self.stop = StopSignal()
        self.left_s: TimeLeft = no_end

    def fit(self, *, resume: bool = False, left_s: TimeLeft = no_end) -> FitResult:
        """Train until the epochs, the time or the patience are over.

        `left_s` says how many seconds training may still take; it is asked before every step, and the
        schedule follows it where it is ahead of the epochs.

        With `resume`, goes on from the newest sound checkpoint; on CPU the result is bit-identical to a run
        that was never stopped. SIGTERM and Ctrl-C save the state after the current step. SIGTERM then raises
        `Terminated`; Ctrl-C ends training with the best epoch so far, or raises `KeyboardInterrupt` where
        there is none. A loss that is not finite sends training back to the last whole epoch with half the
        learning rate, once; the second time it raises `Diverged`.
        """
        self.left_s = left_s
        if not (resume and self._load()):
            self._save()  # so that even the first epoch has a state to go back to
        self.callbacks.on_train_begin(self.history)
        with catch_stop_signal() as self.stop:
            try:
                while not self.is_over:
                    try:
                        self._finish_epoch(self.train_epoch())
                        self._save()
                    except NotFinite as trouble:
                        self._roll_back(trouble)
                    else:
                        self.callbacks.on_epoch_end(self.history, self.learner.eval_model)
                    self.stop.check(self.world)
            except Stopping:
                self._save_and_leave()
        state, weights = self.state, self.state.best["weights"]
        told = tuple(state.remarks), self.stop.is_set, dict(state.stopped)
        return FitResult(self.history, self.best, weights, *told)

    def train_epoch(self) -> Score:
        """Take one optimizer step a batch, for what is left of the epoch."""
        state = self.state
        source = training_batches(self.data, self.config, state.moment, self.world)
        timed = TimedIterator(source, waited=state.waiting_seconds)
        start = time.perf_counter() - state.seconds
        self.learner.begin()
        for batch in timed:
            progress = state.progress(self.config.training, self.left_s())
            if progress >= 1 and state.step:  # the time is up, within an epoch
                break
            self.train_step(batch, min(progress, 1.0))
            self.callbacks.on_batch_end(state.step, state.steps)
            # Be ready to be stopped, or to be lost
            state.seconds, state.waiting_seconds = time.perf_counter() - start, timed.waited
            self.stop.check(self.world)
            if self.world.any(self.checkpoints.is_due):
                self._save()
        tally = self.world.sum(state.tally.clone())
        require_finite(tally)
        state.seconds = time.perf_counter() - start
        return Score.of(tally.sum(0))

    def train_step(self, batch: Batch, progress: float) -> None:
        """Follow the gradient of one batch when `progress` of training, from 0 to 1, is done."""
        take_step(batch, progress, self.state, self.config, num_classes=self.data.num_classes)

    @torch.inference_mode()
    def evaluate(self, answers: Answers | None = None) -> Score:
        """Plain loss and accuracy on the fold that selects, each sample once; nan without one.

        What the network answers is added to `answers`, where they are given.

        The model is not the one that shares its work, which would wait for processes without images. A batch
        that does not fit into memory is answered in pieces, which changes no score.
        """
        model = self.learner.eval_model.eval()
        data, training = self.data, self.config.training
        if not len(data.select):
            return Score(math.nan, math.nan, 0)
        totals = torch.zeros(3, dtype=torch.float64, device=self.world.device)
        batch_size = max(2 * training.batch_size // self.state.micro_batches, 1)
        pieces = 1
        for batch in batches(data.images, data.labels, data.select, batch_size=batch_size, world=self.world):
            if len(batch.labels):
                with self.learner.half_precision():
                    logits, pieces = logits_in_pieces(model, batch, self.config.preprocessing, pieces)
                totals += sums(plain_loss(logits, batch.labels), logits, batch.labels)
                if answers is not None:
                    answers.add(logits, batch.labels)
            self.stop.check(self.world)
        return Score.of(self.world.sum(totals))

    def state_dict(self) -> dict[str, Any]:
        """Everything that training changes; every process has to take part."""
        return self.state.state_dict()

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.state.load_state_dict(saved)

    @property
    def history(self) -> tuple[EpochRecord, ...]:
        """The whole epochs so far."""
        return tuple(self.state.history)

    @property
    def best(self) -> EpochRecord:
        """The epoch that the selection fold chooses; without one the last."""
        number: int = self.state.best["epoch"]
        return self.state.history[number - 1]

    @property
    def is_over(self) -> bool:
        """Whether the epochs, the time or the patience have come to their end."""
        training, state = self.config.training, self.state
        if not state.best:  # however little time there is, something is kept
            return False
        waited = state.finished - self.best.epoch
        is_done = bool(state.stopped) or state.progress(training) >= 1
        return is_done or (training.patience is not None and waited >= training.patience)

    def _finish_epoch(self, trained: Score) -> None:
        """Score an epoch, by one look where it may not be chosen, and enter it, kept where it is the best."""
        state, training, start = self.state, self.config.training, time.perf_counter()
        answers = Answers(by := training.select_by)
        may_be_chosen = state.progress(training, self.left_s(), ahead=0) > training.select_from
        with nullcontext() if may_be_chosen else one_look(self.learner.eval_model):
            selected = self.evaluate(answers)
        if selected.n and not math.isfinite(selected.loss):
            raise NotFinite(None)
        seconds, state.seconds = state.seconds, 0.0  # from now on among those spent
        state.spent_s += seconds + time.perf_counter() - start
        record = EpochRecord(
            epoch=state.finished + 1,
            train_loss=trained.loss,
            train_accuracy=trained.accuracy,
            select_fold=training.select_fold,
            select_loss=selected.loss,
            select_accuracy=selected.accuracy,
            learning_rate=self.learner.optimizer.param_groups[0]["lr"],
            seconds=seconds,
            images_per_second=trained.n / seconds,
            waiting_seconds=state.waiting_seconds,
            may_be_chosen=may_be_chosen,
            **answers.figures(self.data.costs, self.world),
        )
        state.history.append(record)
        if not selected.n or not state.best or rank(record, by) > rank(self.best, by):
            weights = clone_state(self.learner.eval_model.state_dict())
            state.best = {"epoch": record.epoch, "weights": weights}
        if told := told_as_known(state.history, training):
            state.note(told)
        if state.progress_of_time(training, self.left_s()) >= 1:
            state.stopped = {"epoch": record.epoch, "step": state.step, "steps": state.steps}
        state.begin_epoch()

    def _save(self) -> bool:
        """Write a checkpoint; all processes have to call. Raises `NotFinite` for a state gone bad."""
        state = self.state_dict()
        require_finite(state["tally"])
        return self.checkpoints.save(self.state.moment, state)

    def _load(self, *, whole_epochs: bool = False) -> bool:
        """Go back to the newest sound checkpoint; False where there is none."""
        saved = self.checkpoints.load(whole_epochs=whole_epochs)
        if saved is None:
            return False
        self.load_state_dict(saved)
        self.world.barrier()  # before the main process writes, and drops what others may still read
        return True

    def _roll_back(self, trouble: NotFinite) -> None:
        """Return to the last whole epoch with half the learning rate; the second time, name the batch."""
        state = self.state
        fact = f"the loss of epoch {state.finished + 1} is not finite"
        names: list[str] = []
        if trouble.step is not None:
            fact += f" from step {trouble.step + 1} on"
            names = self._image_names(trouble.step)
        halved = state.rate_factor < 1
        if halved or not self._load(whole_epochs=True):
            raise Diverged(
                fact + (", also with half the learning rate" if halved else ""),
                place="training",
                remedy="Lower optim.learning_rate"
                + (f", and look at the images of that step: {', '.join(names)}." if names else "."),
            )
        state.rate_factor /= 2
        back = f"back to the end of epoch {state.finished}" if state.finished else "back to the start"
        state.note(f"{fact.capitalize()}: {back}, and on with half the learning rate.")
        self._save()

    def _image_names(self, step: int) -> list[str]:
        """The images of a step of this epoch, of all processes."""
        self.state.step = step
        rows = next(training_batches(self.data, self.config, self.state.moment, World())).samples.tolist()
        return [self.data.paths[row] if self.data.paths else f"row {row}" for row in rows]

    def _save_and_leave(self) -> None:
        """Keep what was learnt, and raise unless the user may be content with the best epoch so far."""
        state, saved = self.state, False
        with suppress(NotFinite):
            saved = self._save()
        where = f"in epoch {state.finished + 1} after step {state.step} of {state.steps}"
        if self.stop.signal is not signal.SIGINT:
            outcome = "and saved" if saved else "and not saved there: the checkpoint before it is kept"
            raise Terminated(
                f"stopped by SIGTERM {where}, {outcome}", place="training", remedy="Go on with --resume."
            )
        if not state.best:
            raise KeyboardInterrupt(f"Stopped {where}. Go on with --resume.")


def _require_enough_images(data: FitData, config: FitConfig, world: World) -> None:
    """Raise for settings with which some processes, or all, would have nothing to learn from."""
    batch_size, least = config.training.batch_size, 2 * world.size
    if batch_size < least:
        raise UsageError(
            f"{batch_size} images a step are fewer than two for each of {world.size} processes",
            place="training.batch_size",
            remedy=f"Give at least {least}, or start fewer processes.",
        )
    if len(data.train) < 2:
        raise GroupwiseError(
            "the training fold has fewer than the two images that batch statistics need",
            place="training",
            remedy="Add images, or give split.train a larger share.",
        )
