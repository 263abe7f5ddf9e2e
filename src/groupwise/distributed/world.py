"""Lets one process or several that `torchrun` started act as one trainer with one global batch."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from groupwise.errors import UsageError
from groupwise.files import sha256_bytes

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
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        control = dist.new_group(backend="gloo", timeout=PATIENCE)
        yield _launched(World(dist.get_rank(), size, chosen, control))
    finally:
        dist.destroy_process_group()


def _launched(world: World) -> World:
    return replace(world, launches=frozenset(filter(None, world.gather(launch()))))


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation with the statistics of the global batch, also on CPU, where torch has none.

    Parts may differ in size: sums and counts are added over the processes, then divided once. The sums pass
    through a differentiable all-reduce, so that gradients equal those of one process with the whole batch.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        x = x.float()  # sums of many halves would round
        count = x.new_tensor([x.numel() / x.shape[1]])
        sums = _sum_with_gradient(torch.cat([x.sum((0, 2, 3)), count]))  # (C + 1,)
        n = sums[-1].detach()
        mean = sums[:-1] / n
        centred = x - mean[:, None, None]
        var = _sum_with_gradient((centred * centred).sum((0, 2, 3))) / n
        self._follow(mean.detach(), var.detach() * n / (n - 1))
        scale = self.weight * torch.rsqrt(var + self.eps)
        return centred * scale[:, None, None] + self.bias[:, None, None]

    def _follow(self, mean: Tensor, var: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var, self.momentum)


class _Sum(torch.autograd.Function):
    """Sum over all processes; every process's loss depends on the sum, so gradients are summed as well."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


def _sum_with_gradient(values: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return total


class SyncBatchNorm(nn.SyncBatchNorm):
    """torch's own for GPUs, also where a process has no sample of the last batch.

    torch sends the sums of an empty part in the type of its input, and those of all others in float32.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if x.numel() else x.float())


def share_batch_statistics(model: nn.Module, world: World) -> nn.Module:
    """Make every batch normalisation of `model` see the global batch; parameters and keys stay."""
    if world.device.type == "cuda" and world.size > 1:
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    for module in model.modules():
        if type(module) is nn.SyncBatchNorm:
            module.__class__ = SyncBatchNorm
        if world.size > 1 and type(module) is nn.BatchNorm2d:
            module.__class__ = GlobalBatchNorm2d
    return model


def restarted() -> bool:
    """Whether `torchrun` started this process again after another had failed."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def launch() -> str | None:
    """A name of the `torchrun` that started this process, the same when it starts it again; None without one.

    Its run id alone is no such name: one that the user gives may come back with every start, and over several
    machines it is "none" otherwise. So its process counts too, and when that began, as every container has a
    process of number 1.
    """
    run_id = os.environ.get("TORCHELASTIC_RUN_ID")
    if run_id is None:
        return None
    agent = os.getppid()
    return sha256_bytes(f"{run_id} {platform.node()} {agent} {_begun(agent)}".encode())[:16]


def _begun(process: int) -> str:
    """When a process began, in clock ticks since the machine did; nothing where Linux does not say."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[19]  # field 22; the second, a name, may hold anything
