import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import precision_score, recall_score

from groupwise.evaluation.decide import Seen, decide, undecided
from groupwise.evaluation.decision_metrics import decision_metrics, predictive_values
from groupwise.evaluation.promises import check_promises
from groupwise.inference.decision import Decision
from groupwise.inference.predictor import Outputs
from groupwise.recipe.decision import DecisionConfig
from groupwise.stats.conformal import Abstention, OperatingPoint
from groupwise.stats.estimate import Estimate
from groupwise.stats.fold import check_fold
from groupwise.stats.intervals import fraction

CLASSES = ("cat", "dog", "owl")
CONFIG = DecisionConfig(0.1, 0.1, 0.1, target_sensitivity=0.9, positive_class="owl", prevalence=0.2)


def seen(seed, sources=90, copies=2):
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(sources), copies)
    labels = (np.arange(sources) % 3)[number]
    logits = 2 * np.eye(3)[labels] + rng.normal(size=(sources, 3))[number]
    features = np.abs(logits @ np.ones((3, 5)) / 3 + rng.normal(size=(len(labels), 5))).astype(np.float32)
    return Seen(Outputs(logits, features), labels, number)


REFERENCE = seen(0).outputs.features
DECISION = decide(seen(1), REFERENCE, CLASSES, 1.0, CONFIG)


def figures(decision=DECISION, data=None, reference=REFERENCE):
    data = data or seen(2)
    probs = softmax(data.outputs.logits, axis=1)
    fold = check_fold(data.labels, probs, data.sources, CLASSES)
    return decision_metrics(fold, decision, *data.outputs, reference), fold


def test_figures_are_those_of_the_answers():
    found, fold = figures()
    answers = DECISION.answers(*seen(2).outputs, REFERENCE)
    names = np.array(CLASSES)[fold.labels]
    held = [name in answer.prediction_set for name, answer in zip(names, answers, strict=True)]
    sizes = [len(answer.prediction_set) for answer in answers]
    assert found["conformal"]["coverage"]["value"] == pytest.approx(np.mean(held))
    assert found["conformal"]["mean_size"]["value"] == pytest.approx(np.mean(sizes))
    assert found["conformal"]["singletons"]["value"] == pytest.approx(np.mean(np.equal(sizes, 1)))
    answered = np.array([not answer.abstain for answer in answers])
    right = np.array([answer.label for answer in answers]) == names
    assert found["abstention"]["answered"]["value"] == pytest.approx(answered.mean())
    assert found["abstention"]["accuracy"]["value"] == pytest.approx(right[answered].mean())
    assert found["abstention"]["wrong"]["value"] == pytest.approx((answered & ~right).mean())
    assert found["unlike"]["flagged"]["value"] == pytest.approx(np.mean([a.unlike for a in answers]))
    called = np.array([answer.decided for answer in answers]) == "owl"
    point = found["operating_point"]
    assert point["sensitivity"]["value"] == pytest.approx(recall_score(names == "owl", called))
    assert point["specificity"]["value"] == pytest.approx(recall_score(names != "owl", ~called))
    json.dumps(found, allow_nan=False)


def test_figures_of_sources_weigh_each_the_same():
    data = seen(2)
    found, fold = figures()
    keep = np.r_[0, 0, 0, 0, 0, 0, np.arange(len(data.labels))]  # one source has many images
    heavy = Seen(Outputs(*(part[keep] for part in data.outputs)), data.labels[keep], data.sources[keep])
    again, _ = figures(data=heavy)
    same = [f["conformal"]["coverage_of_sources"]["value"] for f in (found, again)]
    assert same[0] == pytest.approx(same[1])
    assert found["conformal"]["coverage_of_sources"]["n"] == fold.n_sources
    assert found["unlike"]["flagged"]["value"] != again["unlike"]["flagged"]["value"]


def test_promises_on_answers_and_on_a_class_are_checked_with_each_source_alike():
    # One source in twenty has most of the images, and all that is wrong.
    sources = np.r_[np.repeat(np.arange(20), 100), np.arange(20, 400)]
    labels = np.where(sources % 2, 2, 0)
    wrong = (sources < 20) & (np.arange(len(sources)) % 5 == 0)
    said = np.where(wrong, 2 - labels, labels)
    probs = np.full((len(labels), 3), 0.01)
    probs[np.arange(len(labels)), said] = 0.98
    fold = check_fold(labels, probs, sources, CLASSES)
    point = OperatingPoint("owl", 0.95, promised_sensitivity=0.95, sources=99, threshold=0.5)
    decision = Decision(
        CLASSES, abstention=Abstention(0.05, sources=99, threshold=0.1), operating_point=point
    )
    found = decision_metrics(fold, decision, np.log(probs), REFERENCE[:1], None)
    assert found["abstention"]["wrong"]["value"] == pytest.approx(400 / 2380)
    assert found["abstention"]["wrong_of_sources"]["value"] == pytest.approx(0.01)
    of_class = found["operating_point"]
    assert of_class["sensitivity"]["value"] == pytest.approx(1 - 200 / 1190)
    assert of_class["sensitivity_of_sources"]["value"] == pytest.approx(0.99)
    assert of_class["sensitivity_of_sources"]["n"] == 200  # the sources of the class
    assert {one["standing"] for one in check_promises(found)} == {"kept"}
    all_wrong = check_fold(2 - labels, probs, sources, CLASSES)
    broken = check_promises(decision_metrics(all_wrong, decision, np.log(probs), REFERENCE[:1], None))
    assert {one["standing"] for one in broken} == {"broken"}


def test_limits_stay_where_the_figure_can_be():
    found, _ = figures()
    size = found["conformal"]["mean_size"]
    assert 1 <= size["low"] <= size["value"] <= size["high"] <= 3


def test_predictive_values_are_scikit_learns_at_the_folds_own_prevalence():
    data = seen(2)
    member = data.labels == 2
    decision = replace(
        DECISION, operating_point=replace(DECISION.operating_point, prevalence=float(member.mean()))
    )
    found, fold = figures(decision)
    called = DECISION.operating_point.decide(fold.probs, 2) == 2
    point = found["operating_point"]
    assert point["ppv"]["value"] == pytest.approx(precision_score(member, called))
    assert point["npv"]["value"] == pytest.approx(precision_score(~member, ~called))
    assert point["ppv"]["low"] < point["ppv"]["value"] < point["ppv"]["high"]


def test_predictive_values_hold_the_truth():
    rng, held = np.random.default_rng(0), []
    for _ in range(400):
        sens, spec = (
            fraction(rng.binomial(1, rate, n).astype(float), np.ones(n), "")
            for rate, n in ((0.9, 40), (0.8, 60))
        )
        ppv, npv = predictive_values(sens, spec, 0.1)
        truth = 0.09 / (0.09 + 0.18), 0.72 / (0.72 + 0.01)
        held.append([ppv.low <= truth[0] <= ppv.high, npv.low <= truth[1] <= npv.high])
    assert (np.mean(held, axis=0) >= 0.94).all()


def test_what_cannot_be_known_says_why():
    undefined = Estimate(None, 0, 0, reason="no image of owl in this fold")
    ppv, _ = predictive_values(undefined, Estimate(0.9, 10, 10, 0.6, 0.99), 0.1)
    assert (ppv.value, ppv.reason) == (None, "no image of owl in this fold")
    found, _ = figures(undecided(CLASSES, CONFIG, "the epoch was chosen on the test fold"))
    assert {part["reason"] for part in found.values()} == {"the epoch was chosen on the test fold"}
    assert figures(Decision(CLASSES))[0] == {}
