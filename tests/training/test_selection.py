"""The epoch is chosen by the figure that is asked for, and figures equal scikit-learn's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score

from fit_case import fit, small_config, small_data, small_model
from groupwise.distributed.world import World
from groupwise.training.config import EpochRecord
from groupwise.training.selection import Answers, rank, score

COSTS = np.array([[0.0, 10.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])


def drawn(n=90):
    rng = np.random.default_rng(0)
    labels = rng.choice(3, n, p=[0.7, 0.2, 0.1])
    return labels, rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[labels]


def figures(by, labels, logits, costs=None):
    answers = Answers(by)
    for part in np.array_split(np.arange(len(labels)), 3):
        answers.add(torch.from_numpy(logits[part]), torch.from_numpy(labels[part]))
    return answers.figures(costs, World())


def test_figures_equal_those_of_scikit_learn():
    labels, logits = drawn()
    told = figures(("balanced_accuracy", "auroc", "loss"), labels, logits)
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert told.keys() == {"select_balanced_accuracy", "select_auroc"}
    assert told["select_balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(labels, logits.argmax(1))
    )
    each = [roc_auc_score(labels == k, probs[:, k]) for k in range(3)]
    assert told["select_auroc"] == pytest.approx(np.mean(each))


def test_the_cost_is_that_of_the_answers_of_the_least_expected_cost():
    labels, logits = drawn()
    told = figures(("cost",), labels, logits, COSTS)["select_cost"]
    assert 0 < told < COSTS[labels, logits.argmax(1)].mean()
    assert figures(("cost",), labels, 100 * np.eye(3)[labels], COSTS)["select_cost"] == 0


def test_nothing_is_kept_for_sums_and_what_is_undefined_is_none():
    labels, logits = drawn()
    assert figures(("accuracy", "loss"), labels, logits) == {}
    assert figures(("auroc",), np.zeros(90, int), logits) == {"select_auroc": None}


def record(**others):
    fields = dict.fromkeys(EpochRecord.__dataclass_fields__, 0.0) | {"epoch": 1, "select_fold": "val"}
    return EpochRecord(**fields | others)


def test_the_lowest_cost_and_loss_rank_first_and_the_undefined_last():
    assert rank(record(select_cost=0.2), ("cost",)) > rank(record(select_cost=0.3), ("cost",))
    one, other = (record(select_auroc=0.9, select_loss=loss) for loss in (0.1, 0.2))
    assert rank(one, ("auroc", "loss")) > rank(other, ("auroc", "loss"))
    assert score(record(select_auroc=None), "auroc") < score(record(select_auroc=0.0), "auroc")


@pytest.mark.parametrize("name", ["balanced_accuracy", "auroc", "cost"])
def test_a_training_keeps_the_epoch_that_is_best_by_it(tmp_path, name, monkeypatch):
    planted = iter([0.6, 0.9, 0.7, 0.8])
    monkeypatch.setattr(
        "groupwise.training.selection.figure", lambda *_: next(planted) * (-1 if name == "cost" else 1)
    )
    data = replace(small_data(), costs=COSTS[:2, :2])
    fitted = fit(small_model(), data, small_config(select_by=(name, "loss")), checkpoints=tmp_path)
    assert fitted.best.epoch == 2
    assert abs(getattr(fitted.best, f"select_{name}")) == 0.9


def test_figures_of_sets_of_labels_equal_those_of_scikit_learn():
    rng = np.random.default_rng(2)
    members = (rng.random((60, 4)) < 0.3).astype(np.uint8)
    logits = torch.from_numpy(rng.normal(size=(60, 4)) + 2 * members)
    kept = Answers(("average_precision", "auroc", "loss"))
    for part in (slice(0, 25), slice(25, 60)):
        kept.add(logits[part], torch.from_numpy(members[part]))
    assert kept.figures(None, World()) == {
        "select_average_precision": pytest.approx(average_precision_score(members, logits), abs=1e-12),
        "select_auroc": pytest.approx(roc_auc_score(members, logits), abs=1e-12),
    }
