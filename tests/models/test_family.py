"""ResNet-18, SE-ResNeXt, ResNeXt-D, ResNeSt and RegNets against timm's logits for the same weights."""

import dataclasses
import json
import re
import runpy
from pathlib import Path

import pytest
import safetensors.torch
import torch

from groupwise.errors import UsageError
from groupwise.models.presets import PRESETS
from groupwise.models.resnext import ResNeXt, create_model
from groupwise.models.weights import load_weights, regnet_key

FINGERPRINT = json.loads(Path(__file__).with_name("timm_fingerprint.json").read_text())
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NEARLY = {
    "resnet18": {"shortcut_pool": True},
    "resnest14d": {"radix": 1},
    "regnetx_008": {"group_width": 32},
    "regnety_008": {"se_ratio": 0.125},
}


@pytest.fixture(scope="module")
def parity():
    return runpy.run_path(str(BENCHMARKS / "torchvision_parity.py"))


@pytest.mark.parametrize("name", FINGERPRINT["logits"])
def test_logits_are_timms_for_the_same_weights(name, parity):
    expected, tolerance = torch.tensor(FINGERPRINT["logits"][name]), FINGERPRINT["tolerance"]

    def logits(**changes):
        found = parity["logits"](
            parity["fill_network"](create_model(name, **changes)), FINGERPRINT["size_px"]
        )
        return found[:, parity["CLASSES"]]

    torch.testing.assert_close(logits(), expected, rtol=tolerance, atol=tolerance)
    if name in NEARLY:
        assert (logits(**NEARLY[name]) - expected).abs().max() > 0.01


@pytest.mark.parametrize("name", ["regnetx_008", "regnety_008"])
def test_timms_names_of_a_regnet_are_read(name, tmp_path):
    small = dataclasses.replace(PRESETS[name], depths=(1, 2), widths=(16, 32), group_width=8, num_classes=3)
    torch.manual_seed(0)
    saved, loaded = ResNeXt(small), ResNeXt(small)
    theirs = {_timm_key(key): tensor for key, tensor in saved.state_dict().items()}
    assert {regnet_key(key) for key in theirs} == saved.state_dict().keys()
    safetensors.torch.save_file(theirs, tmp_path / "regnet.safetensors")
    load_weights(loaded, tmp_path / "regnet.safetensors")
    for key, tensor in saved.state_dict().items():
        assert (tensor == loaded.state_dict()[key]).all(), key


def _timm_key(key):
    part, _, rest = key.partition(".")
    if not part.startswith("layer"):
        names = {"conv1": "stem.conv", "bn1": "stem.bn", "fc": "head.fc"}
        return f"{names[part]}.{rest}"
    block, _, rest = rest.partition(".")
    rest = rest.replace("downsample.0.", "downsample.conv.").replace("downsample.1.", "downsample.bn.")
    rest = re.sub(r"^(conv|bn)([123])\.", r"conv\2.\1.", rest)
    return f"s{part[5:]}.b{int(block) + 1}.{rest}"


@pytest.mark.parametrize(
    "change",
    [
        {"widths": (16,)},
        {"widths": (16, 0, 32, 64)},
        {"first_stride": 3},
        {"widths": (20, 40, 80, 160), "group_width": 16},
        {"widths": (24,)},  # too few, of a width that fits
        {"halving": "grouped3x3"},  # of the stem's 32 channels no 24 are a part
        {"group_width": None, "cardinality": 25},
    ],
)
def test_values_that_make_no_network_are_refused(change):
    with pytest.raises(UsageError):
        create_model("regnetx_016", **change)
