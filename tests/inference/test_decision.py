import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import softmax

from groupwise.inference.decision import Decision
from groupwise.inference.text import decision_lines
from groupwise.stats.conformal import Abstention, Conformal, OperatingPoint
from groupwise.stats.label_rule import LabelRule
from groupwise.stats.ood import OutOfDistribution

CLASSES = ("cat", "dog", "owl")
LOGITS = np.array([[4.0, 0.0, 0.0], [1.0, 0.9, -3.0], [-1.0, 0.0, 1.0]])
WHOLE = Decision(
    CLASSES,
    2.0,
    Conformal(0.1, 30, threshold=0.3),
    Abstention(0.05, 30, threshold=0.6),
    OutOfDistribution(0.05, 30, distance=0.5, energy=10.0),
    OperatingPoint("owl", 0.95, 0.02, 0.95, 30, threshold=0.05),
)


def test_each_part_speaks_in_the_answer():
    features = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    reference = np.tile(np.float32([[1, 0]]), (20, 1))
    sure, torn, odd = WHOLE.answers(LOGITS, features, reference)
    probs = softmax(LOGITS / 2.0, axis=1)
    assert (sure.label, sure.probability) == ("cat", pytest.approx(probs[0, 0]))
    assert dict(sure.probabilities) == pytest.approx(dict(zip(CLASSES, probs[0], strict=True)))
    assert [sure.prediction_set, torn.prediction_set] == [("cat",), ("cat", "dog")]
    assert odd.prediction_set == ("owl", "dog")  # most probable first
    assert [sure.abstain, torn.abstain, odd.abstain] == [False, True, True]
    assert [sure.unlike, torn.unlike, odd.unlike] == [False, False, True]
    # The point calls all three owl, whose probability is above 0.05 in each.
    assert [answer.decided for answer in (sure, torn, odd)] == ["owl", "owl", "owl"]
    assert [answer.label for answer in (sure, torn, odd)] == ["cat", "cat", "owl"]


def test_costs_decide_and_leave_the_most_probable_class_its_name():
    dear = Decision(CLASSES, costs=((0.0, 9.0, 9.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)))
    answers = dear.answers(LOGITS)
    assert [answer.label for answer in answers] == ["cat", "cat", "owl"]
    assert [answer.decided for answer in answers] == ["cat", "cat", "cat"]  # to miss a cat costs nine
    torn = np.array([[0.9, 1.0, -3.0]])
    assert (dear.answers(torn)[0].label, dear.answers(torn)[0].decided) == ("dog", "cat")
    assert Decision(CLASSES).answers(torn)[0].decided == "dog"
    assert "costs" not in Decision(CLASSES).as_json()  # whose digest stays as it was


@pytest.mark.parametrize(
    ("sensitivity", "words"), [(0.95, "95"), (0.975, "97.5"), (0.97826, "97.8"), (0.9996, "99.9")]
)
def test_no_more_is_promised_of_a_point_than_it_can(sensitivity, words):
    point = OperatingPoint("owl", 0.95, 0.02, sensitivity, 30, threshold=0.05)
    (line,) = decision_lines(Decision(CLASSES, operating_point=point))
    assert f"recognised in at least {words} % of its images" in line


def test_what_was_not_decided_is_not_said():
    bare = Decision(CLASSES).answers(LOGITS)
    assert {(a.prediction_set, a.abstain, a.unlike, a.decided == a.label) for a in bare} == {
        (None, None, None, True)
    }
    parts = [part(0.1, 3, reason="few") for part in (Conformal, Abstention, OutOfDistribution)]
    refused = Decision(CLASSES, 1.0, *parts)
    features = np.ones((3, 2), dtype=np.float32)
    assert [a.as_json() for a in refused.answers(LOGITS, features, features)] == [a.as_json() for a in bare]
    assert WHOLE.answers(LOGITS)[0].unlike is None  # without features nothing is known


@pytest.mark.parametrize(
    "decision",
    [
        WHOLE,
        Decision(CLASSES, 0.7),
        Decision(CLASSES, 1.0, Conformal(0.1, 3, reason="few")),
        Decision(CLASSES, costs=((0.0, 9.0, 9.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0))),
    ],
)
def test_json_holds_the_whole_decision(decision):
    assert Decision.from_json(json.loads(json.dumps(decision.as_json(), allow_nan=False))) == decision


def test_an_answer_is_ready_for_json():
    answer = WHOLE.answers(LOGITS)[1]
    assert json.loads(json.dumps(answer.as_json())) == {
        "label": "cat",
        "probability": answer.probability,
        "probabilities": dict(answer.probabilities),
        "prediction_set": ["cat", "dog"],
        "abstain": True,
        "unlike": None,
        "decided": "owl",
    }


def test_reading_a_decision_needs_neither_torch_nor_scipy():
    modules = "import sys, groupwise.inference.decision; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", modules], capture_output=True, text=True, check=True)
    assert not {"torch", "scipy"} & set(done.stdout.split())


def test_sets_of_labels_are_answered_each_label_by_itself():
    rule = LabelRule((0.5, 0.7, 0.5), 0.1, 20, 0.2)
    decision = Decision(("a", "b", "c"), 2.0, label_sets=rule)
    logits = np.array([[2.0, 1.0, -2.5], [-9.0, -8.0, -7.0]])
    first, second = decision.answers(logits)
    assert first.probabilities["a"] == pytest.approx(1 / (1 + np.exp(-1)))  # at temperature 2
    assert first.labels == ("a",)  # b has 0.62, below its own line
    assert first.label == first.decided == "|a|"
    assert first.prediction_set == ("a", "b", "c")
    assert (second.labels, second.label, second.prediction_set, second.top) == ((), "|", (), "c")
    assert json.loads(json.dumps(first.as_json()))["labels"] == ["a"]
    assert Decision.from_json(json.loads(json.dumps(decision.as_json()))) == decision
