"""Ideas that stand trial in `ablation.py` and are no part of the package: a whitening stem, and SAM."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from groupwise.data.decode import Preprocessing
from groupwise.loader.batches import Batch, normalise
from groupwise.models.resnext import ResNeXt
from groupwise.training.learner import Learner
from groupwise.training.step import training_inputs
from groupwise.training.trainer import Trainer


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


class SharpnessAwareTrainer(Trainer):
    """Every step of training follows the gradient at the worst point within `radius` of the weights.

    SAM (Foret et al. 2021, arXiv 2010.01412, equation 2 and algorithm 1), for one process and batches in one
    piece. The optimizer steps while the weights are there and they come back after it, so that decoupled
    weight decay also shrinks the way there, by rate times decay of it.
    """

    def __init__(self, *arguments: Any, radius: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.radius = radius

    def train_step(self, batch: Batch, progress: float) -> None:
        ways = ascend(self.learner, *self._first_look(batch), self.radius)
        super().train_step(batch, progress)
        with torch.no_grad():
            torch._foreach_sub_(list(self.learner.model.parameters()), ways)

    def _first_look(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The images and targets that the step itself will see, where images do not grow."""
        return training_inputs(
            batch,
            self.config,
            num_classes=self.data.num_classes,
            image_size_px=self.config.preprocessing.image_size_px,
            epoch=self.state.finished + 1,
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
