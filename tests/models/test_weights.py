"""Loads weights from every kind of file that fits, and sees those that do not refused with the reason."""

from __future__ import annotations

import json
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d, relu

from groupwise.errors import GroupwiseError
from groupwise.models.resnext import ResNeXt, create_model
from groupwise.models.weights import load_weights, save_weights


class TutorialBlock(nn.Module):
    """The tutorial's block in its own names: the first 1x1 strides, and the shortcut is conv4 and bn4."""

    def __init__(self, inputs: int, width: int, outputs: int, stride: int, has_shortcut: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, groups=32)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.has_shortcut = has_shortcut
        if has_shortcut:
            self.conv4 = nn.Conv2d(inputs, outputs, 1, stride)
            self.bn4 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.bn4(self.conv4(x)) if self.has_shortcut else x
        x = relu(self.bn1(self.conv1(x)))
        x = relu(self.bn2(self.conv2(x)))
        return relu(self.bn3(self.conv3(x)) + shortcut)


class TutorialNetwork(nn.Module):
    """The tutorial's network in its own names: conv1, bn1, part{stage}_{block}, fn1."""

    def __init__(self, depths: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3)
        self.bn1 = nn.BatchNorm2d(64)
        self.parts = []
        inputs = 64
        for stage, depth in enumerate(depths, start=1):
            width = 64 * 2**stage
            for block in range(1, depth + 1):
                stride = 2 if stage > 1 and block == 1 else 1
                self.parts.append(f"part{stage}_{block}")
                part = TutorialBlock(inputs, width, 2 * width, stride, has_shortcut=block == 1)
                self.add_module(self.parts[-1], part)
                inputs = 2 * width
        self.fn1 = nn.Linear(inputs, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = max_pool2d(relu(self.bn1(self.conv1(x))), 3, 2, padding=1)
        for part in self.parts:
            x = self.get_submodule(part)(x)
        return self.fn1(avg_pool2d(x, 7).flatten(1))


def unsettle(network: nn.Module) -> nn.Module:
    """Random statistics and scales for the normalisations, so that a mistaken one shows; evaluation mode."""
    generator = torch.Generator().manual_seed(5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.num_batches_tracked.fill_(7)
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
            nn.init.uniform_(module.weight, 0.5, 1.0, generator=generator)
            nn.init.uniform_(module.bias, -0.2, 0.2, generator=generator)
    return network.eval()


def small(**overrides: Any) -> ResNeXt:
    return create_model("resnext11_8x4d", **overrides)


def small_tutorial() -> ResNeXt:
    return create_model("resnext50_tutorial", depths=(2, 1), num_classes=2, pool_px=None)


def assert_same(model: nn.Module, other: nn.Module) -> None:
    torch.testing.assert_close(dict(model.state_dict()), dict(other.state_dict()), rtol=0, atol=0)


# What fits


def test_saved_weights_come_back_bit_for_bit(tmp_path: Path) -> None:
    model, other = unsettle(small()), small()
    save_weights(model, tmp_path / "deep/model.safetensors")
    load_weights(other, str(tmp_path / "deep/model.safetensors"))
    assert_same(other, model)
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["model.safetensors"]


def test_saved_file_is_one_that_others_read(tmp_path: Path) -> None:
    model = small().to(memory_format=torch.channels_last)
    save_weights(model, tmp_path / "model.safetensors")
    with safetensors.safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert set(file.keys()) == set(model.state_dict())
        torch.testing.assert_close(
            file.get_tensor("layer1.0.conv2.weight"), model.layer1[0].conv2.weight.data
        )


def test_same_weights_make_the_same_bytes(tmp_path: Path) -> None:
    model = small()
    save_weights(model, tmp_path / "a.safetensors")
    save_weights(model.to(memory_format=torch.channels_last), tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "before-2020"])
def test_torch_file_loads(tmp_path: Path, is_zip: bool) -> None:
    model, other = unsettle(small()), small()
    torch.save(model.state_dict(), tmp_path / "w.pth", _use_new_zipfile_serialization=is_zip)
    load_weights(other, tmp_path / "w.pth")
    assert_same(other, model)


def test_file_without_counters_of_batches_loads(tmp_path: Path) -> None:
    model, other = unsettle(small()), small()
    state = {key: value for key, value in model.state_dict().items() if "num_batches" not in key}
    torch.save(state, tmp_path / "old.pth")
    load_weights(other, tmp_path / "old.pth")
    assert other.bn1.num_batches_tracked == 0
    torch.testing.assert_close({key: other.state_dict()[key] for key in state}, state, rtol=0, atol=0)


def test_timm_folder_loads(tmp_path: Path) -> None:
    model, other = unsettle(small()), small()
    safetensors.torch.save_file(model.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnext11", "num_classes": 10}))
    load_weights(other, tmp_path)
    assert_same(other, model)


def test_half_precision_file_fills_a_single_precision_network(tmp_path: Path) -> None:
    model, other = small(), small()
    torch.save(model.half().state_dict(), tmp_path / "half.pth")
    load_weights(other, tmp_path / "half.pth")
    assert other.conv1.weight.dtype == torch.float32
    assert_same(other, model.float())


def test_replace_head_keeps_the_fresh_head_and_loads_the_rest(tmp_path: Path) -> None:
    model, other = unsettle(small()), small(num_classes=3)
    head = other.fc.weight.clone()
    save_weights(model, tmp_path / "w.safetensors")
    load_weights(other, tmp_path / "w.safetensors", replace_head=True)
    assert torch.equal(other.fc.weight, head)
    assert_same(other.layer3, model.layer3)


def test_replace_head_takes_a_file_without_a_head(tmp_path: Path) -> None:
    model, other = unsettle(small()), small(num_classes=3)
    torch.save({k: v for k, v in model.state_dict().items() if not k.startswith("fc.")}, tmp_path / "w.pth")
    load_weights(other, tmp_path / "w.pth", replace_head=True)
    assert_same(other.layer3, model.layer3)


def test_not_strict_passes_over_what_only_one_side_has(tmp_path: Path) -> None:
    model, other = unsettle(small()), small(depths=(1, 2, 1))
    own = other.layer2[1].conv1.weight.clone()
    torch.save({**model.state_dict(), "extra.weight": torch.zeros(1)}, tmp_path / "w.pth")
    load_weights(other, tmp_path / "w.pth", strict=False)
    assert torch.equal(other.layer2[1].conv1.weight, own)
    assert_same(other.layer3, model.layer3)


# The tutorial


def test_tutorial_file_loads_strictly_and_gives_its_logits(tmp_path: Path) -> None:
    tutorial = unsettle(TutorialNetwork((3, 4, 6, 3), num_classes=2))
    torch.save(tutorial.state_dict(), tmp_path / "best_model.pth")
    model = create_model("resnext50_tutorial", num_classes=2)
    load_weights(model, tmp_path / "best_model.pth")
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(model.eval()(images), tutorial(images), rtol=1e-5, atol=1e-5)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "shortcut as a sequence": lambda key: key.replace("conv4.", "shortcut.0.").replace("bn4.", "shortcut.1."),
    "shortcut by name": lambda key: key.replace("conv4.", "short_conv.").replace("bn4.", "short_bn."),
    "stem as a sequence": lambda key: re.sub(
        r"^(conv|bn)1\.", lambda m: "stem.0." if m[1] == "conv" else "stem.1.", key
    ),
    "layers as sequences": lambda key: re.sub(
        r"(?<=\.)(conv|bn)([123])\.", lambda m: f"conv{m[2]}.{0 if m[1] == 'conv' else 1}.", key
    ),
    "another head": lambda key: key.replace("fn1.", "fc."),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_copies_of_the_tutorial_with_other_names_load(tmp_path: Path, spelling: str) -> None:
    state = unsettle(TutorialNetwork((2, 1), num_classes=2)).state_dict()
    renamed = {SPELLINGS[spelling](key): value for key, value in state.items()}
    assert renamed.keys() != state.keys()
    torch.save(state, tmp_path / "a.pth")
    torch.save(renamed, tmp_path / "b.pth")
    first, second = small_tutorial(), small_tutorial()
    load_weights(first, tmp_path / "a.pth")
    load_weights(second, tmp_path / "b.pth")
    assert_same(second, first)


def test_tutorial_file_in_another_network_is_sent_to_its_preset(tmp_path: Path) -> None:
    torch.save(TutorialNetwork((2, 1), num_classes=2).state_dict(), tmp_path / "w.pth")
    model = create_model("resnext50_32x4d", depths=(2, 1), num_classes=2)
    with pytest.raises(
        GroupwiseError, match=r"has weights unknown to the network, 12 in all: conv1\.bias,"
    ) as caught:
        load_weights(model, tmp_path / "w.pth")
    assert "create_model('resnext50_tutorial'" in caught.value.remedy


def test_tutorial_file_with_two_layers_for_one_place_is_refused(tmp_path: Path) -> None:
    state = TutorialNetwork((2, 1), num_classes=2).state_dict()
    state["part1_1.conv9.weight"] = state["part1_1.conv4.weight"]
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(
        GroupwiseError, match=r"two layers for one place .*'part1_1\.conv9\.weight' is the second"
    ):
        load_weights(small_tutorial(), tmp_path / "w.pth")


# What does not fit


def test_head_for_other_classes_names_the_remedy(tmp_path: Path) -> None:
    save_weights(small(), tmp_path / "w.safetensors")
    with pytest.raises(GroupwiseError, match="its head is for 10 classes, the network's for 2") as caught:
        load_weights(small(num_classes=2), tmp_path / "w.safetensors")
    assert "`replace_head=True`" in caught.value.remedy
    assert caught.value.place == str(tmp_path / "w.safetensors")


def test_missing_and_unexpected_keys_are_named_five_at_most(tmp_path: Path) -> None:
    torch.save(small(depths=(1, 1, 2)).state_dict(), tmp_path / "w.pth")
    with pytest.raises(GroupwiseError) as caught:
        load_weights(small(depths=(1, 2, 1)), tmp_path / "w.pth")
    fact = caught.value.fact
    assert "lacks 15 of the network's weights: layer2.1.conv1.weight, layer2.1.bn1.weight, " in fact
    assert "has weights unknown to the network, 18 in all: layer3.1.conv1.weight, " in fact
    assert fact.count("layer2.1.") == fact.count("layer3.1.") == 5
    assert " and 10 more; " in fact
    assert fact.endswith(" and 13 more")
    assert "create_model" in caught.value.remedy


def test_few_keys_are_all_named(tmp_path: Path) -> None:
    state = small().state_dict()
    del state["bn1.weight"]
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(GroupwiseError, match=r"lacks 1 of the network's weights: bn1\.weight\. Build"):
        load_weights(small(), tmp_path / "w.pth")


@pytest.mark.parametrize("strict", [True, False])
def test_other_shapes_are_never_passed_over(tmp_path: Path, strict: bool) -> None:
    torch.save(small(planes=64).state_dict(), tmp_path / "w.pth")
    with pytest.raises(
        GroupwiseError, match=r"differ in shape .* conv1\.weight \(64, 3, 3, 3\) for \(32, 3, 3, 3\)"
    ):
        load_weights(small(), tmp_path / "w.pth", strict=strict)


def test_refused_file_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    model = small()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for name, other in {"shape": small(planes=64), "keys": small(depths=(1, 1, 2))}.items():
        torch.save(other.state_dict(), tmp_path / f"{name}.pth")
        with pytest.raises(GroupwiseError):
            load_weights(model, tmp_path / f"{name}.pth")
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth", "legacy.pth"])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999])
def test_truncated_file_is_called_damaged(tmp_path: Path, name: str, kept: float) -> None:
    if name.endswith(".pth"):
        is_zip = name == "model.pth"
        torch.save(small().state_dict(), tmp_path / name, _use_new_zipfile_serialization=is_zip)
    else:
        save_weights(small(), tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(GroupwiseError, match="damaged, or not a file of weights"):
        load_weights(small(), tmp_path / name)


class Misbuilt:
    """Unpickles as a tensor that lacks most of what makes one."""

    def __reduce__(self) -> tuple[Any, ...]:
        return torch._utils._rebuild_tensor_v2, (1,)


def test_tensor_that_cannot_be_built_is_called_damaged(tmp_path: Path) -> None:
    torch.save({"conv1.weight": Misbuilt()}, tmp_path / "w.pth")
    with pytest.raises(GroupwiseError, match="damaged, or not a file of weights"):
        load_weights(small(), tmp_path / "w.pth")


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["zip", "legacy", "safetensors"]),
    places=st.lists(st.floats(0, 1, exclude_max=True).map(lambda x: x**4), min_size=1, max_size=20),
    value=st.integers(0, 255),
)
def test_spoilt_bytes_never_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, kind: str, places: list[float], value: int
) -> None:
    model = small(depths=(1,), planes=16)
    file = tmp_path_factory.mktemp("spoilt") / ("w.safetensors" if kind == "safetensors" else "w.pth")
    if kind == "safetensors":
        save_weights(model, file)
    else:
        torch.save(model.state_dict(), file, _use_new_zipfile_serialization=kind == "zip")
    content = bytearray(file.read_bytes())
    for place in places:  # most of them near the beginning, where the structure is
        content[int(place * len(content))] = value
    file.write_bytes(content)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    try:
        load_weights(model, file)
    except GroupwiseError:  # a refused file leaves the network as it was
        assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", ["page.pth", "page.safetensors"])
@pytest.mark.parametrize(
    "content", [b"<!doctype html><title>404</title>" * 9, b"\x00" * 99, b"\x80\x02]" * 9]
)
def test_file_of_something_else_is_called_damaged(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GroupwiseError, match="damaged, or not a file of weights"):
        load_weights(small(), tmp_path / name)


def test_whole_network_in_a_torch_file_is_refused_by_the_name_of_its_class(tmp_path: Path) -> None:
    torch.save(small(), tmp_path / "model.pth")
    with pytest.raises(
        GroupwiseError, match=r"holds pickled code \(groupwise\.models\.resnext\.ResNeXt\)"
    ) as caught:
        load_weights(small(), tmp_path / "model.pth")
    assert "state_dict" in caught.value.remedy


class Malicious:
    """Unpickles by making a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("with_torch", [True, False], ids=["torch file", "bare pickle"])
def test_pickled_code_does_not_run(tmp_path: Path, with_torch: bool) -> None:
    state = {"conv1.weight": Malicious(tmp_path / "harm")}
    if with_torch:
        torch.save(state, tmp_path / "w.pth")
    else:
        (tmp_path / "w.pth").write_bytes(pickle.dumps(state, protocol=2))
    with pytest.raises(GroupwiseError):
        load_weights(small(), tmp_path / "w.pth")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("content", "held"),
    [
        ({"epoch": 3, "model": {"conv1.weight": torch.zeros(1)}}, "epoch, model"),
        ([torch.zeros(1)], "list"),
        ({}, "nothing"),
    ],
)
def test_file_without_tensors_by_name_says_what_it_holds(tmp_path: Path, content: object, held: str) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(GroupwiseError, match=f"something else than tensors by name: {held}"):
        load_weights(small(), tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["none.pth", "none.safetensors", "folder"])
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    place = tmp_path / name / "model.safetensors" if name == "folder" else tmp_path / name
    with pytest.raises(GroupwiseError, match="no such file") as caught:
        load_weights(small(), tmp_path / name)
    assert caught.value.place == str(place)


@pytest.mark.parametrize("stem", ["cifar", "deep"])
@pytest.mark.parametrize("channels", [1, 6])
def test_a_stem_for_other_channels_answers_equal_ones_as_before(
    tmp_path: Path, stem: str, channels: int
) -> None:
    values = {"planes": 16, "depths": (1,), "stem": stem}
    saved = create_model("resnext11_8x4d", **values).eval()
    save_weights(saved, tmp_path / "w.safetensors")
    adapted = create_model("resnext11_8x4d", **values, in_channels=channels).eval()
    with pytest.raises(GroupwiseError, match=f"sees 3 channels, this one {channels}.*adapt_stem=True"):
        load_weights(adapted, tmp_path / "w.safetensors")
    load_weights(adapted, tmp_path / "w.safetensors", adapt_stem=True)
    grey = torch.randn(2, 1, 32, 32)
    expected = saved(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(adapted(grey.expand(-1, channels, -1, -1)), expected)


def test_four_channels_are_red_green_blue_and_red(tmp_path: Path) -> None:
    saved = create_model("resnext11_8x4d", planes=16, depths=(1,))
    save_weights(saved, tmp_path / "w.safetensors")
    adapted = create_model("resnext11_8x4d", planes=16, depths=(1,), in_channels=4)
    load_weights(adapted, tmp_path / "w.safetensors", adapt_stem=True)
    red, green, blue = saved.conv1.weight.unbind(1)
    torch.testing.assert_close(
        adapted.conv1.weight, torch.stack([red, green, blue, red], 1) * 3 / 4, rtol=0, atol=0
    )


@pytest.mark.parametrize("planes", [32, 16])
def test_the_preset_of_a_file_that_does_not_fit_is_named(tmp_path: Path, planes: int) -> None:
    save_weights(create_model("resnext11_8x4d", planes=planes, num_classes=3), tmp_path / "w.safetensors")
    with pytest.raises(GroupwiseError) as caught:
        load_weights(create_model("resnext11_8x4d", depths=(1, 1)), tmp_path / "w.safetensors")
    named = "It fits the preset resnext11_8x4d: --model.preset resnext11_8x4d"
    assert (named in caught.value.remedy) == (planes == 32)


@pytest.mark.parametrize("save", [torch.save, safetensors.torch.save_file])
@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_keys_of_a_wrapped_network_are_read(
    tmp_path: Path, prefix: str, save: Callable[[dict[str, Tensor], Path], None]
) -> None:
    model, again, file = small(), small(), tmp_path / f"w.{save.__module__.partition('.')[0]}"
    save({prefix + key: tensor for key, tensor in model.state_dict().items()}, file)
    load_weights(again, file)
    assert all(torch.equal(one, again.state_dict()[key]) for key, one in model.state_dict().items())
    part = {(prefix if key == "fc.bias" else "") + key: one for key, one in model.state_dict().items()}
    save(part, file)  # one key alone is no wrapper
    with pytest.raises(GroupwiseError, match="has weights unknown to the network, 1 in all"):
        load_weights(again, file)


@pytest.mark.parametrize("key", ["conv1.weight", "fc.weight", "fc.bias"])
@pytest.mark.parametrize("shape", [(), (2,)])
def test_a_weight_of_another_rank_is_named(tmp_path: Path, key: str, shape: tuple[int, ...]) -> None:
    model, words = small(num_classes=3), rf"1 of its weights differ in shape .*: {re.escape(key)} "
    if key == "fc.bias" and shape:  # which has its rank, of two classes
        words = "its head is for 2 classes"
    torch.save(model.state_dict() | {key: torch.zeros(shape)}, tmp_path / "w.pth")
    with pytest.raises(GroupwiseError, match=words):
        load_weights(model, tmp_path / "w.pth")


@pytest.mark.parametrize(("value", "finite"), [(float("nan"), False), (float("inf"), False), (1e30, True)])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, value: float, finite: bool) -> None:
    state = small().state_dict()
    state["conv1.weight"][0, 0, 0, 0] = value
    torch.save(state, tmp_path / "w.pth")
    if finite:
        load_weights(small(), tmp_path / "w.pth")
        return
    with pytest.raises(GroupwiseError, match=r"1 of its weights hold what is no finite number: conv1.weight"):
        load_weights(small(), tmp_path / "w.pth")
