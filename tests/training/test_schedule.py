from itertools import pairwise

import pytest
import torch

from groupwise.errors import UsageError
from groupwise.recipe.optimizer import OptimConfig
from groupwise.recipe.training import TrainingConfig
from groupwise.training.schedule import image_size_at, learning_rate_at


def rates(steps=100, **fields):
    config = OptimConfig(learning_rate=1.0, **fields)
    return [learning_rate_at((step + 0.5) / steps, config) for step in range(steps)]


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_one_cycle_rises_then_falls_to_nothing(schedule):
    found = rates(warmup=0.25, schedule=schedule)
    assert all(before < after for before, after in pairwise(found[:25]))
    assert all(before > after for before, after in pairwise(found[25:]))
    assert found[0] == pytest.approx(0.02)
    assert max(found) > 0.99
    assert found[-1] < 0.01


def test_the_cosine_is_torchs():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=200)
    expected = []
    for _ in range(200):  # two of their steps are one of ours, whose rate is that of its middle
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert rates(schedule="cosine") == pytest.approx(expected[1::2], abs=1e-9)


def test_steps_are_those_of_the_paper():
    # Xie et al. 2016, section 5.3: 0.1, divided by 10 at epochs 150 and 225 of 300.
    found = rates(300, schedule="steps", milestones=(0.5, 0.75))
    assert found[0] == found[149] == 1
    assert found[150] == found[224] == pytest.approx(0.1)
    assert found[225] == found[299] == pytest.approx(0.01)


def test_the_constant_stays():
    assert set(rates(schedule="constant")) == {1.0}


@pytest.mark.parametrize(
    "fields",
    [{"schedule": "steps"}, {"milestones": (0.5,)}, {"schedule": "steps", "milestones": (150, 225)}],
)
def test_milestones_that_mean_nothing_are_refused(fields):
    with pytest.raises(UsageError, match=r"optim\.milestones: .* does not fit the schedule"):
        OptimConfig(**fields)


def sizes(start_size_px, full_size_from=0.5, image_size_px=60):
    config = TrainingConfig(start_size_px=start_size_px, full_size_from=full_size_from)
    return [image_size_at((step + 0.5) / 100, config, image_size_px) for step in range(100)]


def test_images_grow_in_even_steps_to_their_final_size():
    found = sizes(32)
    assert found[0] == 32
    assert found == sorted(found)
    assert set(found) == {32, 40, 48, 56, 60}
    assert set(found[50:]) == {60}


def test_without_a_start_size_images_stay_as_they_are():
    assert set(sizes(None)) == {60}
