"""airbench94 on a processor: the peer of `cifar.py`.

The recipe of Keller Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (arXiv 2404.00498), in the
newer form of github.com/KellerJordan/cifar10-airbench (`airbench94_muon.py`, 2025), which needs 8 epochs in
place of 9.9: written anew from paper and repository, with every number of theirs. A frozen 2x2 convolution
whitens the pixels; six 3x3 convolutions begin as the identity; batch normalisation has no scale; Muon moves
the convolutions with their norm held; images are mirrored in every second epoch and shifted by up to 2 px;
answers are the mean of six views. What differs is the machine's: weights of float32, computed with in
bfloat16 by autocast, for float16, and no `torch.compile`, which takes 1.15 times as long on the processor
measured.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BATCH, EPOCHS, WHITENED_EPOCHS = 2000, 8, 3
WIDTHS = (64, 256, 256)
SHIFT_PX = 2
BIAS_RATE, HEAD_RATE, MUON_RATE = 0.053, 0.67, 0.24
DECAY = 2e-6 * BATCH
SMOOTHING = 0.2
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
QUINTIC, NEWTON_STEPS = (3.4445, -4.7750, 2.0315), 3

View = tuple[int, bool, float]  # shift down and right in px, whether mirrored, and weight
# Whole images weigh as much as the two that are shifted
VIEWS: tuple[View, ...] = tuple(
    (shift, mirrored, share)
    for shift, share in ((0, 0.25), (-1, 0.125), (1, 0.125))
    for mirrored in (False, True)
)


class AirbenchNet(nn.Module):
    """Logits of (N, 3, 32, 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        self.whiten.weight.requires_grad_(requires_grad=False)
        layers: list[nn.Module] = [nn.GELU()]
        channels = 24
        for width in WIDTHS:
            for within, pool in ((channels, nn.MaxPool2d(2)), (width, nn.Identity())):
                convolution = nn.Conv2d(within, width, 3, padding=1, bias=False)
                nn.init.dirac_(convolution.weight[:within])
                normal = nn.BatchNorm2d(width, eps=1e-12, momentum=0.4)
                normal.weight.requires_grad_(requires_grad=False)
                layers += [convolution, pool, normal, nn.GELU()]
            channels = width
        self.layers = nn.Sequential(*layers, nn.MaxPool2d(3), nn.Flatten())
        self.head = nn.Linear(channels, 10, bias=False)
        with torch.no_grad():
            self.head.weight.div_(self.head.weight.std())

    def forward(self, images: Tensor, *, whitening_learns: bool = False) -> Tensor:
        bias = self.whiten.bias
        assert bias is not None
        x = F.conv2d(images, self.whiten.weight, bias if whitening_learns else bias.detach())
        with torch.autocast("cpu", torch.bfloat16):
            logits: Tensor = self.head(self.layers(x.bfloat16())) / self.head.in_features
        return logits.float()

    @torch.no_grad()
    def whiten_like(self, images: Tensor) -> None:
        """Filters and their negatives that give the 2x2 patches of `images` the identity as covariance."""
        patches = F.unfold(images, 2).transpose(1, 2).reshape(-1, 12)
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (vectors.T / (values[:, None] + 5e-4).sqrt()).reshape(12, 3, 2, 2)
        self.whiten.weight.copy_(torch.cat([filters, -filters]))


class NormedMuon:
    """Muon whose weights are brought to the norm of an orthogonal matrix of as many filters at each step."""

    def __init__(self, weights: list[nn.Parameter], momentum: float = 0.6) -> None:
        self.weights, self.momentum = weights, momentum
        self.kept = [torch.zeros_like(weight) for weight in weights]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for weight, kept in zip(self.weights, self.kept, strict=True):
            assert weight.grad is not None
            kept.mul_(self.momentum).add_(weight.grad)
            ahead = weight.grad.add(kept, alpha=self.momentum)  # Nesterov
            weight.mul_(len(weight) ** 0.5 / weight.norm())
            weight.sub_(_orthogonal(ahead.reshape(len(ahead), -1)).reshape(weight.shape), alpha=rate)


def _orthogonal(matrix: Tensor) -> Tensor:
    """All of these matrices are wide."""
    a, b, c = QUINTIC
    x = matrix / (matrix.norm() + 1e-7)
    for _ in range(NEWTON_STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


class Training:
    """All that training changes, and a step of it."""

    def __init__(self, images: Tensor, steps: int) -> None:
        self.network = AirbenchNet()
        self.network.whiten_like(images)
        self.network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        named = dict(self.network.named_parameters())
        biases = [p for name, p in named.items() if name.startswith("layers") and p.ndim == 1]
        groups = (
            ([self.network.whiten.bias], BIAS_RATE),
            ([bias for bias in biases if bias.requires_grad], BIAS_RATE),
            ([self.network.head.weight], HEAD_RATE),
        )
        self.sgd = torch.optim.SGD(
            [{"params": params, "lr": rate, "weight_decay": DECAY / rate} for params, rate in groups],
            momentum=0.85,
            nesterov=True,
            fused=True,
        )
        self.rates = [rate for _, rate in groups]
        self.muon = NormedMuon([p for name, p in named.items() if name.startswith("layers") and p.ndim == 4])
        self.steps, self.done = steps, 0

    def step(self, images: Tensor, labels: Tensor, whitened_steps: int) -> None:
        logits = self.network(images, whitening_learns=self.done < whitened_steps)
        self.network.zero_grad(set_to_none=True)
        F.cross_entropy(logits, labels, label_smoothing=SMOOTHING, reduction="sum").backward()  # type: ignore[no-untyped-call]
        left = 1 - self.done / self.steps
        falls = (max(0.0, 1 - self.done / whitened_steps), left, left)
        for group, rate, fall in zip(self.sgd.param_groups, self.rates, falls, strict=True):
            group["lr"] = rate * fall
        self.sgd.step()
        self.muon.step(MUON_RATE * left)
        self.done += 1

    def state_dict(self) -> dict[str, Any]:
        parts = {"network": self.network.state_dict(), "sgd": self.sgd.state_dict()}
        return {**parts, "muon": self.muon.kept, "done": self.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.sgd.load_state_dict(state["sgd"])
        self.muon.kept, self.done = list(state["muon"]), state["done"]


def normalise(images: Tensor) -> Tensor:
    """Bytes (N, 3, 32, 32) as inputs."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    inputs: Tensor = (images.float() / 255 - mean) / std
    return inputs.contiguous(memory_format=torch.channels_last)


def vary(images: Tensor, seed: int, epoch: int) -> Tensor:
    """Each image shifted, and mirrored in every second epoch, counted from 0, half of them in the first."""
    first = torch.rand(len(images), generator=torch.Generator().manual_seed(seed)) < 0.5
    mirrored = first ^ (epoch % 2 == 1)
    images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
    padded = F.pad(images, (SHIFT_PX,) * 4, mode="reflect")
    places = torch.randint(2 * SHIFT_PX + 1, (len(images), 2), generator=_generator(seed, epoch))
    varied = torch.empty_like(images)
    for top in range(2 * SHIFT_PX + 1):
        for left in range(2 * SHIFT_PX + 1):
            here = (places[:, 0] == top) & (places[:, 1] == left)
            varied[here] = padded[here, :, top : top + 32, left : left + 32]
    return varied


def _generator(seed: int, epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed(1000 * (seed + 1) + epoch)


def train(
    images: Tensor,
    labels: Tensor,
    *,
    seed: int,
    epochs: int,
    folder: Path,
    tell: Callable[[int, Callable[[Tensor], Tensor]], None],
) -> None:
    """Learn from bytes (N, 3, 32, 32); `tell` is given each epoch's number and what answers images then.

    Goes on from the checkpoint in `folder`, if there is one.
    """
    torch.manual_seed(seed)
    known, checkpoint = normalise(images), folder / "airbench.pt"
    an_epoch = len(images) // BATCH
    some = torch.randperm(len(known), generator=_generator(seed, epochs))[:5000]  # files come class by class
    training = Training(known[some], epochs * an_epoch)
    if checkpoint.is_file():
        training.load_state_dict(torch.load(checkpoint))
    for epoch in range(training.done // an_epoch, epochs):
        training.network.train()
        varied = vary(known, seed, epoch)
        order = torch.randperm(len(images), generator=_generator(seed, epoch))
        for rows in order[: an_epoch * BATCH].split(BATCH):
            training.step(varied[rows], labels[rows], WHITENED_EPOCHS * an_epoch)
        torch.save(training.state_dict(), checkpoint)
        last = epoch + 1 == epochs  # as published: the six views for the result alone, since they take longer
        tell(epoch + 1, partial(answers, training.network, views=VIEWS if last else VIEWS[:1]))


@torch.inference_mode()
def answers(network: AirbenchNet, images: Tensor, *, views: tuple[View, ...]) -> Tensor:
    """Class numbers of bytes (N, 3, 32, 32) by the weighted mean of `views`."""
    network.eval()
    found = []
    for part in normalise(images).split(BATCH):
        padded = F.pad(part, (1,) * 4, mode="reflect")
        logits = torch.zeros(len(part), 10)
        for shift, is_mirrored, share in views:
            corner = 1 + shift
            view = padded[:, :, corner : corner + 32, corner : corner + 32]
            logits += share * network(view.flip(-1) if is_mirrored else view)
        found.append(logits.argmax(1))
    return torch.cat(found)
