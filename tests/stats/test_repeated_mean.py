import math

import pytest
from scipy import stats

from groupwise.stats.repeated import nadeau_bengio_mean

SCORES = (0.90, 0.94, 0.92, 0.96, 0.88)


def test_the_formula_of_nadeau_and_bengio():
    # By hand: mean 0.92, s^2 = 0.001, (1/5 + 1/4) s^2 = 0.00045, t(4, 0.975) = 2.7764
    found = nadeau_bengio_mean(SCORES, 1 / 4)
    assert found.mean == pytest.approx(0.92)
    assert found.sd == pytest.approx(math.sqrt(0.001))
    assert found.df == 4
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 4) * math.sqrt(0.00045))
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


def test_without_overlap_it_is_the_ordinary_t_interval():
    low, high = stats.t.interval(0.95, 4, loc=0.92, scale=stats.sem(SCORES))
    found = nadeau_bengio_mean(SCORES, 0.0)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_more_repeats_do_not_buy_certainty():
    # The naive error falls with the root of the number of scores; this one only to the overlap's part.
    once, often = nadeau_bengio_mean(SCORES, 1 / 4), nadeau_bengio_mean(SCORES * 100, 1 / 4)
    assert often.high - often.mean > 1.9 * often.sd * math.sqrt(1 / 4)
    assert often.high - often.low < once.high - once.low


def test_limits_stay_where_scores_can_be():
    found = nadeau_bengio_mean((0.99, 1.0, 1.0), 1 / 2, most=1.0)
    assert found.high == 1.0
    assert nadeau_bengio_mean((0.0, 0.1, 0.0), 1 / 2).low == 0.0


def test_folds_alike_have_no_interval_and_say_why():
    found = nadeau_bengio_mean((0.95,) * 5, 1 / 4)
    assert found.low is None
    assert found.as_json()["reason"].startswith("all folds scored alike")
    assert "reason" not in nadeau_bengio_mean(SCORES, 1 / 4).as_json()


def test_one_fold_has_no_spread():
    with pytest.raises(ValueError, match="a single fold"):
        nadeau_bengio_mean((0.9,), 1 / 4)
