"""Ideas that stand trial in `ablation.py` and are no part of the package: a whitening stem, and SAM."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from groupwise.data.decode import Preprocessing
from groupwise.loader.batches import Batch, normalise
from groupwise.models.resnext import ResNeXt
from groupwise.training import epoch, step
from groupwise.training.config import FitConfig
from groupwise.training.learner import Learner
from groupwise.training.state import State
from groupwise.training.step import training_inputs


def whiten_stem(model: ResNeXt, images: npt.NDArray[np.uint8], preprocessing: Preprocessing) -> None:
    """Let the stem tell the leading principal components of its patches, each with both signs and variance 1.

    After the first layer of Jordan 2024 (arXiv 2404.00498, section 3.1).
    """
    stem = model.conv1
    inputs = normalise(torch.from_numpy(images).permute(0, 3, 1, 2).float(), preprocessing)
    patches = F.unfold(inputs, stem.kernel_size, stride=stem.stride).permute(0, 2, 1).flatten(0, 1)
    values, vectors = torch.linalg.eigh(torch.cov(patches.T))  # ascending
    half = stem.out_channels // 2
    filters = (vectors / values.clamp(min=1e-6).sqrt())[:, -half:].T.reshape(half, *stem.weight.shape[1:])
    with torch.no_grad():
        stem.weight.copy_(torch.cat([filters, -filters]))


@contextmanager
def sharpness_aware(radius: float) -> Iterator[None]:
    """Let every step of training follow the gradient at the worst point within `radius` of the weights.

    SAM (Foret et al. 2021, arXiv 2010.01412, equation 2 and algorithm 1), for one process and batches in one
    piece. The optimizer steps while the weights are there and they come back after it, so that decoupled
    weight decay also shrinks the way there, by rate times decay of it.
    """

    def take_step(batch: Batch, share: float, state: State, config: FitConfig, **classes: Any) -> None:
        ways = ascend(state.learner, *first_look(batch, state, config, **classes), radius)
        step.take_step(batch, share, state, config, **classes)
        with torch.no_grad():
            torch._foreach_sub_(list(state.learner.model.parameters()), ways)

    with mock.patch.object(epoch, "take_step", take_step):
        yield


def first_look(batch: Batch, state: State, config: FitConfig, *, num_classes: int) -> tuple[Tensor, Tensor]:
    """The images and targets that the step itself will see, where images do not grow."""
    return training_inputs(
        batch,
        config,
        num_classes=num_classes,
        image_size_px=config.preprocessing.image_size_px,
        epoch=state.finished + 1,
    )


def ascend(learner: Learner, images: Tensor, targets: Tensor, radius: float) -> list[Tensor]:
    """Move the weights by `radius` along the gradient; returns the way that each parameter went."""
    parameters: list[Tensor] = list(learner.model.parameters())
    loss = learner.loss(learner.network(images), targets) / len(images)
    gradients = list(torch.autograd.grad(loss, parameters))
    norm = torch.stack(torch._foreach_norm(gradients)).norm()
    ways = [gradient * (radius / (norm + 1e-12)) for gradient in gradients]
    with torch.no_grad():
        torch._foreach_add_(parameters, ways)
    return ways
