"""Maps of chosen stages in place of logits, for detection, segmentation and whatever else builds on them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from groupwise.errors import UsageError
from groupwise.models.resnext import ResNeXt


@dataclass(frozen=True)
class FeatureInfo:
    """Maps (N, channels, H / stride, W / stride), by the name of the stage behind which they are taken."""

    name: str
    channels: int
    stride: int


class FeatureExtractor(nn.Module):
    """The maps of some stages of a network, without its head.

    Args:
        model: The network, of `create_model`, whose weights are shared and not copied.
        stages: Among `stem`, `layer1`, `layer2` and so on; all of them by default. What lies behind the last
            of them is left out.

    Raises:
        UsageError: A stage that the network does not have.

    Example:
        >>> import groupwise, torch
        >>> model = groupwise.create_model("resnext50_32x4d")
        >>> maps = groupwise.FeatureExtractor(model, ("layer2", "layer4")).eval()
        >>> [(one.name, one.channels, one.stride) for one in maps.info]
        [('layer2', 512, 8), ('layer4', 2048, 32)]
        >>> {name: tuple(found.shape) for name, found in maps(torch.zeros(1, 3, 64, 64)).items()}
        {'layer2': (1, 512, 8, 8), 'layer4': (1, 2048, 2, 2)}
    """

    def __init__(self, model: ResNeXt, stages: Sequence[str] | None = None) -> None:
        super().__init__()
        known = {one.name: one for one in feature_info(model)}
        wanted = known if stages is None else stages
        if unknown := [name for name in wanted if name not in known]:
            raise UsageError(
                f"the network has no stage {', '.join(map(repr, unknown))}",
                place="FeatureExtractor",
                remedy=f"Choose among {', '.join(known)}.",
            )
        if not wanted:
            raise UsageError("no stage is asked for", place="FeatureExtractor", remedy="Name at least one.")
        self.info = tuple(one for name, one in known.items() if name in wanted)
        self.body = _up_to(model, self.info[-1].name)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The maps of images (N, in_channels, H, W), by stage, in the order of the data."""
        maps = self.body.feature_maps(images)
        return {one.name: maps[one.name] for one in self.info}


def feature_info(model: ResNeXt) -> tuple[FeatureInfo, ...]:
    """Channels and stride of the maps behind the stem and behind each stage, in the order of the data."""
    config = model.config
    stride = {"imagenet": 4, "deep": 4, "strided": 2, "cifar": 1}[config.stem]
    found = [FeatureInfo("stem", config.planes, stride)]
    for number, name in enumerate(model.stage_names):
        stride *= config.first_stride if number == 0 else 2
        found.append(FeatureInfo(name, config.out_channels(number), stride))
    return tuple(found)


def _up_to(model: ResNeXt, last: str) -> ResNeXt:
    """The same modules, but for the head and the stages behind `last`."""
    body = copy.copy(model)
    body.stage_names = model.stage_names[: ("stem", *model.stage_names).index(last)]
    left_out = {"avgpool", "fc", *model.stage_names} - set(body.stage_names)
    body._modules = {name: module for name, module in model._modules.items() if name not in left_out}
    return body
