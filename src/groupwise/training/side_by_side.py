"""Pieces of a batch at once on a processor, each on threads of its own.

A pass has hundreds of small operations, each of which waits for the slowest of its threads; pieces on threads
of their own wait for each other once a step. Two cores took a step in 0.82 to 0.85 of the time
(docs/log.md). The gradient is that of the whole batch but for batch normalisation, which sees the
pieces, as it does with a GPU for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from groupwise.models.blocks import DropPath

LEAST_IMAGES = 32  # in a piece: with 16 for their statistics networks lost a point (docs/planner.md)

# From a network to the loss of a piece, of which the gradient is wanted, and to its sums
Pass = Callable[[nn.Module], tuple[Tensor, Tensor]]


class SideBySide:
    """The threads, and for each a twin of `network` with its weights and batch statistics of its own.

    Args:
        network: Whose gradients are wanted; the first piece goes through itself.
        count: Pieces at once.
        threads: Of each piece.
    """

    def __init__(self, network: nn.Module, count: int, threads: int) -> None:
        shared = {id(parameter): parameter for parameter in network.parameters()}
        self.networks = [network, *(deepcopy(network, dict(shared)) for _ in range(count - 1))]
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self._statistics = [[b for b in n.buffers() if b.is_floating_point()] for n in self.networks]
        self._threads = threads
        self._pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(self._threads,))

    def count_for(self, images: int) -> int:
        """In how many pieces a batch is taken; the last of an epoch may be smaller than the others."""
        return max(1, min(len(self.networks), images // LEAST_IMAGES))

    def begin(self) -> None:
        """Bring every twin's modules into the mode, training or not, of the network's."""
        for twin in self.networks[1:]:
            for module, known in zip(twin.modules(), self.networks[0].modules(), strict=True):
                module.training = known.training

    def threads_of_a_piece(self) -> AbstractContextManager[None]:
        """Let torch have no more threads than a piece has.

        What is done between two passes needs few, and threads of its own would go on waiting for more to do
        while the pieces ask for their cores.
        """
        return torch_threads(self._threads)

    def add_gradients(self, passes: Sequence[Pass]) -> Tensor:
        """Give each parameter the sum of the pieces' gradients; returns the sum of what the passes return.

        The sums are taken in the order of the pieces, so that equal steps give equal results. An error of one
        piece is raised when the others have ended.
        """
        first, *others = self._statistics
        for statistics in others:
            torch._foreach_copy_(statistics, first)
        pairs = zip(self.networks, passes, strict=False)  # a last, smaller batch has fewer pieces
        pending = [self._pool.submit(self._take, network, take) for network, take in pairs]
        for future in pending:
            future.exception()  # waits
        results = [future.result() for future in pending]
        total, gradients = results[0]
        for more, others_gradients in results[1:]:
            total = total + more
            torch._foreach_add_(gradients, others_gradients)
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        used = self._statistics[: len(passes)]
        for statistics in used[1:]:
            torch._foreach_add_(first, statistics)
        torch._foreach_div_(first, len(used))
        return total

    def _take(self, network: nn.Module, take: Pass) -> tuple[Tensor, list[Tensor]]:
        # Not `backward`, which would add to gradients that the other threads add to as well
        loss, sums = take(network)
        return sums, list(torch.autograd.grad(loss, self._parameters))


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch have no more than `count` threads for what this thread does."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(count, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side(network: nn.Module, batch_size: int, threads: int | None) -> SideBySide | None:
    """As many pieces at once as there are `threads`, of which None stands for torch's, and images for.

    None where that is one, and where layers draw random numbers, whose order would then be chance.
    """
    most = torch.get_num_threads()
    threads = min(threads or most, most)
    count = min(threads, threads_of_their_own(batch_size))
    draws = any(isinstance(module, _DropoutNd | DropPath) and module.p for module in network.modules())
    return None if count < 2 or draws else SideBySide(network, count, threads // count)


def threads_of_their_own(batch_size: int) -> int:
    """As many threads as a batch has pieces, so that none has to wait for another within one."""
    return max(1, batch_size // LEAST_IMAGES)
