import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from groupwise.stats.fold import Fold
from groupwise.stats.risk_coverage import Risks, risk_coverage


def fold(seed, n=60, digits=9, groups=20):
    """Two classes; confidences rounded to few digits tie."""
    rng = np.random.default_rng(seed)
    confidence = np.round(rng.uniform(0.5, 1, n), digits)
    labels = np.where(rng.uniform(size=n) < confidence, 0, 1)
    return Fold(labels, np.column_stack([confidence, 1 - confidence]), np.arange(n) % groups)


def area(fold, weights=None):
    weights = np.ones(fold.n_sources) if weights is None else weights
    return Risks.of(fold).area(weights[None])[0]


@given(st.integers(0, 1000))
def test_the_area_is_the_mean_of_the_risks_at_every_coverage(seed):
    data = fold(seed)
    wrong = ~data.right[np.argsort(-data.confidence)]
    risks = [wrong[: k + 1].mean() for k in range(data.n)]
    assert area(data) == pytest.approx(np.mean(risks), abs=1e-12)


@given(st.integers(0, 1000))
def test_the_order_of_equal_confidences_does_not_matter(seed):
    data = fold(seed, digits=1)
    order = np.random.default_rng(seed).permutation(data.n)
    shuffled = Fold(data.labels[order], data.probs[order], data.sources[order])
    assert area(shuffled) == pytest.approx(area(data), abs=1e-12)


def test_a_weight_stands_for_copies():
    data, weights = fold(3, digits=1), np.arange(20) % 4.0
    copies = np.repeat(np.arange(data.n), weights.astype(int)[data.sources])
    _, numbers = np.unique(data.sources[copies], return_inverse=True)
    copied = Fold(data.labels[copies], data.probs[copies], numbers)
    assert area(data, weights) == pytest.approx(area(copied), abs=1e-12)


def test_a_good_order_has_the_smaller_area():
    data = fold(5)
    ideal = np.where(data.right, 0.9, 0.6)
    assert area(Fold(data.labels, np.column_stack([ideal, 1 - ideal]), data.sources)) < area(data)


@pytest.mark.parametrize("digits", [9, 1])
def test_accuracies_are_scikit_learns_among_the_surest(digits):
    data = fold(7, digits=digits)
    for share, figure in risk_coverage(data)["accuracy_at"].items():
        surest = data.confidence >= figure["threshold"]
        assert surest.mean() >= float(share)
        assert (data.confidence > figure["threshold"]).mean() < float(share)
        assert figure["value"] == pytest.approx(accuracy_score(data.labels[surest], data.predicted[surest]))
        assert figure["coverage"] == surest.mean()
        assert figure["low"] <= figure["value"] <= figure["high"]


def test_the_points_run_from_the_surest_to_all():
    points = risk_coverage(fold(8))["points"]
    assert [p["coverage"] for p in points] == sorted({p["coverage"] for p in points})
    assert points[-1]["coverage"] == 1
    assert points[-1]["value"] == pytest.approx(1 - fold(8).right.mean())
    assert len(risk_coverage(fold(8, digits=1))["points"]) == 6  # no point between equal confidences
