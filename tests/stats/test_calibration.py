import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import log_loss

from groupwise.stats.calibration import calibrated, fit_temperature


def drawn(temperature, n=4000, seed=0):
    """Logits of a network whose probabilities would be right at `temperature`, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 4)) * 2 * temperature
    labels = np.array([rng.choice(4, p=p) for p in softmax(logits / temperature, axis=1)])
    return logits, labels


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_that_made_the_labels_is_found(temperature):
    assert fit_temperature(*drawn(temperature), sources=4000) == pytest.approx(temperature, rel=0.1)


def smoothed_log_loss(labels, probs, sources):
    """scikit-learn's log loss where each image counts a little for every class."""
    spread = 1 / (sources + 2)
    every = np.tile(np.arange(4), len(labels))
    weight = spread / 4 + (1 - spread) * (every == np.repeat(labels, 4))
    return log_loss(every, np.repeat(probs, 4, axis=0), sample_weight=weight, labels=range(4))


@given(st.integers(0, 50), st.floats(0.2, 5), st.integers(2, 60))
def test_no_other_temperature_has_a_lower_loss(seed, true, sources):
    logits, labels = drawn(true, n=60, seed=seed)
    best = fit_temperature(logits, labels, sources)
    losses = [
        smoothed_log_loss(labels, calibrated(logits, best * factor), sources)
        for factor in (1, 0.9, 1.1, 0.5, 2)
    ]
    assert losses[0] <= min(losses) + 1e-6


@pytest.mark.parametrize("sources", [10, 100])
def test_a_fold_without_a_mistake_is_not_taken_for_certainty(sources):
    labels = np.arange(200) % 4
    logits = np.eye(4)[labels]
    probs = calibrated(logits, fit_temperature(logits, labels, sources))
    assert probs.max() == pytest.approx(1 - 0.75 / (sources + 2), abs=1e-3)


def test_classes_keep_their_order():
    logits, _ = drawn(1.0, n=50)
    assert (calibrated(logits, 3.0).argmax(1) == logits.argmax(1)).all()
