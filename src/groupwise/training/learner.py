"""Holds all that changes while a network learns, so that one function saves it and one goes on from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from groupwise.distributed import World, share_batch_statistics
from groupwise.training.optim import OptimConfig, make_optimizer


@dataclass(frozen=True)
class Learner:
    """A network and what moves it.

    `model` has the weights; `network` is what training calls, the same model unless several processes share
    the work.
    """

    model: nn.Module
    network: nn.Module
    optimizer: torch.optim.Optimizer

    @classmethod
    def create(cls, model: nn.Module, optim: OptimConfig, world: World) -> Learner:
        """Bring `model` to its device."""
        model = share_batch_statistics(model.to(world.device), world)
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(
            model=model,
            network=DistributedDataParallel(model) if world.size > 1 else model,
            optimizer=make_optimizer(model, optim),
        )

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
