"""Studies that train again where images have several labels: control, leakage, learning curve."""

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from copies_case import QUIET, open_case, write_run, write_set_patterns
from groupwise.cli.main import main
from groupwise.data.split import Assignment, Split
from groupwise.data.targets import Targets
from groupwise.experiments.leakage import leakage
from groupwise.experiments.learning_curve import learning_curve
from groupwise.experiments.permutation_test import judge_sets, permutation_test_words
from groupwise.experiments.retrain import retrain
from groupwise.experiments.subsets import subset
from groupwise.files import read_csv


@pytest.fixture(scope="module")
def patterns(tmp_path_factory):
    return write_set_patterns(tmp_path_factory.mktemp("patterns"))


def test_sets_that_mean_nothing_are_at_chance_unless_copies_are_learnt_from(patterns, tmp_path, capsys):
    honest = write_run(tmp_path / "honest", patterns, **{"training.epochs": 1})
    assert main(["control", str(honest.folder), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["permuted"] == "labels among sources"
    assert facts["controls"][0]["at_chance"] is True
    leaky = write_run(tmp_path / "leaky", patterns, **{"split.method": "random", "training.epochs": 16})
    assert main(["control", str(leaky.folder)]) == 0
    said = capsys.readouterr().out
    assert "mean AUROC" in said
    assert "1 of 1 above chance: labels that mean nothing were recognised" in said


def test_chance_of_sets_is_an_auroc_of_a_half():
    rng = np.random.default_rng(0)
    members, probs = rng.random((80, 3)) < 0.4, rng.random((80, 3))
    found = judge_sets(members, probs, np.arange(80), ("a", "b", "c"))
    expected = roc_auc_score(members, probs, average="macro")
    assert found["auroc"]["value"] == pytest.approx(expected, abs=1e-12)
    assert found["at_chance"]
    knowing = judge_sets(members, 0.6 * members + 0.4 * probs, np.arange(80), ("a", "b", "c"))
    assert not knowing["at_chance"]
    alone = judge_sets(members, probs, np.zeros(80, int), ("a", "b", "c"))
    assert alone["at_chance"] is None
    facts = {"permuted": "sets", "sources": 1, "method": "grouped", "epochs": 1, "controls": [alone]}
    assert "no interval" in "\n".join(permutation_test_words(facts))


def test_a_network_trained_again_gives_labels_by_thresholds_of_val(patterns, tmp_path):
    run = write_run(tmp_path / "run", patterns, **{"training.epochs": 2})
    materials = open_case(run, tmp_path)
    asked = retrain(materials, materials.split, seed=1, scratch=tmp_path, on_batch=lambda *_: None)
    test = materials.split.indices("test")
    assert (asked.rows == test).all()
    assert asked.probs.shape == asked.predicted.shape == (2, len(test), 2)
    expected = accuracy_score(materials.split.targets.values[test], asked.predicted[1])
    assert asked.right[1].mean() == pytest.approx(expected, abs=1e-12)
    # One threshold a label: what was given is all that reaches the least probability that was given it
    for k in range(2):
        given, probs = asked.predicted[1, :, k], asked.probs[1, :, k]
        assert not given.any() or not (probs[~given] > probs[given].min()).any()


def test_a_random_split_of_copies_has_more_exactly_right(patterns, tmp_path, capsys):
    run = write_run(tmp_path / "run", patterns, **{"training.epochs": 4})
    facts = leakage(run.folder, seeds=1, console=QUIET)
    found = facts["retrained"]
    assert facts["labels"] == "several"
    assert found["random"]["value"] > found["grouped"]["value"] + 0.2
    rows = [row for row in read_csv(run.path("leakage.csv"), ()) if row["split"] == "random"]
    assert found["random"]["value"] == pytest.approx(np.mean([int(row["right"]) for row in rows]))
    assert main(["leakage", str(run.folder)]) == 0
    assert "% exactly right under random splits" in " ".join(capsys.readouterr().out.split())


def test_a_curve_of_sets_counts_exactly_right_images(patterns, tmp_path):
    run = write_run(tmp_path / "run", patterns, group_regex=None, **{"training.epochs": 1})
    facts = learning_curve(run.folder, repeats=1, console=QUIET)
    assert [len(point["scores"]) for point in facts["points"]] == [1] * 4
    assert "% exactly right" in facts["words"][0]
    assert "points of exactly right images" in facts["words"][1]


def test_every_label_keeps_a_source_in_the_smallest_part():
    labels = ["|a|", "|a|b|", "|a|b|", "|a|c|", "|a|c|", "|", "|a|b|c|", "|a|"] * 4 + ["|d|"]
    rows = write_rows(labels)
    kept = [set(subset(rows, size, seed=1).indices("train").tolist()) for size in (0.01, 0.25, 0.5, 1)]
    assert kept[0] < kept[1] < kept[2] < kept[3]
    assert len(kept[1]) < 0.5 * len(labels)
    members = Targets.of(labels).members.astype(bool)
    assert members[sorted(kept[0])].any(axis=0).all()


def write_rows(labels):
    return Split(tuple(Assignment(f"{i}.png", label, f"g{i}", i, "train") for i, label in enumerate(labels)))
