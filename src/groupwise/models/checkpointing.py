"""Activation checkpointing: blocks that keep their input alone, and are computed again in the backward pass.

Chen et al. 2016 (arXiv 1604.06174). Batch normalisation follows the statistics of the first computation, and
not once more those of the second, so that a network learns the very same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def through_blocks(blocks: Iterable[nn.Module], x: Tensor) -> Tensor:
    """What the blocks, one behind the other, make of `x`; of each its input alone is kept."""
    for block in blocks:
        x = checkpoint(block, x, use_reentrant=False, context_fn=partial(_contexts, block))
    return x


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Around the first computation, and around the second."""
    return nullcontext(), _statistics_kept(block)


@contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """Let batch normalisations follow copies of their statistics, which are forgotten."""
    layers = [module for module in block.modules() if isinstance(module, _BatchNorm)]
    kept = [dict(layer._buffers) for layer in layers]
    for layer, buffers in zip(layers, kept, strict=True):
        layer._buffers.update({name: None if b is None else b.clone() for name, b in buffers.items()})
    try:
        yield
    finally:
        for layer, buffers in zip(layers, kept, strict=True):
            layer._buffers.update(buffers)
