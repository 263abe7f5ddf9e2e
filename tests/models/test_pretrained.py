"""The table of weights by name, against the presets, and against what was published."""

import json
import re
from pathlib import Path

import pytest

from groupwise.cli.main import main
from groupwise.data.preprocessing import Preprocessing
from groupwise.errors import UsageError
from groupwise.models.presets import PRESETS
from groupwise.models.pretrained import RESTRICTED, WEIGHTS, find_weights, is_name


@pytest.mark.parametrize("name", WEIGHTS)
def test_each_entry_can_be_meant(name):
    one = WEIGHTS[name]
    assert one.preset in PRESETS
    assert 69 < one.score < 90
    assert (one.url is None) != (one.repository is None)
    assert Preprocessing(**one.preprocessing).image_size_px == 224
    assert one.preset in name
    assert (one.licence in RESTRICTED) == ("fb_" in name)  # Facebook's of other pictures, alone
    if one.url:
        assert re.fullmatch(r"https://download.pytorch.org/models/\w+-[0-9a-f]{8}\.pth", one.url)
        assert one.url.endswith(f"-{one.sha256}.pth")


def test_imagenet_is_the_first_of_a_preset_and_free_to_use():
    assert find_weights("imagenet", None)[0] == "torchvision/resnext50_32x4d-V2"
    for preset in {one.preset for one in WEIGHTS.values()}:
        name, one = find_weights("imagenet", preset)
        assert one.preset == preset
        assert one.licence not in RESTRICTED, name


@pytest.mark.parametrize(
    ("name", "preset", "said"),
    [
        ("imagenet", "resnext22_w8", "no weights of ImageNet are known for resnext22_w8"),
        ("timm/resnext50_32x4d.a1h_in1", None, "did you mean 'timm/resnext50_32x4d.a1h_in1k'"),
        ("timm/resnext50_32x4d.a1h_in1k", "resnet50", "are of resnext50_32x4d"),
    ],
)
def test_what_is_not_known_is_refused(name, preset, said):
    with pytest.raises(UsageError, match=said):
        find_weights(name, preset)


def test_a_path_is_no_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_name("imagenet")
    assert not is_name("weights/imagenet.pth")
    Path("imagenet").mkdir()
    assert not is_name("imagenet")  # which lies there


def test_addresses_follow_the_hubs_variables(monkeypatch, tmp_path):
    one = WEIGHTS["timm/resnext50_32x4d.a1h_in1k"]
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    usual = "https://huggingface.co/timm/resnext50_32x4d.a1h_in1k/resolve/main/model.safetensors"
    assert one.download().url == usual
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    assert one.download().url == usual.replace("huggingface.co", "mirror.example")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert one.in_hub_cache() is None
    kept = tmp_path / "hub/models--timm--resnext50_32x4d.a1h_in1k/snapshots/abc/model.safetensors"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"x")
    assert one.in_hub_cache() == kept
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    target = WEIGHTS["torchvision/resnet50-V2"].download().target
    assert target == tmp_path / "hub" / "checkpoints" / "resnet50-11ad3fa6.pth"


def test_info_lists_them(capsys):
    assert main(["info", "--weights"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in WEIGHTS)
    assert "may not be used commercially" in said
    assert main(["info", "--weights", "--json"]) == 0
    held = json.loads(capsys.readouterr().out)
    assert held["torchvision/resnext50_32x4d-V1"]["score"] == 77.618
