"""The state of a training run: everything that training changes, as one dictionary and back."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from groupwise.distributed.environment import machine
from groupwise.distributed.world import World
from groupwise.recipe.training import TrainingConfig
from groupwise.training.checkpoint import Moment
from groupwise.training.config import EpochRecord
from groupwise.training.learner import Learner
from groupwise.training.schedule import progress_of_epochs
from groupwise.training.side_by_side import SideBySide

TimeLeft = Callable[[], float]


def no_end() -> float:
    """The seconds that are left where there is no deadline."""
    return math.inf


class TrainState:
    """What a checkpoint holds; what is not here does not come back after a crash.

    Args:
        learner: The network and what moves it.
        steps: Optimizer steps an epoch.
        micro_batches: Pieces in which a step takes its batch.
        world: The processes that train together.
        warn: Told what the user should not overlook.

    `finished` is the number of whole epochs and `step` that of the steps taken since. `tally` is (steps, 3),
    float64, on the device: sums of loss, correct answers and samples of each step of this process.
    `spent_s` counts the seconds of whole epochs, scoring included. `rate_factor` scales the learning rate.
    `remarks` are what a reader of the result should know. `stopped` says where the time ended training:
    {"epoch", "step", "steps"}, empty before.
    """

    def __init__(
        self,
        learner: Learner,
        steps: int,
        micro_batches: int,
        world: World,
        warn: Callable[[str], None],
    ) -> None:
        self.learner, self.steps, self.world, self._warn = learner, steps, world, warn
        self.history: list[EpochRecord] = []
        self.best: dict[str, Any] = {}
        self.micro_batches = micro_batches
        self.rate_factor = 1.0
        self.spent_s = 0.0
        self.remarks: list[str] = []
        self.stopped: dict[str, int] = {}
        self.begin_epoch()

    def note(self, text: str) -> None:
        """Say something, and keep it for whoever reads the result."""
        self.remarks.append(text)
        self._warn(text)

    def begin_epoch(self) -> None:
        """Set back what belongs to one epoch alone."""
        self.step = 0
        self.tally = torch.zeros(self.steps, 3, dtype=torch.float64, device=self.world.device)
        self.seconds = self.waiting_seconds = 0.0

    @property
    def at_once(self) -> SideBySide | None:
        """What takes the pieces of a batch at once; None where they follow one another to spare memory."""
        return self.learner.at_once if self.micro_batches == 1 else None

    @property
    def finished(self) -> int:
        """How many epochs are whole."""
        return len(self.history)

    @property
    def moment(self) -> Moment:
        """How far training has come."""
        return Moment(self.finished, self.step)

    def progress(self, training: TrainingConfig, left_s: float = math.inf, *, ahead: float = 0.5) -> float:
        """How much of training is done in the middle of the next step: of its epochs, or more of its time.

        Below 1 as long as there is something to do; `ahead` are steps that count as done already. `left_s`
        are the seconds until a deadline.
        """
        of_epochs = progress_of_epochs(self.history, (self.step + ahead) / self.steps, training)
        return max(of_epochs, self.progress_of_time(training, left_s))

    def progress_of_time(self, training: TrainingConfig, left_s: float = math.inf) -> float:
        """The part of the minutes, or of the time until the deadline, that is over; 0 without either."""
        if training.budget_minutes is None and math.isinf(left_s):
            return 0.0
        # One clock for all processes
        spent_s: float
        spent_s, left_s = self.world.gather((self.spent_s + self.seconds, left_s))[0]
        of_deadline = spent_s / (spent_s + left_s) if left_s > 0 else 1.0
        if training.budget_minutes is None:
            return of_deadline
        return max(of_deadline, spent_s / max(60 * training.budget_minutes, 1e-9))

    def state_dict(self) -> dict[str, Any]:
        """Everything, as nested dicts of tensors and JSON values; every process has to take part."""
        return {
            "learner": self.learner.state_dict(),
            # Element by element, so that the sums of a resumed epoch are added up as they would have been
            "tally": self.world.sum(self.tally.clone()),
            "random": self.world.gather(random_state()),
            "history": [asdict(epoch) for epoch in self.history],
            **{name: getattr(self, name) for name in _PLAIN},
            "stopped": self.stopped,
            "versions": versions(),
            "machine": machine(),
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Bring back what `state_dict` returned."""
        self.learner.load_state_dict(saved["learner"])
        self.history = [EpochRecord(**row) for row in saved["history"]]
        for name in _PLAIN:
            setattr(self, name, saved[name])
        self.stopped = saved.get("stopped", {})  # older checkpoints have none
        self.tally = torch.zeros_like(self.tally)
        if self.world.is_main:
            self.tally.copy_(saved["tally"][: self.steps])  # older ones counted a step that is not taken
        if len(saved["random"]) == self.world.size:
            set_random_state(saved["random"][self.world.rank])


_PLAIN = (
    *("best", "step", "seconds", "waiting_seconds", "spent_s"),
    *("micro_batches", "rate_factor", "remarks"),
)


def versions() -> dict[str, str]:
    """The packages that decide the last bits of a result."""
    return {name: version(name) for name in ("groupwise", "torch", "numpy")}


def random_state() -> dict[str, Any]:
    """The state of every global random generator of this process.

    Groupwise's own randomness is a function of counters, so this is for layers and libraries that draw.
    """
    numpy_state: Any = np.random.get_state(legacy=False)
    key = numpy_state["state"]["key"].tolist()
    return {
        "python": random.getstate(),
        "numpy": {**numpy_state, "state": {**numpy_state["state"], "key": key}},
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(saved: dict[str, Any]) -> None:
    """Put every global random generator back to `random_state`."""
    kind, words, gauss = saved["python"]
    random.setstate((kind, tuple(words), gauss))
    key = np.array(saved["numpy"]["state"]["key"], np.uint32)
    np.random.set_state({**saved["numpy"], "state": {**saved["numpy"]["state"], "key": key}})
    torch.set_rng_state(saved["torch"])
    if torch.cuda.is_available() and len(saved["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(saved["cuda"])
