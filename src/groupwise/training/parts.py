"""Divides a network into its parts, stem, stages and head, and keeps the first of them from learning."""

from __future__ import annotations

from torch import nn

from groupwise.errors import UsageError


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
