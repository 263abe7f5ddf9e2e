"""The processes that train together as one trainer with one global batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from groupwise.distributed.torchrun import launch
from groupwise.errors import UsageError

# The main process scans, audits and decodes while the others wait; one that died is noticed all the same.
PATIENCE = timedelta(hours=6)


@dataclass(frozen=True)
class World:
    """The processes that train together, and this one's place among them.

    `control` is a group on the CPU, over which they agree without waiting for a device. `launches` names the
    `torchrun` of every machine that started them.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    control: dist.ProcessGroup | None = None
    launches: frozenset[str] = frozenset()

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and talks to the user."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait for the other processes."""
        if self.size > 1:
            dist.barrier()

    def sum(self, values: Tensor) -> Tensor:
        """Sum `values` over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether `flag` is set in any process."""
        if self.size == 1:
            return flag
        vote = torch.tensor(int(flag))
        dist.all_reduce(vote, op=dist.ReduceOp.MAX, group=self.control)
        return bool(vote)

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in the order of their ranks."""
        values = [value] * self.size
        if self.size > 1:
            dist.all_gather_object(values, value, group=self.control)
        return values


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """Turn `auto`, `cpu` or `cuda` into a device that exists here."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UsageError("no CUDA device here", place="training.device", remedy="Use cpu or auto.")
    return torch.device("cuda", local_rank) if available and name != "cpu" else torch.device("cpu")


@contextmanager
def joined_world(device: str = "auto") -> Iterator[World]:
    """Join the processes that `torchrun` announced in the environment; alone without it."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if size == 1:
        yield _launched(World(device=chosen))
        return
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)  # else the barrier takes the first GPU in every process, and may hang
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        control = dist.new_group(backend="gloo", timeout=PATIENCE)
        yield _launched(World(dist.get_rank(), size, chosen, control))
    finally:
        dist.destroy_process_group()


def _launched(world: World) -> World:
    return replace(world, launches=frozenset(filter(None, world.gather(launch()))))
