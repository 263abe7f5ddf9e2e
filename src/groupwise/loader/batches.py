"""Batches of cached images, in an order that is a function of (seed, epoch) alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from groupwise.data.decode import Preprocessing
from groupwise.distributed.world import World
from groupwise.stats.arrays import Ints

ROW_BITS = 32  # of a counter, above which it tells how often the row has come before


@dataclass(frozen=True, eq=False)
class Batch:
    """Part of a batch on one device.

    `images` is uint8 (n, C, S, S), `labels` and `samples` int64 (n,); of sets of labels they are uint8
    (n, K). `samples` are rows of `split.csv`. `counters`, by which random changes go, are the same, but for
    rows that come again within an epoch: theirs tell how often they have come before.
    `global_size` is the size of the whole batch over all processes.
    """

    images: Tensor
    labels: Tensor
    samples: Tensor
    counters: Tensor
    global_size: int


class Shuffle(NamedTuple):
    """The order of a training epoch, counted from 1, and whether it shows each class equally often."""

    seed: int
    epoch: int
    balanced: bool = False


def epoch_order(n: int, seed: int, epoch: int) -> Ints:
    """The order in which epoch `epoch` visits n samples."""
    return np.random.default_rng([seed, epoch]).permutation(n)


def balanced_order(labels: Ints, seed: int, epoch: int) -> Ints:
    """As many positions as `labels` (n,) has, with each class equally often, up to one.

    The samples of a class come in a random order, and again from the start where there are too few. So all
    of a rare class come equally often, and each epoch leaves out another part of a frequent one.
    """
    rng = np.random.default_rng([seed, epoch])
    classes = [rng.permutation(np.flatnonzero(labels == k)) for k in rng.permutation(np.unique(labels))]
    rounds = -(-len(labels) // len(classes))
    turns = np.stack([np.resize(members, rounds) for members in classes], axis=1)  # (rounds, classes)
    return rng.permutation(turns.ravel()[: len(labels)])


def counters_of(order: Ints) -> Ints:
    """A number for each row of an epoch's order: the row itself, and another one each time it comes again."""
    by_row = np.argsort(order, kind="stable")
    rows = order[by_row]
    times_before = np.empty(len(order), dtype=np.int64)
    times_before[by_row] = np.arange(len(order)) - np.searchsorted(rows, rows)
    return order + (times_before << ROW_BITS)


def steps_an_epoch(n: int, batch_size: int) -> int:
    """Batches of a training epoch of n samples, which leaves out a last one of a single sample."""
    return (n + batch_size - 2) // batch_size


def batches(
    images: npt.NDArray[np.uint8],
    labels: Ints | npt.NDArray[np.uint8],
    samples: Ints,
    *,
    batch_size: int,
    world: World,
    shuffle: Shuffle | None = None,
    first: int = 0,
) -> Iterator[Batch]:
    """Cut `samples` into batches of `batch_size` over all processes, and yield this process's part of each.

    Args:
        images: The cache, uint8 (N, S, S, C), one row a row of `split.csv`.
        labels: Class number of every row, (N,), or 1 for each label of it, (N, K).
        samples: The rows to visit, (M,).
        batch_size: Samples a step, all processes together.
        world: The processes that share each batch; process r takes every r-th sample of it.
        shuffle: How to order a training epoch, or None to keep the order of `samples`.
        first: The batch to begin with, counted from 0.

    A training epoch leaves out a last batch of one sample, for which batch statistics do not exist
    (`steps_an_epoch`). Of one with fewer samples than processes, some have an empty part. Without `shuffle`
    every sample comes exactly once.
    """
    order = samples
    if shuffle is not None and shuffle.balanced:
        order = samples[
            balanced_order(np.asarray(labels[samples], dtype=np.int64), shuffle.seed, shuffle.epoch)
        ]
    elif shuffle is not None:
        order = samples[epoch_order(len(samples), shuffle.seed, shuffle.epoch)]
    counters = counters_of(order)  # of the whole epoch, so that a resumed one has the same
    for start in range(first * batch_size, len(order), batch_size):
        global_size = min(batch_size, len(order) - start)
        if shuffle is not None and global_size < 2:
            break
        mine = slice(start + world.rank, start + global_size, world.size)
        part = order[mine]
        yield Batch(
            images=torch.from_numpy(np.ascontiguousarray(images[part])).permute(0, 3, 1, 2).to(world.device),
            labels=torch.from_numpy(labels[part]).to(world.device),
            samples=torch.from_numpy(part).to(world.device),
            counters=torch.from_numpy(counters[mine]).to(world.device),
            global_size=global_size,
        )


def resize(images: Tensor, image_size_px: int) -> Tensor:
    """Float images (N, C, S, S) at another side, antialiased."""
    if images.shape[-1] == image_size_px:
        return images
    return F.interpolate(images, size=(image_size_px, image_size_px), mode="bilinear", antialias=True)


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Float images (N, C, S, S) in 0..255 as the network's input."""
    scale, shift = (images.new_tensor(v)[:, None, None] for v in (preprocessing.scale, preprocessing.shift))
    return images * scale + shift
