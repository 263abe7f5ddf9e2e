from dataclasses import replace

import numpy as np
import pytest

from groupwise.data.split import Assignment, Split
from groupwise.evaluation.evaluate import Scored, write_scores
from groupwise.experiments.pooling import ALIKE, METRICS, fold_means, in_words, out_of_fold
from groupwise.runs.request import CrossValidation
from groupwise.runs.run import Run
from groupwise.stats.repeated import nadeau_bengio_mean

CV = CrossValidation(folds=3, repeats=2)


@pytest.fixture
def study(tmp_path):
    """A study of 12 images of 6 sources, whose fold models gave random answers, and these answers."""
    rng = np.random.default_rng(0)
    study = Run.create(tmp_path / "cv", data=tmp_path, root=tmp_path, version="0")
    rows = [Assignment(f"{i:02}", "ab"[i % 2], f"g{i // 2}", i, f"fold-{i // 4 + 1}") for i in range(12)]
    Split((*rows, Assignment("12", "a", "", 12, "excluded"))).write(study.path("split.csv"))
    study.record("split.csv")
    study.path("recipe.yaml").write_text("name: default\n", encoding="utf-8")
    study.record("recipe.yaml")
    models, given = [], {}
    for repeat in (1, 2):
        for fold in CV.shares:
            run = Run.create(study.path(f"repeat-{repeat}/{fold}"), data=tmp_path, root=tmp_path, version="0")
            held = [row for row in rows if row.fold == fold]
            probs = rng.dirichlet([1, 1], len(held))
            for row, p in zip(held, probs, strict=True):
                given.setdefault(row.path, []).append(p)
            tested = Scored(tuple(row._replace(fold="test") for row in held), ("a", "b"), probs, {})
            seen = Scored(tuple(row._replace(fold="val") for row in rows[:2]), ("a", "b"), np.eye(2), {})
            write_scores(run, {"val": seen, "test": tested}, made_from=[])
            models.append(f"repeat-{repeat}/{fold}")
    return study, models, given


def test_repeats_are_averaged_and_val_takes_no_part(study):
    run, models, given = study
    found = out_of_fold(run, models)
    assert [row.path for row in found.rows] == sorted(given)
    assert found.probs == pytest.approx(np.array([np.mean(given[row.path], axis=0) for row in found.rows]))
    assert found.metrics["n"] == 12
    assert found.metrics["sources"] == 6


def test_a_metric_that_a_fold_lacks_has_no_mean():
    score = dict.fromkeys(METRICS, 0.9)
    found = fold_means([score, score | {"auroc": None, "accuracy": 0.8}, score], CV)
    assert "auroc" not in found
    assert found["accuracy"] == nadeau_bengio_mean([0.9, 0.8, 0.9], 1 / 2, most=1.0)


def test_the_words_say_whose_number_it_is(study):
    run, models, _ = study
    figures = out_of_fold(run, models).metrics
    means = {"accuracy": nadeau_bengio_mean([0.6, 0.5, 0.55], 1 / 2, most=1.0)}
    first, second, *_ = in_words(figures, means, CV)
    assert first.startswith("How often is the mean of 2 such models right on new sources?")
    assert "Mean of 3 folds x 2 repeats 55.0 %, standard deviation 5.0; 95 % interval" in second
    alike = {"accuracy": nadeau_bengio_mean([0.6, 0.6, 0.6], 1 / 2)}
    assert "no interval: all folds scored alike" in in_words(figures, alike, CV)[1]


@pytest.mark.parametrize(("reach", "told"), [(0.09, True), (0.1001, False), (0.11, False)])
def test_folds_that_scored_alike_by_luck_are_said_to_be(study, reach, told):
    run, models, _ = study
    figures = out_of_fold(run, models).metrics
    figures["accuracy"] |= {"low": 0.4, "high": 0.6}
    mean = replace(nadeau_bengio_mean([0.6, 0.5, 0.55], 1 / 2, most=1.0), low=0.5 - reach, high=0.5 + reach)
    assert (ALIKE in in_words(figures, {"accuracy": mean}, CV)) == told
