"""The network of a recipe: weights for other channels than theirs, and values that do not go together."""

from types import SimpleNamespace

import pytest
import torch

from groupwise.data.preprocessing import Preprocessing
from groupwise.errors import UsageError
from groupwise.models.resnext import create_model
from groupwise.models.weights import save_weights
from groupwise.pipeline.create import _refuse_what_cannot_be_meant
from groupwise.pipeline.train import new_model
from groupwise.recipe.recipe import ModelConfig, Recipe
from groupwise.recipe.training import TrainingConfig

SMALL = {"planes": 16, "depths": (1,)}


def test_weights_of_three_channels_begin_a_network_of_five(tmp_path):
    saved = create_model("resnext11_8x4d", **SMALL)
    save_weights(saved, tmp_path / "w.safetensors")
    model = ModelConfig("resnext11_8x4d", SMALL, weights=str(tmp_path / "w.safetensors"))
    recipe = Recipe(model=model, data=Preprocessing(channels=(1, 2, 3, 4, 5)))
    _refuse_what_cannot_be_meant(SimpleNamespace(recipe=recipe))
    net = new_model(recipe, num_classes=2)
    assert net.conv1.in_channels == 5
    torch.testing.assert_close(net.conv1.weight[:, 3], saved.conv1.weight[:, 0] * 3 / 5)
    assert torch.equal(net.layer1[0].conv1.weight, saved.layer1[0].conv1.weight)


def test_processes_begin_with_equal_weights_and_draw_on_their_own():
    recipe = Recipe(model=ModelConfig("resnext11_8x4d", SMALL), seed=5)
    nets, draws = zip(
        *((new_model(recipe, 2, rank=rank), torch.rand(4)) for rank in (0, 0, 1, 2)), strict=True
    )
    assert all(torch.equal(net.fc.weight, nets[0].fc.weight) for net in nets)
    assert torch.equal(draws[0], draws[1])
    assert len(torch.stack(draws).unique(dim=0)) == 3


@pytest.mark.parametrize("compiled", [True, False])
def test_compiling_and_computing_again_do_not_go_together(compiled):
    model = ModelConfig("resnext11_8x4d", {**SMALL, "activation_checkpointing": True})
    request = SimpleNamespace(recipe=Recipe(model=model, training=TrainingConfig(compile=compiled)))
    if not compiled:
        _refuse_what_cannot_be_meant(request)
        return
    with pytest.raises(UsageError, match=r"activation_checkpointing.*--training\.compile"):
        _refuse_what_cannot_be_meant(request)
