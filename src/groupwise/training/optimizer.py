"""The optimizer, and what each group of weights may do."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from groupwise.errors import UsageError
from groupwise.recipe.optimizer import OptimConfig
from groupwise.training.muon import Muon


def make_optimizer(model: nn.Module, config: OptimConfig, *, fused: bool = True) -> torch.optim.Optimizer:
    """Build the optimizer, with weight decay on the weights of convolutions and linear layers alone.

    `fused` takes one pass over all weights instead of one an operation, whose many short waits cost more than
    their arithmetic; with scaled gradients it cannot skip a step on a CPU.
    """
    groups, rate = _parameter_groups(model, config), config.learning_rate
    if config.name == "sgd":
        return torch.optim.SGD(
            groups, lr=rate, momentum=config.momentum, nesterov=config.momentum > 0, fused=fused
        )
    kinds: dict[str, type[torch.optim.Adam]] = {
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "muon": Muon,
    }
    return kinds[config.name](groups, lr=rate, betas=(config.momentum, 0.999), fused=fused)


def _parameter_groups(model: nn.Module, config: OptimConfig) -> list[dict[str, Any]]:
    """Parameters that learn, by their part and by whether they decay, from the head down to the stem.

    `scale` is the factor of a group's rate, and `from_share` the share of training from which it has one.
    `matrices` is what Muon asks for: the groups of a convolution within a stage, else 0.
    """
    convolutions = {
        f"{name}.weight": module.groups
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and part_of(name) != "stem"
    }
    parts = part_names(model)
    groups: dict[tuple[int, bool, int], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        below_head = len(parts) - 1 - parts.index(part_of(name))
        decays = parameter.ndim > 1
        matrices = convolutions.get(name, 0) if config.name == "muon" else 0
        group = groups.setdefault(
            (below_head, decays, matrices),
            {
                "params": [],
                "weight_decay": config.weight_decay if decays else 0.0,
                "scale": config.layer_decay**below_head,
                "from_share": config.head_first if below_head else 0.0,
                "matrices": matrices,
            },
        )
        group["params"].append(parameter)
    return [group for _, group in sorted(groups.items())]


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float, progress: float) -> None:
    """Set the rate of every parameter group at `progress` of training; `rate` is that of the head."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"] if progress >= group["from_share"] else 0.0


def part_of(name: str) -> str:
    """`layer3` for a parameter or module of a stage, `fc` for one of the head, `stem` for the rest."""
    first = name.partition(".")[0]
    return first if first.startswith(("layer", "fc")) else "stem"


def part_names(model: nn.Module) -> list[str]:
    """The parts that hold weights, in the order of the data."""
    return list(dict.fromkeys(part_of(name) for name, _ in model.named_parameters()))


def freeze(model: nn.Module, count: int) -> tuple[nn.Module, ...]:
    """Keep the weights of the first `count` parts from learning; returns their modules, to be left in `eval`.

    Raises `UsageError` where nothing is left to learn.
    """
    names = part_names(model)
    if count >= len(names):
        raise UsageError(
            f"{count} leaves nothing to learn in a network of {len(names)} parts",
            place="optim.frozen",
            remedy=f"Give at most {len(names) - 1}, which leaves the head alone.",
        )
    frozen = tuple(module for name, module in model.named_children() if part_of(name) in names[:count])
    for module in frozen:
        module.requires_grad_(requires_grad=False)
    return frozen
