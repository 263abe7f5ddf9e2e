"""Writes checkpoints when they are due, never one of a state gone bad, and goes on when the disk is full."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from groupwise.errors import GroupwiseError
from groupwise.training.checkpoint import load_checkpoint, save_checkpoint
from groupwise.training.state import State, versions

RETRY_S = 60.0


class NotFinite(Exception):  # noqa: N818
    """The loss of `step` (counted from 0; None: of the fold that selects) is infinite or no number."""

    def __init__(self, step: int | None) -> None:
        self.step = step
        super().__init__(step)


class Keeper:
    """The checkpoints of one run.

    Args:
        folder: Where they lie.
        every_s: Seconds after which a long epoch is saved in its middle.
        made_from: Digests of what the run is made from; a checkpoint that was made from others is refused.
        warn: Told what the user should not overlook.
    """

    def __init__(
        self, folder: Path, every_s: float, made_from: dict[str, str], warn: Callable[[str], None]
    ) -> None:
        self._folder, self._every_s, self._made_from, self._warn = folder, every_s, made_from, warn
        self._wait()

    def _wait(self, seconds: float | None = None) -> None:
        self._due = time.monotonic() + (self._every_s if seconds is None else seconds)

    @property
    def is_due(self) -> bool:
        """Whether the last checkpoint is old enough for another within the epoch."""
        return time.monotonic() >= self._due

    def save(self, state: State) -> bool:
        """Save `state` in the main process; all have to call. Raises `NotFinite` for one gone bad.

        A full or failing disk is said, and False is returned: older checkpoints stay, and the next try comes
        soon.
        """
        collected = {**state.collect(), "made_from": self._made_from}
        require_finite(collected["tally"])
        self._wait()
        if not state.world.is_main:
            return True
        try:
            save_checkpoint(self._folder, state.moment, collected)
        except OSError as error:
            self._wait(min(RETRY_S, self._every_s))
            self._warn(
                f"No checkpoint at {_words(state)}: {error.strerror} ({self._folder}). "
                "Training goes on and tries again; older checkpoints are kept."
            )
            return False
        return True

    def load(self, state: State, *, whole_epochs: bool = False) -> bool:
        """Bring `state` back to the newest sound checkpoint, naming damaged ones; False where none is there.

        Where all are damaged it raises instead: going on from the start would overwrite what may be mended.
        """
        saved, rejected = load_checkpoint(self._folder, whole_epochs=whole_epochs)
        for damaged in rejected:
            self._warn(f"{damaged.path.name} was passed over: {damaged.reason}")
        if saved is None:
            if rejected:
                raise GroupwiseError(
                    f"none of {len(rejected)} checkpoints is sound",
                    place=self._folder,
                    remedy="Put copies back, or remove the folder to train from the start with --resume.",
                )
            return False
        self._check(saved)
        state.restore(saved)
        state.world.barrier()  # before the main process writes, and drops what others may still read
        return True

    def _check(self, saved: dict[str, Any]) -> None:
        for name, digest in self._made_from.items():
            if saved["made_from"].get(name) != digest:
                raise GroupwiseError(
                    f"was made from another {name}",
                    place=self._folder,
                    remedy="Put the run's own checkpoints back, or train again in a new run.",
                )
        for package, now in versions().items():
            if saved["versions"].get(package) != now:
                before = saved["versions"].get(package)
                self._warn(
                    f"The checkpoint was written with {package} {before}, and this is {now}: "
                    "the last bits of the result may differ."
                )


def require_finite(tally: torch.Tensor) -> None:
    """Raise `NotFinite` with the first step whose loss, summed over all processes, is not finite."""
    bad = (~torch.isfinite(tally[:, 0])).nonzero()
    if len(bad):
        raise NotFinite(int(bad[0]))


def _words(state: State) -> str:
    if state.step == 0:
        return f"the end of epoch {state.finished}"
    return f"epoch {state.finished + 1}, step {state.step}"
