import pytest
import torch

from fit_case import raise_signal, small_config, small_data, small_fit, small_model
from groupwise.distributed.world import World
from groupwise.errors import UsageError
from groupwise.models.resnext import create_model
from groupwise.recipe.optimizer import OptimConfig
from groupwise.training.learner import Learner
from groupwise.training.optimizer import freeze, part_names, part_of
from groupwise.training.signals import Terminated


def config_of(frozen, **training):
    return small_config(optim=OptimConfig(learning_rate=3e-3, frozen=frozen), **training)


def moved(fitted):
    """The parts of which a weight or a batch statistic is not what it was before training."""
    before = small_model().state_dict()
    return {part_of(name) for name, value in fitted.weights.items() if not torch.equal(value, before[name])}


def test_the_parts_are_stem_stages_and_head():
    assert part_names(create_model("resnext11_8x4d")) == ["stem", "layer1", "layer2", "layer3", "fc"]


@pytest.mark.parametrize(
    ("frozen", "learning"),
    [
        (0, {"stem", "layer1", "layer2", "fc"}),
        (1, {"layer1", "layer2", "fc"}),
        (2, {"layer2", "fc"}),
        (3, {"fc"}),
    ],
)
def test_what_is_frozen_keeps_weights_and_batch_statistics_and_the_rest_learns(tmp_path, frozen, learning):
    assert moved(small_fit(tmp_path, config_of(frozen))) == learning


def test_what_is_frozen_asks_for_no_gradient_and_no_optimizer_state():
    learner = Learner.create(small_model(), small_data(), config_of(2), World())
    trained = {id(p) for group in learner.optimizer.param_groups for p in group["params"]}
    asking = {id(p) for p in learner.model.parameters() if p.requires_grad}
    assert trained == asking
    names = {part_of(name) for name, p in learner.model.named_parameters() if id(p) in trained}
    assert names == {"layer2", "fc"}


def test_a_resumed_run_keeps_it_frozen_and_is_bit_identical(tmp_path):
    whole = small_fit(tmp_path / "whole", config_of(2))
    with pytest.raises(Terminated):
        small_fit(
            tmp_path / "cut", config_of(2), on_epoch_end=lambda done, _: len(done) == 2 and raise_signal(15)()
        )
    resumed = small_fit(tmp_path / "cut", config_of(2), resume=True)
    assert all(torch.equal(whole.weights[name], resumed.weights[name]) for name in whole.weights)


def test_the_head_alone_may_learn():
    model = small_model()
    freeze(model, 3)
    assert {part_of(name) for name, p in model.named_parameters() if p.requires_grad} == {"fc"}


@pytest.mark.parametrize("count", [4, 9])
def test_the_head_has_to_learn(count):
    with pytest.raises(UsageError, match=rf"optim\.frozen: {count} leaves nothing .* of 4 parts.*at most 3"):
        freeze(small_model(), count)
