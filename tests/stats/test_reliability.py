import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from groupwise.stats.calibration import reliability
from groupwise.stats.fold import Fold


def fold(groups, copies=1, seed=0):
    rng = np.random.default_rng(seed)
    confidence = np.repeat(rng.uniform(0.5, 1, groups), copies)
    labels = np.where(np.repeat(rng.uniform(size=groups), copies) < confidence, 0, 1)
    sources = np.repeat(np.arange(groups), copies)
    return Fold(labels, np.column_stack([confidence, 1 - confidence]), sources)


def test_bins_are_scikit_learns():
    data = fold(100)
    bins = reliability(data)
    right, sure = calibration_curve(data.right, data.confidence, n_bins=10, strategy="quantile")
    np.testing.assert_allclose([b["value"] for b in bins], right)
    np.testing.assert_allclose([b["confidence"] for b in bins], sure)
    assert sum(b["n"] for b in bins) == 100
    assert all(b["lowest"] <= b["confidence"] <= b["highest"] for b in bins)
    assert all(b["low"] <= b["value"] <= b["high"] for b in bins)


def test_bands_count_sources():
    widths = [
        np.mean([b["high"] - b["low"] for b in reliability(fold(100, copies=copies))]) for copies in (1, 14)
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)


def test_few_sources_share_one_bin():
    assert [b["sources"] for b in reliability(fold(12))] == [12]
