import dataclasses

import pytest

from groupwise.pipeline.baselines import SHARE
from groupwise.planning.after_training import (
    MOST_REFERENCES,
    MOST_WAITING,
    OF_FOLD,
    REFIT_SHARE,
    AfterTraining,
    TrainingClock,
    Waiting,
    after_training,
    measure_unit,
    scored_images,
)
from groupwise.planning.fingerprint import Fingerprint
from groupwise.planning.trial import Rates
from groupwise.recipe.parsing import read_recipe
from groupwise.runs.deadline import Deadline

FACTS = Fingerprint(
    images=5000,
    train_images=4000,
    select_images=500,
    class_sizes={"cat": 2000, "dog": 2000},
    short_side_px=300,
    grey=False,
)


def test_every_image_that_is_scored_after_training_is_counted():
    assert scored_images(FACTS) == 2 * 500 + MOST_REFERENCES + 1000
    few = dataclasses.replace(FACTS, images=1400, train_images=1000, select_images=200)
    assert scored_images(few) == 2 * 200 + 1000 + 400


def test_the_time_goes_with_the_rates_and_is_that_of_a_machine_at_rest():
    rates = Rates(0.1, 0.01, 0.01, 0.0, unit_s=0.1)
    after = after_training(FACTS, rates)
    assert after.network_s == pytest.approx(0.01 * scored_images(FACTS))
    assert after.rest_s > 38 * 0.1
    busy = after_training(FACTS, dataclasses.replace(rates, answer_s=0.04, waiting=4.0))
    assert (busy.network_s, busy.rest_s) == pytest.approx((after.network_s, after.rest_s))
    assert after.seconds(3.0) == pytest.approx(3 * after.seconds(1.0))


def test_a_slower_processor_has_a_longer_unit():
    ticks = iter([10.0, 13.5])
    assert measure_unit(lambda: next(ticks)) == 3.5


def test_waiting_is_judged_by_what_the_thread_has_run_since():
    told = [(100.0, 7.0)]
    waiting = Waiting(lambda: told[0])
    told[0] = (101.0, 57.0)
    assert waiting.now() == 1.0  # too little yet
    told[0] = (104.0, 19.0)
    assert waiting.now() == pytest.approx((4 + 12) / 4)
    told[0] = (107.0, 19.0)
    assert waiting.now() == 1.0  # the others have gone
    told[0] = (110.0, 10**6)
    assert waiting.now() == MOST_WAITING


def test_waiting_is_none_where_the_system_says_nothing():
    waiting = Waiting(lambda: (0.0, 0.0))
    assert waiting.now(0) == 1.0


def test_training_may_go_on_until_what_follows_just_fits():
    now, told = [0.0], [(0.0, 0.0)]
    deadline = Deadline(100, 0, clock=lambda: now[0])
    clock = TrainingClock(deadline, AfterTraining(4, 6), waiting=Waiting(lambda: told[0]))
    assert clock.left_s() == 90
    now[0], told[0] = 50.0, (10.0, 10.0)  # beside one other program
    assert clock.left_s() == 100 - 50 - 20
    now[0] = 85.0
    assert clock.left_s() < 0


@pytest.mark.parametrize("chosen", [False, True])
def test_the_minutes_of_a_plan_give_way_to_the_deadline_and_those_of_the_user_do_not(chosen):
    recipe = read_recipe("default", {"training.budget_minutes": 3.0})[1]
    clock = TrainingClock(Deadline(100, 0), AfterTraining(0, 0), chosen)
    assert clock.recipe(recipe).training.budget_minutes == (3.0 if chosen else None)


def test_a_refit_of_a_study_writes_the_pages_of_all_its_images_again():
    after = AfterTraining(4.0, 6.0, pooling_s=20.0)
    one, pooled = after.with_refit(), after.with_refit(pooled=True)
    assert (one.refit_share, one.refit_s) == (REFIT_SHARE, 4 + 0.5 * 6)
    assert pooled.refit_s == 4 + 0.5 * 20
    fold = pooled.part(OF_FOLD)
    assert (fold.network_s, fold.rest_s, fold.refit_share, fold.refit_s) == (4, 6 * OF_FOLD, 0, 0)


def test_the_part_of_the_baselines_is_left_to_them():
    now = [10.0]
    deadline = Deadline(120, 0, clock=lambda: now[0])
    clock = TrainingClock(deadline, AfterTraining(4, 6), share=0.1, waiting=Waiting(lambda: (0.0, 0.0)))
    assert clock.left_s() == pytest.approx(100 / 1.1)
    now[0] += clock.left_s()  # training to its end
    assert clock.left_s() == pytest.approx(0)
    now[0] += 4  # the scores
    assert clock.baselines_s() == pytest.approx(0.1 * 100 / 1.1)
    now[0] = 119.0
    assert clock.baselines_s() == 0


@pytest.mark.parametrize("budget_s", [60, 300, 1200])
def test_the_clock_gives_the_baselines_at_most_a_tenth_of_the_budget(budget_s):
    now = [5.0]
    deadline = Deadline(budget_s, 0, clock=lambda: now[0])
    clock = TrainingClock(deadline, AfterTraining(4, 6), share=SHARE, waiting=Waiting(lambda: (0.0, 0.0)))
    now[0] += clock.left_s()
    now[0] += 4
    assert 0.05 * budget_s < clock.baselines_s() <= 0.1 * budget_s
