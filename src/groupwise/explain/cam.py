"""Heat maps on any stage: Grad-CAM, and Eigen-CAM without a gradient.

Selvaraju et al. 2017, "Grad-CAM" (arXiv 1610.02391): the maps of a stage, weighted by the mean gradient of
the class's logit. At the last stage that is the class activation map up to scale (see `heatmaps`). Muhammad
and Yeasin 2020, "Eigen-CAM" (arXiv 2008.00299): the maps along their first principal direction, of no class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from groupwise.errors import UsageError
from groupwise.inference.heatmaps import Method, is_coarse, to_heat
from groupwise.models.resnext import ResNeXt, one_look
from groupwise.stats.arrays import Floats32, Reals


def heat_maps(
    model: ResNeXt,
    inputs: Floats32,
    class_numbers: Sequence[int],
    *,
    stage: str | None = None,
    method: Method = "gradcam",
) -> Reals:
    """Heat maps (N, h, w) from 0 to 1 of normalised images (N, 3, S, S), at a stage.

    By default at the last stage whose maps are not too coarse. Raises `UsageError` for a stage that the
    network does not have.
    """
    model.eval()
    images = torch.from_numpy(inputs)
    if method == "eigencam":
        with torch.inference_mode():
            return to_heat(eigencam(_maps(model, images, stage)[0]).numpy())
    mirrors = model.config.mirror_average
    # The average of two looks at an earlier stage is not what the stages behind it see, so each has its own.
    with torch.enable_grad(), one_look(model):
        heat = _seen(model, images, class_numbers, stage)
        if mirrors:
            heat = (heat + _seen(model, images.flip(-1), class_numbers, stage).flip(-1)) / 2
    return to_heat(heat.numpy())


def _seen(model: ResNeXt, images: Tensor, class_numbers: Sequence[int], stage: str | None) -> Tensor:
    """Grad-CAM of one look at the images, (N, h, w)."""
    maps, last = _maps(model, images, stage)
    logits = model.fc(model.pool(last))
    return gradcam(maps, logits[torch.arange(len(logits)), list(class_numbers)])


def _maps(model: ResNeXt, images: Tensor, stage: str | None) -> tuple[Tensor, Tensor]:
    """The maps of the stage and of the last stage."""
    maps = model.feature_maps(images)
    name = stage or _last_fine({name: found.shape[2:] for name, found in maps.items()})
    if name not in maps:
        raise UsageError(
            f"the network has no stage {name!r}", place="--stage", remedy=f"Choose one of {', '.join(maps)}."
        )
    return maps[name], maps[model.stage_names[-1]]


def _last_fine(cells: Mapping[str, Sequence[int]]) -> str:
    """The last of the stages, named in their order, whose maps are not too coarse; else the first of all."""
    fine = [name for name, size in cells.items() if not is_coarse(size)]
    return fine[-1] if fine else next(iter(cells))


def gradcam(maps: Tensor, scores: Tensor) -> Tensor:
    """The maps (N, C, h, w) weighted by the mean gradient of the scores (N,), (N, h, w)."""
    (gradient,) = torch.autograd.grad(scores.sum(), maps)
    return torch.einsum("nc,nchw->nhw", gradient.mean((2, 3)), maps.detach())


def eigencam(maps: Tensor) -> Tensor:
    """The maps (N, C, h, w) along the direction in which they are largest, (N, h, w).

    Behind a ReLU nothing is negative, so that direction has no negative part either (Perron, Frobenius),
    which settles the sign that a singular vector leaves open.
    """
    positions = maps.flatten(2).transpose(1, 2)  # (N, hw, C)
    direction = torch.linalg.svd(positions, full_matrices=False).Vh[:, 0]  # (N, C)
    along = torch.einsum("npc,nc->np", positions, direction.abs())
    return along.reshape(len(maps), *maps.shape[2:])
