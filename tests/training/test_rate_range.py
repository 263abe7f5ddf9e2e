import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from fit_case import small_config, small_data, small_model
from groupwise.distributed.world import World
from groupwise.recipe.augment import AugmentConfig
from groupwise.recipe.optimizer import OptimConfig
from groupwise.training import rate_range
from groupwise.training.rate_range import HIGHEST, LOWEST, MARGIN, RateCurve, rate_range_test


class Linear(nn.Module):
    """A linear classifier of the mean colour, whose largest stable rate is known."""

    def __init__(self, scale):
        super().__init__()
        self.fc = nn.Linear(3, 2, bias=False)
        self.scale = scale
        nn.init.zeros_(self.fc.weight)

    def forward(self, images):
        return self.fc(self.scale * images.mean((2, 3)))


def sweep(model, steps=60, **optim):
    config = small_config(optim=OptimConfig(**optim))
    config = dataclasses.replace(config, augment=AugmentConfig())
    return rate_range_test(
        model, small_data(), config, world=World(), steps=steps, on_step=lambda done, total: None
    )


def test_the_rate_rises_evenly_on_its_logarithm():
    curve = sweep(Linear(0.01), name="sgd", momentum=0.0, weight_decay=0.0)
    assert len(curve.rates) == 60
    assert curve.rates[0] == pytest.approx(LOWEST)
    assert curve.rates[-1] == pytest.approx(HIGHEST)
    assert curve.rates[2] / curve.rates[1] == pytest.approx(curve.rates[50] / curve.rates[49])


def test_inputs_ten_times_as_large_ask_for_a_rate_a_hundred_times_as_small():
    # The curvature of a linear classifier grows with the square of its inputs.
    suggestions = [
        sweep(Linear(scale), 200, name="sgd", momentum=0.0, weight_decay=0.0).suggestion
        for scale in (3.0, 30.0)
    ]
    assert 30 < suggestions[0] / suggestions[1] < 300


def test_it_stops_where_the_loss_runs_away():
    torch.manual_seed(0)
    curve = sweep(small_model(), name="sgd")
    assert len(curve.rates) < 60
    assert LOWEST < curve.suggestion < HIGHEST / MARGIN


@pytest.mark.parametrize(("sampling", "rare"), [("natural", 4), ("balanced", 18)])
def test_it_shows_the_classes_as_often_as_training_will(monkeypatch, sampling, rare):
    data = small_data()  # 36 images to learn from
    data.labels[:36] = np.arange(36) % 9 == 0
    config = small_config(sampling=sampling, batch_size=12)
    shown, plain = [], rate_range.training_inputs

    def inputs(batch, *about, **others):
        shown.extend(batch.labels.tolist())
        return plain(batch, *about, **others)

    monkeypatch.setattr(rate_range, "training_inputs", inputs)
    rate_range_test(small_model(), data, config, world=World(), steps=3, on_step=lambda done, total: None)
    assert (len(shown), sum(shown)) == (36, rare)


def test_the_suggestion_is_a_tenth_of_the_rate_of_the_lowest_loss():
    assert RateCurve((0.1, 1.0, 10.0), (3.0, 1.0, 2.0)).suggestion == pytest.approx(0.1)
