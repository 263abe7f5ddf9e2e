"""Imports the peers that the benchmarks compare with, beside a torch that they were not built for."""

from __future__ import annotations

from typing import Any


def import_torchvision() -> Any:
    """torchvision's compiled operators do not load beside a CPU build of torch; its networks do without."""
    import torch

    register = torch.library.register_fake

    def tolerant(op: Any, *args: Any, **options: Any) -> Any:
        foreign = isinstance(op, str) and op.startswith("torchvision::")
        return (lambda function: function) if foreign else register(op, *args, **options)

    torch.library.register_fake = tolerant  # type: ignore[assignment]
    import torchvision

    return torchvision
