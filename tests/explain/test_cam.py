import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from groupwise.errors import UsageError
from groupwise.explain.cam import eigencam, heat_maps
from groupwise.inference.heatmaps import border_share, class_activation_maps
from run_case import random_model

INPUTS = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)


def test_grad_cam_at_the_last_stage_is_the_class_activation_map():
    model = random_model()
    numbers = [1, 0, 1]
    with torch.inference_mode():
        maps = model.feature_maps(torch.from_numpy(INPUTS))[model.stage_names[-1]].numpy()
    expected = class_activation_maps(maps, model.fc.weight.detach().numpy(), numbers)
    np.testing.assert_allclose(heat_maps(model, INPUTS, numbers), expected, atol=1e-5)


def test_grad_cam_of_an_earlier_stage_weighs_by_the_gradient():
    model = random_model()
    maps = model.feature_maps(torch.from_numpy(INPUTS))
    stage = maps["layer1"]
    stage.retain_grad()
    model(torch.from_numpy(INPUTS))  # does not disturb
    model.fc(model.pool(maps["layer2"]))[:, 1].sum().backward()
    weights = stage.grad.mean((2, 3), keepdim=True)
    expected = (weights * stage).sum(1).relu().detach().numpy()
    expected /= expected.max((1, 2), keepdims=True)
    np.testing.assert_allclose(heat_maps(model, INPUTS, [1, 1, 1], stage="layer1"), expected, atol=1e-5)


@pytest.mark.parametrize("stage", ["stem", "layer1", "layer2"])
def test_grad_cam_of_a_mirrored_answer_averages_both_looks(stage):
    model, numbers = random_model(mirror_average=True), [1, 0, 1]
    mirrored = np.ascontiguousarray(INPUTS[..., ::-1])
    heat = heat_maps(model, INPUTS, numbers, stage=stage)
    assert model.config.mirror_average  # as before
    np.testing.assert_allclose(
        heat_maps(model, mirrored, numbers, stage=stage), heat[..., ::-1], rtol=0, atol=1e-5
    )
    alone = heat_maps(random_model(), INPUTS, numbers, stage=stage)
    assert np.abs(heat - alone).max() > 0.01  # the other look counts


def test_grad_cam_of_a_mirrored_answer_at_the_last_stage_is_the_class_activation_map():
    model = random_model(mirror_average=True)
    with torch.inference_mode():
        maps = model.feature_maps(torch.from_numpy(INPUTS))["layer2"].numpy()
    expected = class_activation_maps(maps, model.fc.weight.detach().numpy(), [0, 1, 1])
    np.testing.assert_allclose(heat_maps(model, INPUTS, [0, 1, 1], stage="layer2"), expected, atol=1e-5)


@pytest.mark.parametrize("stage", ["layer2", "layer1"])
def test_random_weights_change_grad_cam(stage):
    """The sanity check of Adebayo et al. 2018, arXiv 1810.03292: a map that ignores the weights is no map."""
    heat = heat_maps(random_model(), INPUTS, [0, 1, 0], stage=stage)
    fresh = random_model()
    torch.manual_seed(7)
    for part in fresh.modules():
        if isinstance(part, torch.nn.Conv2d | torch.nn.Linear):
            part.reset_parameters()
    other = heat_maps(fresh, INPUTS, [0, 1, 0], stage=stage)
    same = heat_maps(random_model(), INPUTS, [0, 1, 0], stage=stage)
    for one, two, again in zip(heat, other, same, strict=True):
        assert likeness(one, two) < 0.5
        assert likeness(one, again) > 0.999


def likeness(one, two):
    """The rank correlation, 0 with a map that is nothing but zeros."""
    return spearmanr(one.ravel(), two.ravel()).statistic if one.any() and two.any() else 0.0


def test_eigen_cam_is_the_first_principal_direction():
    rng = np.random.default_rng(1)
    place, direction = rng.random((5, 4)), rng.random(6)
    maps = torch.from_numpy(direction[:, None, None] * place)[None]  # one direction, so the place comes back
    found = eigencam(maps)[0].numpy()
    np.testing.assert_allclose(found / found.max(), place / place.max(), atol=1e-9)


def test_eigen_cam_needs_no_class():
    model = random_model()
    heat = [heat_maps(model, INPUTS, [k] * 3, method="eigencam") for k in (0, 1)]
    np.testing.assert_array_equal(*heat)
    assert heat[0].min() >= 0
    assert heat[0].max() == 1


def test_a_stage_that_is_not_there_is_refused():
    message = r"--stage: the network has no stage 'layer9'\. Choose one of stem, layer1, layer2"
    with pytest.raises(UsageError, match=message):
        heat_maps(random_model(), INPUTS, [0, 0, 0], stage="layer9")


def test_without_a_stage_the_last_that_is_not_too_coarse_is_shown():
    model = random_model(depths=(1, 1, 1, 1))  # 32, 16, 8 and 4 cells a side at 32 px
    assert heat_maps(model, INPUTS, [0, 0, 0]).shape == (3, 4, 4)
    small = INPUTS[:, :, :28, :28]  # and 28, 14, 7 and 4
    assert heat_maps(model, small, [0, 0, 0]).shape == (3, 4, 4)
    smaller = INPUTS[:, :, :24, :24]  # and 24, 12, 6 and 3
    assert heat_maps(model, smaller, [0, 0, 0]).shape == (3, 6, 6)
    assert heat_maps(model, smaller, [0, 0, 0], stage="layer4").shape == (3, 3, 3)  # as asked for
    assert heat_maps(model, INPUTS[:, :, :3, :3], [0, 0, 0]).shape == (3, 3, 3)  # none is fine


def test_the_border_is_the_outer_tenth():
    assert border_share(np.ones((10, 10))) == pytest.approx(0.36)
    assert border_share(np.ones((7, 7))) == pytest.approx(0.36)  # a tenth is within a cell
    middle = np.zeros((10, 10))
    middle[1:9, 1:9] = 1
    assert border_share(middle) == 0
    assert border_share(1 - middle) == 1
    assert border_share(np.zeros((4, 4))) == 0
