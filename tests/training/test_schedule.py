from itertools import pairwise

import pytest
import torch

from groupwise.errors import UsageError
from groupwise.recipe.optimizer import OptimConfig
from groupwise.recipe.training import TrainingConfig
from groupwise.training.config import EpochRecord
from groupwise.training.schedule import (
    epochs_in_all,
    image_size_at,
    known_after,
    learning_rate_at,
    progress_of_epochs,
    told_as_known,
)


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


@pytest.mark.parametrize("start_size_px", [20, 36, 44])
def test_images_that_begin_between_two_steps_are_never_smaller_than_was_asked_for(start_size_px):
    found = sizes(start_size_px)
    assert start_size_px <= found[0] == min(found) < start_size_px + 8
    assert found == sorted(found)
    assert all(size % 8 == 0 for size in set(found) - {start_size_px, 60})


def test_without_a_start_size_images_stay_as_they_are():
    assert set(sizes(None)) == {60}


def epochs_with(*accuracies):
    return [
        EpochRecord(number, 1.0, accuracy, "val", 1.0, 0.5, 0.1, 1.0, 100.0, 0.0)
        for number, accuracy in enumerate(accuracies, start=1)
    ]


KNOWN = TrainingConfig(epochs=20, known_from=0.95)


def test_a_schedule_whose_images_are_known_early_goes_on_four_times_as_fast():
    history = epochs_with(0.5, 0.94, 0.96, 0.9)
    assert known_after(history, KNOWN) == 3
    assert epochs_in_all(history, KNOWN) == 3 + 5  # of 17 that were left
    assert progress_of_epochs(history[:3], 0.0, KNOWN) == pytest.approx(3 / 20)
    assert progress_of_epochs(history, 0.0, KNOWN) == pytest.approx(3 / 20 + 17 / 20 / 5)
    assert progress_of_epochs(epochs_with(0.5, 0.94, *[0.96] * 6), 0.0, KNOWN) == pytest.approx(1)
    assert "training.known_from" in told_as_known(history[:3], KNOWN)
    assert "takes 5 epochs in place of 17" in told_as_known(history[:3], KNOWN)
    assert not told_as_known(history, KNOWN)  # it is said once


@pytest.mark.parametrize(
    ("accuracies", "config"),
    [
        ([0.949] * 20, KNOWN),  # never known
        ([0.5] * 10 + [0.99] * 10, KNOWN),  # known when the rate falls anyway
        ([0.99] * 20, TrainingConfig(epochs=20)),  # nobody asked
    ],
)
def test_any_other_schedule_takes_all_of_its_epochs(accuracies, config):
    history = epochs_with(*accuracies)
    assert known_after(history, config) is None
    assert not told_as_known(history, config)
    assert epochs_in_all(history, config) == 20
    for done in range(20):
        assert progress_of_epochs(history[:done], 0.5, config) == pytest.approx((done + 0.5) / 20)
