"""Gives a network back the batch statistics that it had before a pass that failed."""

from __future__ import annotations

import torch
from torch import nn


class BatchStatistics:
    """The buffers of `model`, and memory of the same size to keep them in."""

    def __init__(self, model: nn.Module) -> None:
        buffers = list(model.buffers())
        # By kind, because one pass over many tensors needs them all of one type
        kinds = [[b for b in buffers if b.dtype is dtype] for dtype in {b.dtype for b in buffers}]
        self._pairs = [(kind, [torch.empty_like(buffer) for buffer in kind]) for kind in kinds]

    @torch.no_grad()
    def keep(self) -> None:
        """Copy them, before a pass, since one that fails has overwritten them."""
        for live, kept in self._pairs:
            torch._foreach_copy_(kept, live)

    @torch.no_grad()
    def restore(self) -> None:
        """Put them back to what they were."""
        for live, kept in self._pairs:
            torch._foreach_copy_(live, kept)
