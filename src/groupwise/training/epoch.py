"""The parts of an epoch: its batches in order, the wait for them, and answers to score."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from groupwise.data.decode import Preprocessing
from groupwise.distributed.world import World
from groupwise.loader.batches import Batch, Shuffle, batches, normalise
from groupwise.training.checkpoint import Moment
from groupwise.training.config import FitConfig, FitData
from groupwise.training.memory import is_out_of_memory, out_of_memory


class NotFinite(Exception):  # noqa: N818
    """The loss of `step` (counted from 0; None: of the fold that selects) is infinite or no number."""

    def __init__(self, step: int | None) -> None:
        self.step = step
        super().__init__(step)


def require_finite(tally: Tensor) -> None:
    """Raise `NotFinite` with the first step whose loss, summed over all processes, is not finite."""
    bad = (~torch.isfinite(tally[:, 0])).nonzero()
    if len(bad):
        raise NotFinite(int(bad[0]))


def training_batches(data: FitData, config: FitConfig, moment: Moment, world: World) -> Iterator[Batch]:
    """What is left, after `moment`, of the epoch that follows the whole ones, in its order."""
    return batches(
        data.images,
        data.labels,
        data.train,
        batch_size=config.training.batch_size,
        world=world,
        shuffle=Shuffle(config.seed, moment.epoch + 1, config.training.sampling == "balanced"),
        first=moment.step,
    )


class TimedIterator:
    """An iterator that adds to `waited`, in seconds, how long its consumer waits for it."""

    def __init__(self, items: Iterable[Batch], waited: float) -> None:
        self._items, self.waited = iter(items), waited

    def __iter__(self) -> Iterator[Batch]:
        while True:
            start = time.perf_counter()
            item = next(self._items, None)
            self.waited += time.perf_counter() - start
            if item is None:
                return
            yield item


def logits_in_pieces(
    model: nn.Module, batch: Batch, preprocessing: Preprocessing, pieces: int
) -> tuple[Tensor, int]:
    """Logits of a batch taken in `pieces`, or in more where memory runs out; returns how many it were."""
    while (logits := _logits(model, batch, preprocessing, pieces)) is None:
        # Here and not where the error was caught, because its traceback holds on to the memory
        if pieces >= len(batch.images):
            remedy = "Lower data.image_size_px, or choose a smaller model.preset."
            raise out_of_memory("with a single image to score", remedy)
        if batch.images.is_cuda:
            torch.cuda.empty_cache()
        pieces *= 2
    return logits, pieces


def _logits(model: nn.Module, batch: Batch, preprocessing: Preprocessing, pieces: int) -> Tensor | None:
    """Logits of a batch, or None where memory ran out."""
    parts = batch.images.tensor_split(min(pieces, len(batch.images)))
    try:
        return torch.cat([model(normalise(part.float(), preprocessing)) for part in parts]).float()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return None
