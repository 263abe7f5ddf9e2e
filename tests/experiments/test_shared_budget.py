"""A budget is divided among the trainings of a cross-validation and of a sweep; by a clock that is fake."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from groupwise.experiments import crossval
from groupwise.experiments.crossval import fold_deadline
from groupwise.experiments.sweep import KEPT_S, trial_deadline, trial_s
from groupwise.planning.after_training import REFIT_PAGES, REFIT_SHARE, AfterTraining
from groupwise.runs.deadline import Deadline
from groupwise.runs.request import CrossValidation, Planning, RunRequest


@pytest.fixture(autouse=True)
def waiting(monkeypatch):
    """How many times as long everything takes beside other work."""
    factor = [1.0]
    monkeypatch.setattr(crossval, "waiting_so_far", lambda: factor[0])
    return factor


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def request(tmp_path, deadline, **others):
    fields = {"data": tmp_path, "scan": None, "folder": tmp_path, "recipe": None, "base": None}
    return RunRequest(**fields, planning=Planning(deadline=deadline), **others)


class Ledger(SimpleNamespace):
    def note(self, **facts):
        self.ledger |= facts


def study(**planned):
    return Ledger(ledger={"plan": {"after_training": {"network_s": 1.0, "rest_s": 2.0, **planned}}})


def test_folds_share_what_is_left_and_the_pooling_is_kept_back(tmp_path, clock):
    asked = request(tmp_path, Deadline(600, 0, clock), cv=CrossValidation(5))
    clock.now = 40.0
    first = fold_deadline(study(pooling_s=10.0), asked, 5)
    assert first.left_s == (600 - 40 - 10) / 5
    clock.now = 40 + 90  # it took 20 s less than its part
    second = fold_deadline(study(pooling_s=10.0), asked, 4)
    assert second.left_s == (600 - 130 - 10) / 4 > first.budget_s
    clock.now = 595.0
    assert fold_deadline(study(pooling_s=10.0), asked, 1).left_s == 0


def test_what_is_kept_back_grows_once_with_other_work(tmp_path, clock, waiting):
    waiting[0] = 3.0
    asked = request(tmp_path, Deadline(600, 0, clock), cv=CrossValidation(5), refit=True)
    after = AfterTraining(1.0, 2.0, pooling_s=10.0).with_refit(pooled=True)
    deadline = fold_deadline(study(**asdict(after)), asked, 5)
    assert deadline.left_s == pytest.approx((600 - 3 * (10 + after.refit_s)) / (5 + REFIT_SHARE))
    assert after.refit_s == 1 + REFIT_PAGES * 10  # as on a machine that does nothing else


def test_all_folds_together_end_within_the_budget(tmp_path, clock):
    asked = request(tmp_path, Deadline(600, 0, clock), cv=CrossValidation(5))
    for missing in range(5, 0, -1):
        clock.now += fold_deadline(study(pooling_s=10.0), asked, missing).left_s
    assert clock.now == pytest.approx(590)


def test_folds_leave_a_refit_its_part_of_one_and_its_end(tmp_path, clock):
    asked = request(tmp_path, Deadline(600, 0, clock), cv=CrossValidation(5), refit=True)
    planned = study(pooling_s=10.0, refit_share=0.35, refit_s=5.0)
    for missing in range(5, 0, -1):
        took_s = fold_deadline(planned, asked, missing).left_s
        assert took_s == pytest.approx((600 - 10 - 5) / 5.35)
        clock.now += took_s
    assert 600 - clock.now - 10 == pytest.approx(0.35 * took_s + 5)
    clock.now = 0.0
    assert fold_deadline(planned, replace(asked, refit=False), 5).left_s == (600 - 10) / 5


def test_folds_that_are_trained_at_once_count_as_one_round(tmp_path, clock):
    asked = request(tmp_path, Deadline(600, 0, clock), cv=CrossValidation(5), workers=2)
    assert fold_deadline(study(), asked, 5).left_s == 200
    assert fold_deadline(study(), asked, 4).left_s == 300


def test_without_a_budget_or_a_plan_there_is_no_deadline(tmp_path, clock):
    plain = replace(request(tmp_path, None, cv=CrossValidation(5)), planning=None)
    assert fold_deadline(study(), plain, 5) is None
    older = Ledger(ledger={})
    asked = request(tmp_path, Deadline(600, 0, clock), cv=CrossValidation(5))
    assert fold_deadline(older, asked, 5) is None


def test_trials_have_equal_time_though_others_were_given_up(clock):
    run, deadline = Ledger(ledger={}), Deadline(102, 0, clock)
    clock.now = 20.0
    first = trial_deadline(run, deadline, 4)
    assert first.left_s == trial_s(run) == (102 - 20 - KEPT_S) / 4 == 20
    clock.now = 25.0  # given up after a quarter
    assert trial_deadline(run, deadline, 3).left_s == 20
    clock.now = 95.0
    assert trial_deadline(run, deadline, 1).left_s == 102 - 95 - KEPT_S
    assert trial_deadline(run, None, 4) is None
