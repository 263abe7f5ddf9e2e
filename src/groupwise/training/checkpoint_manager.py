"""The checkpoints of one run: when they are due, a full disk, and those of other data."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from groupwise.distributed.environment import machine, machine_words, same_bits
from groupwise.distributed.world import World
from groupwise.errors import GroupwiseError
from groupwise.training.checkpoint import Moment, load_checkpoint, save_checkpoint
from groupwise.training.state import versions

RETRY_S = 60.0


class CheckpointManager:
    """The checkpoints of one run.

    Args:
        folder: Where they lie.
        every_s: Seconds after which a long epoch is saved in its middle.
        made_from: Digests of what the run is made from; a checkpoint that was made from others is refused.
        world: The processes that train together; the main one writes.
        warn: Told what the user should not overlook.
    """

    def __init__(
        self,
        folder: Path,
        every_s: float,
        made_from: dict[str, str],
        world: World,
        warn: Callable[[str], None],
    ) -> None:
        self._folder, self._every_s, self._made_from = folder, every_s, made_from
        self._world, self._warn = world, warn
        self._wait()

    def _wait(self, seconds: float | None = None) -> None:
        self._due = time.monotonic() + (self._every_s if seconds is None else seconds)

    @property
    def is_due(self) -> bool:
        """Whether the last checkpoint is old enough for another within the epoch."""
        return time.monotonic() >= self._due

    def save(self, moment: Moment, state: Mapping[str, Any]) -> bool:
        """Save the state at `moment` in the main process; all have to call.

        A full or failing disk is said, and False is returned: older checkpoints stay, and the next try comes
        soon.
        """
        self._wait()
        if not self._world.is_main:
            return True
        try:
            save_checkpoint(self._folder, moment, {**state, "made_from": self._made_from})
        except OSError as error:
            self._wait(min(RETRY_S, self._every_s))
            self._warn(
                f"No checkpoint at {moment}: {error.strerror} ({self._folder}). "
                "Training goes on and tries again; older checkpoints are kept."
            )
            return False
        return True

    def load(self, *, whole_epochs: bool = False) -> dict[str, Any] | None:
        """The newest sound state, naming damaged ones; None where none is there.

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
            return None
        self._check(saved)
        return saved

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
        before, here = saved.get("machine"), machine()  # older checkpoints have none
        if before not in (None, here) and not same_bits(before, here):
            self._warn(
                f"The checkpoint was written on {machine_words(before)}; this is {machine_words(here)}: "
                "training goes on, and the last bits of its result may be others than there."
            )
