"""Values that change how a network learns and not what it answers: drop path, activation checkpointing."""

import copy

import pytest
import torch
from torch import nn

from fit_case import fit, small_config, small_data
from groupwise.errors import UsageError
from groupwise.models.blocks import DropPath
from groupwise.models.config import ResNeXtConfig
from groupwise.models.resnext import create_model
from groupwise.training.side_by_side import side_by_side

SMALL = {"depths": (2, 1), "cardinality": 2, "planes": 16, "num_classes": 3}
IMAGES, LABELS = torch.randn(6, 3, 16, 16), torch.arange(6) % 3


def small(**values):
    torch.manual_seed(0)
    return create_model("resnext11_8x4d", **SMALL | values)


def learn(model):
    """Gradients and statistics after one pass whose random numbers are always the same."""
    torch.manual_seed(1)
    nn.functional.cross_entropy(model(IMAGES), LABELS).backward()
    return {name: p.grad for name, p in model.named_parameters()}, dict(model.named_buffers())


def test_drop_path_rises_with_the_depth_to_its_value():
    paths = [module.p for module in small(drop_path=0.3).modules() if isinstance(module, DropPath)]
    assert paths == pytest.approx([0.1, 0.2, 0.3])
    assert not any(isinstance(module, DropPath) for module in small().modules())


def test_drop_path_takes_whole_images_as_often_as_said_and_keeps_the_mean():
    torch.manual_seed(0)
    drop = DropPath(0.25)
    found = drop(torch.ones(4000, 2, 3, 3))
    kept = found[:, 0, 0, 0] > 0
    assert torch.equal(found, (kept / 0.75)[:, None, None, None].expand_as(found))
    assert kept.float().mean().item() == pytest.approx(0.75, abs=0.03)  # four standard errors
    assert torch.equal(drop.eval()(IMAGES), IMAGES)


BASIC = {"block": "basic", "expansion": 1, "cardinality": 1, "base_width": 64}


@pytest.mark.parametrize("values", [{}, {"block": "plain", "halving": "avgpool", "expansion": 1}], ids=str)
def test_a_dropped_block_is_its_shortcut(values):
    model = small(drop_path=1 - 1e-9, depths=(0, 1) if values else (1,), **values).train()
    block = next(m for m in model.modules() if hasattr(m, "drop_path"))
    x = torch.randn(4, block.conv1.in_channels, 8, 8)
    shortcut = x if values else block.downsample(x)
    torch.testing.assert_close(block(x.clone()), shortcut.relu())
    assert not torch.allclose(block.eval()(x.clone()), shortcut.relu(), atol=0.01)


def test_answers_and_keys_are_those_without_drop_path():
    plain, dropping = small().eval(), small(drop_path=0.5).eval()
    assert plain.state_dict().keys() == dropping.state_dict().keys()
    assert torch.equal(plain(IMAGES), dropping(IMAGES))
    assert not torch.allclose(plain.train()(IMAGES), dropping.train()(IMAGES))


def test_pieces_at_once_leave_chance_alone():
    torch.set_num_threads(2)
    assert side_by_side(small(), 64, None) is not None
    assert side_by_side(small(drop_path=0.5), 64, None) is None


@pytest.mark.parametrize(
    "values", [{}, {"drop_path": 0.5}, {"radix": 2, "base_width": 8}, BASIC | {"drop_path": 0.5}], ids=str
)
def test_activation_checkpointing_learns_the_very_same(values):
    plain = small(**values).train()
    keeping = small(**values, activation_checkpointing=True).train()
    gradients, statistics = learn(plain)
    again, followed = learn(keeping)
    torch.testing.assert_close(again, gradients, rtol=0, atol=0)
    torch.testing.assert_close(followed, statistics, rtol=0, atol=0)


def test_a_frozen_normalisation_stays_frozen_when_computed_again():
    plain, keeping = small(), small(activation_checkpointing=True)
    for model in (plain, keeping):
        model.train().layer1.eval()
    torch.testing.assert_close(learn(keeping), learn(plain), rtol=0, atol=0)


def test_activation_checkpointing_keeps_the_inputs_of_blocks_alone():
    def kept(model):
        """Bytes that a pass leaves for the backward pass."""
        sizes = {}

        def pack(tensor):
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model.train()(IMAGES).sum()
        return sum(sizes.values())

    deep = {"depths": (4, 4)}
    assert kept(small(**deep, activation_checkpointing=True)) < 0.5 * kept(small(**deep))


def test_a_training_ends_with_the_same_weights(tmp_path):
    fitted = [
        fit(
            small(num_classes=2, activation_checkpointing=on),
            small_data(),
            small_config(epochs=1),
            checkpoints=tmp_path / str(on),
        )
        for on in (False, True)
    ]
    torch.testing.assert_close(fitted[0].weights, fitted[1].weights, rtol=0, atol=0)


def test_a_copy_of_a_network_recomputes_its_own_blocks():
    first = small(activation_checkpointing=True).train()
    second = copy.deepcopy(first)
    learn(second)
    assert torch.equal(first.bn1.running_mean, torch.zeros(16))


@pytest.mark.parametrize(
    "values",
    [
        {"drop_path": 1.0},
        {"drop_path": -0.1},
        {"drop_path": 0.1, "block": "plain", "halving": "avgpool", "expansion": 1, "shortcut": False},
        {"radix": -1},
        {"radix": 2, "conv_bias": True},
        {"radix": 3},
        {"radix": 2, "cardinality": 12},
        {"radix": 2, "block": "plain", "halving": "avgpool", "expansion": 1},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(values):
    with pytest.raises(UsageError, match=r"model\.overrides\.(drop_path|radix)"):
        ResNeXtConfig(**values)
