"""Training that a deadline ends, by a clock that moves with every question."""

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
    """A deadline after so many questions, one of which is asked before every step and after every epoch."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def __call__(self) -> float:
        self.left -= 1
        return float(self.left)


def test_training_ends_at_the_step_where_the_time_does_and_says_which(tmp_path):
    trainer, result = fit_until(tmp_path, Countdown(10))
    # Five steps and a last look at the clock make an epoch of 36 images.
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
