"""The head of a probe, against scikit-learn's own pipeline."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from groupwise.errors import GroupwiseError
from groupwise.stats.calibration import calibrated
from groupwise.training.logistic import ITERATIONS, PATIENCE, STRENGTHS, Choosing, fit_head


def blobs(n, classes=3, width=12, spread=2.0, seed=0):
    """Features of unequal scale, and class numbers."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = np.random.default_rng(7).normal(size=(classes, width))
    features = (centres[labels] + spread * rng.normal(size=(n, width))) * np.linspace(0.1, 30, width) + 5
    return features.astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 3])
def test_the_head_is_scikit_learns_on_features_as_they_are(classes):
    learnt, select = blobs(150, classes), blobs(90, classes, seed=1)
    head = fit_head(learnt, select, num_classes=classes, choosing=Choosing(("loss",)))
    peer = make_pipeline(
        StandardScaler(), LogisticRegression(C=head.best.inverse_penalty, max_iter=10 * ITERATIONS, tol=1e-6)
    ).fit(*learnt)
    np.testing.assert_allclose(
        calibrated(head.logits(select[0]), 1.0), peer.predict_proba(select[0]), atol=3e-3
    )
    assert head.best.select_accuracy == pytest.approx(peer.score(*select), abs=0.02)


def test_the_penalty_is_the_best_on_the_fold_that_selects():
    # Forty features of noise for as many images: without a penalty they are learnt by heart.
    learnt, select = blobs(40, width=40, spread=3), blobs(300, width=40, spread=3, seed=1)
    head = fit_head(learnt, select, num_classes=3, choosing=Choosing(("loss",)))
    losses = [one.select_loss for one in head.tried]
    assert head.best.select_loss == min(losses)
    assert STRENGTHS[0] < head.best.inverse_penalty < STRENGTHS[-1]
    chosen = losses.index(min(losses))
    assert len(head.tried) == min(chosen + 1 + PATIENCE, len(STRENGTHS))  # and then none lighter is tried


def test_balance_lifts_the_rare_class():
    features, labels = blobs(400, classes=2)
    kept = (labels == 0) | (np.arange(400) % 40 == 1)
    learnt, select = (features[kept], labels[kept]), blobs(200, classes=2, seed=1)
    plain, balanced = (
        fit_head(learnt, select, num_classes=2, choosing=Choosing(("loss",), balanced=balance))
        for balance in (False, True)
    )
    shares = [one.logits(select[0]).argmax(1).mean() for one in (plain, balanced)]
    assert shares[0] < shares[1] - 0.05


def test_a_class_that_nothing_was_learnt_of_is_never_answered():
    learnt, select = blobs(60, classes=2), blobs(60, classes=3, seed=1)
    head = fit_head(learnt, select, num_classes=4, choosing=Choosing())
    assert head.weight.shape == (4, 12)
    assert set(head.logits(select[0]).argmax(1)) <= {0, 1}
    with pytest.raises(GroupwiseError, match="of one class"):
        fit_head((learnt[0], np.zeros(60, int)), select, num_classes=2, choosing=Choosing())


def test_each_label_has_scikit_learns_regression_of_its_own():
    features, labels = blobs(120)
    members = np.stack([labels == 0, labels != 1, labels < 9, labels > 9], axis=1).astype(np.uint8)
    choosing = Choosing(("average_precision", "loss"))
    head = fit_head((features, members), (features, members), num_classes=4, choosing=choosing)
    logits = head.logits(features)
    for k in (0, 1):
        model = LogisticRegression(C=head.best.inverse_penalty, max_iter=1000)
        expected = model.fit(StandardScaler().fit_transform(features), members[:, k])
        theirs = expected.decision_function(StandardScaler().fit_transform(features))
        np.testing.assert_allclose(logits[:, k], theirs, atol=0.02)
    assert (logits[:, 2] > 20).all()  # what all images have, and what none has
    assert (logits[:, 3] < -20).all()
    score = average_precision_score(members[:, :2], logits[:, :2])
    assert head.best.select_average_precision == pytest.approx(score, abs=1e-12)
    losses = [log_loss(members[:, k], expit(logits[:, k]), labels=[0, 1]) for k in range(4)]
    assert head.best.select_loss == pytest.approx(sum(losses), rel=1e-4)
