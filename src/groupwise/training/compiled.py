"""Calls a network compiled in the steps that are all alike, and as it is where that cannot be done."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from groupwise.errors import first_line


class Compiled(nn.Module):
    """`model`, of whose forward and backward pass `torch.compile` makes fewer passes over memory.

    Inputs of one shape alone are compiled. Growing images and the last, smaller batch of an epoch go through
    the model as it is: each would cost a compilation of its own, and which of them had been compiled as what
    would depend on where a run was resumed, and with it the last bits of the result.

    Args:
        model: What is called. Its parameters stay its own, and a checkpoint knows nothing of this module.
        shape: Of the inputs that are compiled, (n, 3, S, S).
        remark: Told once where compiling fails, for want of a C++ compiler for example.
    """

    def __init__(self, model: nn.Module, shape: tuple[int, ...], remark: Callable[[str], None]) -> None:
        super().__init__()
        self.model, self._shape, self._remark = model, shape, remark
        self._compiled: Callable[[Tensor], Tensor] | None = torch.compile(model.forward, dynamic=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, K) of images (n, 3, S, S)."""
        if self._compiled is not None and images.shape == self._shape:
            try:
                return self._compiled(images)
            except (
                Exception
            ) as error:  # whatever a compiler may raise; what is not its fault comes again below
                self._compiled = None
                fact = first_line(getattr(error, "inner_exception", error))
                self._remark(f"torch.compile failed ({fact}): training goes on without it.")
        logits: Tensor = self.model(images)
        return logits
