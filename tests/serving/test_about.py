from groupwise.serving.about import about
from serving_case import FakePredictor

FIGURES = {"value": 0.97, "low": 0.9, "high": 0.99, "n": 179, "sources": 20}


def told(**facts):
    predictor = FakePredictor()
    predictor.facts = facts
    return about(predictor)


def test_the_page_is_told_the_accuracy_on_test_and_no_other():
    accuracy = {"val": FIGURES | {"value": 1.0}, "test": FIGURES}
    assert told(source={"run": "demo", "accuracy": accuracy})["accuracy"] == {
        "value": 0.97, "low": 0.9, "high": 0.99, "n": 179, "sources": 20,
    }  # fmt: skip
    assert told(source={"run": "demo", "accuracy": {"val": FIGURES}})["accuracy"] is None
    assert told(source={"accuracy": {"test": FIGURES | {"low": None}}})["accuracy"] is None
    assert told(source={"accuracy": {"out-of-fold": FIGURES}})["accuracy"]["n"] == 179


def test_of_several_labels_the_page_is_told_the_mean_average_precision():
    found = told(source={"average_precision": {"test": FIGURES}}, decision={"label_sets": {"alpha": 0.1}})
    assert (found["accuracy"], found["average_precision"]["value"]) == (None, FIGURES["value"])


def test_sets_are_promised_only_where_they_were_decided():
    assert told(decision={"conformal": {"alpha": 0.1, "threshold": 0.2}})["coverage"] == 0.9
    assert told(decision={"conformal": {"alpha": 0.1, "threshold": None}})["coverage"] is None
    assert told(decision={"conformal": None})["coverage"] is None
    assert told(decision={"label_sets": {"alpha": 0.2, "threshold": 0.1}})["coverage"] == 0.8
    assert told(decision={"label_sets": {"alpha": 0.2, "threshold": None}})["coverage"] is None
    assert told()["coverage"] is None


def test_the_operating_point_is_told_where_there_is_one():
    point = {"positive_class": "light", "target_sensitivity": 0.95, "promised_sensitivity": 0.9}
    assert told(decision={"operating_point": point | {"threshold": 0.276}})["operating_point"] == {
        "label": "light", "threshold": 0.276, "sensitivity": 0.9,
    }  # fmt: skip
    assert told(decision={"operating_point": point | {"threshold": None}})["operating_point"] is None
    assert told(decision={"operating_point": None})["operating_point"] is None
    assert told()["operating_point"] is None


def test_the_baseline_is_that_of_the_test_fold():
    lead = {"value": -0.4, "low": -0.5, "high": -0.3, "reason": None}
    beside = {"name": "largest_class", "answer": "free", "measure": "accuracy", "standing": "loses"}
    beside |= {"value": 0.69, "network": 0.28, "lead": lead}
    assert told(source={"baseline": {"test": beside, "val": {}}})["baseline"] == beside
    assert told(source={"baseline": {"val": beside}})["baseline"] is None
    assert told(source={"run": "older"})["baseline"] is None


def test_a_bundle_of_sets_says_that_a_picture_may_have_several():
    rule = {"thresholds": [0.5, 0.5], "alpha": 0.1, "threshold": 0.2}
    assert told(decision={"label_sets": rule})["several"] is True
    assert told(decision={"label_sets": None})["several"] is False
    assert told()["several"] is False
