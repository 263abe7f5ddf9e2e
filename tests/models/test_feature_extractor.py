"""Maps of stages in place of logits, with their channels and strides."""

import pytest
import torch

from groupwise.errors import UsageError
from groupwise.models.feature_extractor import FeatureExtractor, feature_info
from groupwise.models.presets import PRESETS
from groupwise.models.resnext import ResNeXt, create_model

FAMILY = ("resnext14_32x4d", "resnest14d", "regnetx_004", "resnext29_32x4d", "resnext22_w8_cifar")


@pytest.mark.parametrize("name", FAMILY)
def test_channels_and_strides_are_those_of_the_maps(name):
    with torch.device("meta"):
        model = ResNeXt(PRESETS[name]).eval()
        maps = FeatureExtractor(model).eval()(torch.empty(2, 3, 64, 64))
    found = [(name, len(one[0]), 64 // one.shape[-1]) for name, one in maps.items()]
    assert found == [(one.name, one.channels, one.stride) for one in feature_info(model)]


def test_chosen_maps_are_the_networks_and_share_its_weights():
    model = create_model("resnext11_8x4d", planes=16, mirror_average=True).eval()
    images = torch.randn(2, 3, 32, 32)
    chosen = FeatureExtractor(model, ["layer2", "stem"]).eval()
    maps, whole = chosen(images), model.feature_maps(images)
    assert list(maps) == ["stem", "layer2"]
    assert all(torch.equal(maps[name], whole[name]) for name in maps)
    wanted = {id(p) for name, p in model.named_parameters() if name.split(".")[0] not in ("layer3", "fc")}
    assert {id(p) for p in chosen.parameters()} == wanted  # nothing that gets no gradient
    assert "layer3" in model.feature_maps(images)
    assert model(images).shape == (2, 10)


@pytest.mark.parametrize(("stages", "said"), [(["layer9"], "no stage 'layer9'"), ([], "no stage is asked")])
def test_stages_that_are_not_there_are_refused(stages, said):
    with pytest.raises(UsageError, match=said):
        FeatureExtractor(create_model("resnext11_8x4d", planes=16), stages)
