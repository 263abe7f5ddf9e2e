"""Holds the random-effects summary against statsmodels' figures, and at its edges."""

import numpy as np
import pytest
from scipy import special

from groupwise.stats.estimate import Estimate
from groupwise.stats.heterogeneity import hartung_knapp, heterogeneity, paule_mandel

EFFECTS = np.array([1.2, 0.4, 2.1, 0.9, 1.6, -0.3])
VARIANCES = np.array([0.04, 0.09, 0.12, 0.02, 0.2, 0.06])


def site(value, n):
    return Estimate(value, round(n), 5, effective_n=n)


def test_variance_mean_and_error_are_those_of_statsmodels():
    # statsmodels 0.15: combine_effects(..., method_re="iterated"), whose own search ends at 1e-6.
    assert paule_mandel(EFFECTS, VARIANCES) == pytest.approx(0.6378177485100625, abs=1e-6)
    mean, error = hartung_knapp(EFFECTS, VARIANCES, 0.6378177485100625)
    assert mean == pytest.approx(0.9547115627380865, abs=1e-10)
    assert error == pytest.approx(0.34677802521174816, abs=1e-10)


def test_at_its_solution_the_weighted_squares_are_their_degrees_of_freedom():
    weights = 1 / (VARIANCES + paule_mandel(EFFECTS, VARIANCES))
    squares = weights * (EFFECTS - np.average(EFFECTS, weights=weights)) ** 2
    assert squares.sum() == pytest.approx(5, abs=1e-8)
    assert paule_mandel(np.array([1.0, 1.01, 0.99]), np.ones(3)) == 0


def test_sites_that_differ_are_told_from_sites_that_chance_may_make():
    differ = heterogeneity([site(0.95, 200), site(0.6, 200), site(0.8, 200), site(0.9, 200)])
    alike = heterogeneity([site(0.81, 200), site(0.8, 200), site(0.79, 200), site(0.8, 200)])
    assert differ["p"] < 1e-6 < 0.5 < alike["p"]
    assert differ["i2"] > 0.9
    assert alike["i2"] == alike["tau"] == 0
    # A further site may lie where the mean cannot.
    assert differ["further_low"] < differ["low"] < differ["mean"] < differ["high"] < differ["further_high"]
    right, wrong = 0.8 * 200 + 0.5, 0.2 * 200 + 0.5
    assert alike["mean"] == pytest.approx(special.expit(np.log(right / wrong)), abs=1e-3)


def test_two_sites_have_no_summary_and_a_perfect_one_no_certainty():
    assert heterogeneity([site(0.9, 50), site(0.7, 50)]) is None
    assert heterogeneity([site(0.9, 50), site(0.7, 50), Estimate(0.8, 9, 1)]) is None
    perfect = heterogeneity([site(1.0, 20), site(1.0, 20), site(1.0, 20)])
    assert 0.5 < perfect["low"] < perfect["mean"] < 1
