import pytest
import torch

from groupwise.errors import UsageError
from groupwise.models.resnext import create_model
from groupwise.recipe.optimizer import OptimConfig
from groupwise.training.optimizer import make_optimizer, set_learning_rate


def rates(model, progress=0.5, **fields):
    """The rate and weight decay of every parameter, by its name."""
    config = OptimConfig(learning_rate=1.0, weight_decay=0.3, **fields)
    optimizer = make_optimizer(model, config)
    set_learning_rate(optimizer, 1.0, progress)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    assert found.keys() == set(names.values())
    return found


@pytest.fixture(scope="module")
def model():
    return create_model("resnext11_8x4d")


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_norm_and_bias_do_not_decay_and_one_rate_serves_all(model, name):
    found = rates(model, name=name)
    assert found["conv1.weight"] == found["fc.weight"] == (1.0, 0.3)
    assert found["layer1.0.bn2.weight"] == found["fc.bias"] == (1.0, 0.0)


def test_rates_fall_from_the_head_to_the_stem(model):
    found = {name: rate for name, (rate, _) in rates(model, layer_decay=0.5).items()}
    assert found["fc.weight"] == found["fc.bias"] == 1.0
    assert found["layer3.0.conv1.weight"] == 0.5
    assert found["layer1.0.bn1.weight"] == 0.125
    assert found["conv1.weight"] == found["bn1.bias"] == 0.0625


@pytest.mark.parametrize(("progress", "rate"), [(0.19, 0.0), (0.2, 1.0)])
def test_the_head_learns_first(model, progress, rate):
    found = rates(model, progress, head_first=0.2)
    assert found["fc.weight"][0] == 1.0
    assert {found[name][0] for name in found if not name.startswith("fc")} == {rate}


def test_a_body_without_rate_keeps_its_weights():
    torch.manual_seed(0)
    model = create_model("resnext11_8x4d")
    optimizer = make_optimizer(model, OptimConfig(head_first=0.5))
    set_learning_rate(optimizer, 0.1, 0.1)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(4, 3, 32, 32)).square().sum().backward()
        optimizer.step()
    changed = {
        name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])
    }
    assert changed == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize(
    "fields",
    [{"layer_decay": 0.0}, {"head_first": 1.0}, {"clip_norm": 0.0}, {"frozen": -1}, {"step_factor": 0.0}],
)
def test_impossible_values_are_refused(fields):
    with pytest.raises(UsageError, match=rf"optim\.{next(iter(fields))}"):
        OptimConfig(**fields)
