"""Training that a deadline ends, by a clock that moves with every question."""

import dataclasses

import pytest

from fit_case import small_config, small_data, small_model
from groupwise.distributed.world import World
from groupwise.training.state import no_end
from groupwise.training.trainer import Trainer


def fit_until(checkpoints, left_s, *, resume=False, epochs=100):
    config = small_config(epochs=epochs)
    trainer = Trainer(small_model(), small_data(), config, world=World(), checkpoints=checkpoints)
    return trainer, trainer.fit(resume=resume, left_s=left_s)


class Countdown:
    """A deadline after so many questions, one before every step, and before and after an epoch is scored."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def __call__(self) -> float:
        self.left -= 1
        return float(self.left)


def test_training_ends_at_the_step_where_the_time_does_and_says_which(tmp_path):
    trainer, result = fit_until(tmp_path, Countdown(11))
    # Five steps and two looks at the clock make an epoch of 36 images.
    assert result.stopped == {"epoch": 2, "step": 3, "steps": 5}
    assert len(result.history) == 2
    assert result.best in result.history
    assert trainer.is_over


def test_what_was_ended_by_its_deadline_does_not_go_on_when_it_is_resumed(tmp_path):
    _, result = fit_until(tmp_path, Countdown(10))
    _, again = fit_until(tmp_path, no_end, resume=True)
    assert again.stopped == result.stopped
    assert again.history == result.history
    for name, weight in result.weights.items():
        assert weight.equal(again.weights[name])


def test_a_deadline_that_is_past_leaves_one_step_and_an_epoch_to_keep(tmp_path):
    _, result = fit_until(tmp_path, lambda: -1.0)
    assert result.stopped == {"epoch": 1, "step": 1, "steps": 5}
    assert len(result.history) == 1


def test_ample_time_changes_nothing_and_stops_nothing(tmp_path):
    _, plain = fit_until(tmp_path / "plain", no_end, epochs=2)
    _, ample = fit_until(tmp_path / "ample", lambda: 1e9, epochs=2)
    assert ample.stopped == {}
    assert [epoch.train_loss for epoch in ample.history] == [epoch.train_loss for epoch in plain.history]


def test_the_schedule_follows_the_deadline_where_it_is_ahead_of_the_epochs(tmp_path):
    trainer, _ = fit_until(tmp_path, Countdown(10))
    state = trainer.state
    state.history, state.spent_s, state.seconds = [], 30.0, 0.0
    assert state.progress(trainer.config.training, 10.0) == pytest.approx(0.75)
    assert state.progress(trainer.config.training, 0.0) == 1.0
    assert state.progress(trainer.config.training) < 0.1


def test_an_epoch_whose_scoring_takes_long_is_chosen_as_it_was_scored(tmp_path, monkeypatch):
    """A tenth of the time is over ahead of the second score, and two thirds behind it."""
    model = small_model()
    model.config = dataclasses.replace(model.config, mirror_average=True)
    config = small_config(epochs=4, select_from=0.5)
    trainer = Trainer(model, small_data(), config, world=World(), checkpoints=tmp_path)
    score, both_looks = trainer.evaluate, []

    def evaluate(answers):
        both_looks.append(model.config.mirror_average)
        return score(answers)

    monkeypatch.setattr(trainer, "evaluate", evaluate)

    def left_s():
        spent_s = max(trainer.state.spent_s + trainer.state.seconds, 1e-6)
        return spent_s * (0.5 if len(both_looks) >= 2 else 9)

    result = trainer.fit(left_s=left_s)
    assert [epoch.may_be_chosen for epoch in result.history] == both_looks == [False, False, True, True]
