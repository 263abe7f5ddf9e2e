"""The plain network: what a user of torch writes in twenty lines, network and recipe.

Four stages of two dense 3x3 convolutions, of which the first strides, 32 to 256 channels; 64 px by a plain
resize; mirror and one shift of up to 6 px a batch; AdamW, one cycle to 3e-3, label smoothing 0.1, batches of
64. It ends after a number of epochs or by the clock, which its one cycle then follows.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from groupwise.stats.arrays import Floats, Ints

SIZE_PX, SHIFT_PX, BATCH = 64, 6, 64
WIDTHS = (32, 64, 128, 256)
TICKS = 100_000  # of a cycle that follows the clock
AT_ONCE = 256
TIMED = 64  # images of a trial


@dataclass(frozen=True)
class Trained:
    """What training left, and what it took."""

    network: nn.Module
    epochs: float
    seconds: float
    processor_seconds: float


def plain_network(num_classes: int, channels: int = 3) -> nn.Sequential:
    """Logits of (N, C, 64, 64)."""
    stages = [_stage(i, o) for i, o in pairwise((channels, *WIDTHS))]
    return nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTHS[-1], num_classes))


def _stage(channels_in: int, channels_out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels, stride in ((channels_in, 2), (channels_out, 1)):
        convolution = nn.Conv2d(channels, channels_out, 3, stride, 1, bias=False)
        layers += [convolution, nn.BatchNorm2d(channels_out), nn.ReLU()]
    return nn.Sequential(*layers)


def train_plain(
    images: npt.NDArray[np.uint8],
    labels: Ints | npt.NDArray[np.uint8],
    num_classes: int,
    *,
    seed: int,
    epochs: int | None = None,
    seconds: float | None = None,
) -> Trained:
    """Learn from images (N, 64, 64, C) and class numbers (N,), or sets of labels (N, K), for so long."""
    assert (epochs is None) != (seconds is None)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    # As the pixels lie, channels last: torch's kernels then take them so, as in the twenty lines.
    x, y = torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(labels)
    network = plain_network(num_classes, images.shape[3])
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.05)
    steps = -(-len(x) // BATCH)
    ticks = TICKS if epochs is None else steps * epochs
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=ticks)
    started, processor, done = time.perf_counter(), time.process_time(), 0
    while True:
        for rows in np.array_split(rng.permutation(len(x)), steps):
            loss = _loss(network(_vary(x[rows], rng)), y[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            done += 1
            elapsed = time.perf_counter() - started
            if (elapsed >= seconds) if seconds is not None else (done >= ticks):
                return Trained(network, done / steps, elapsed, time.process_time() - processor)
            if seconds is not None:
                cycle.last_epoch = int(elapsed / seconds * (ticks - 1)) - 1
            cycle.step()


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with label smoothing, or of sets of labels the binary one."""
    if labels.ndim == 2:
        return F.binary_cross_entropy_with_logits(logits, labels.float())
    return F.cross_entropy(logits, labels, label_smoothing=0.1)


def normalise(images: Tensor) -> Tensor:
    """Bytes as inputs from -1 to 1."""
    return images.float() / 127.5 - 1


def _vary(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Each image mirrored or not, and all of them shifted alike."""
    inputs = normalise(images)
    inputs = torch.where(torch.rand(len(inputs), 1, 1, 1) < 0.5, inputs.flip(3), inputs)
    down, right = rng.integers(0, 2 * SHIFT_PX + 1, 2)
    padded = F.pad(inputs, (SHIFT_PX,) * 4, mode="reflect")
    return padded[:, :, down : down + SIZE_PX, right : right + SIZE_PX]


@torch.inference_mode()
def class_probabilities(
    network: nn.Module, images: npt.NDArray[np.uint8], *, several: bool = False
) -> Floats:
    """The probabilities (N, K) of images (N, 64, 64, C); with `several`, of each label apart."""
    network.eval()
    shown = torch.from_numpy(images).permute(0, 3, 1, 2)
    parts = [shown[i : i + AT_ONCE] for i in range(0, len(shown), AT_ONCE)]
    logits = torch.cat([network(normalise(part)) for part in parts])
    return (logits.sigmoid() if several else logits.softmax(1)).double().numpy()


def seconds_to_answer(num_classes: int) -> float:
    """What answering an image takes here and now, by one batch of them."""
    with torch.random.fork_rng(devices=[]):
        network = plain_network(num_classes)
    images = np.zeros((TIMED, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    class_probabilities(network, images)  # the first is slower, as kernels are chosen
    started = time.perf_counter()
    class_probabilities(network, images)
    return (time.perf_counter() - started) / TIMED
