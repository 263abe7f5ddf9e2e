"""Batch normalisation with the statistics of the global batch of several processes."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from groupwise.distributed.world import World


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
    """Sum over all processes; every process's loss depends on the sum, so gradients are summed as well.

    `torch.distributed.nn.functional.all_reduce` does the same, but is deprecated and refuses `torch.compile`.
    """

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
