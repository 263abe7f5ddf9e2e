"""A reader is told what was optimised and, of unequal classes, what the other choice would give."""

import json

import pytest
import yaml

from groupwise.report.page import write_report
from groupwise.report.verdict import verdict
from groupwise.runs.files import read_run

FIGURE = {"value": 0.61, "low": 0.5, "high": 0.7, "n": 12, "sources": 4, "method": "Wilson"}
OTHER = {
    "optimise": "balanced",
    "imbalance": 30.2,
    "accuracy": FIGURE,
    "balanced_accuracy": {**FIGURE, "value": 0.45},
}
COST = {
    "decided": {**FIGURE, "value": 0.41},
    "most_probable": {**FIGURE, "value": 0.52},
    "constant": {"class": "cat", "cost": 0.6},
}


def written(folder, optimise=None, **figures):
    """A run with more figures of its fold, and what its recipe was optimised for."""
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["test"] |= figures
    (folder / "metrics.json").write_text(json.dumps(metrics))
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text())
    if optimise:
        recipe["training"]["optimise"] = optimise
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder


def plain(text):
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


def test_an_older_run_was_for_accuracy_and_equal_classes_have_no_section(make_run):
    folder = make_run()
    assert "optimise" not in yaml.safe_load((folder / "recipe.yaml").read_text())["training"]
    write_report(folder)
    told = verdict(read_run(folder))
    assert told.optimised == "Optimised for accuracy."
    assert told.optimised in told.text
    page = plain((folder / "report.html").read_text())
    assert "Optimised for accuracy." in page
    assert "What it was optimised for" not in page
    assert json.loads((folder / "report.json").read_text())["optimised_for"] == "accuracy"


def test_unequal_classes_have_both_figures_side_by_side_and_the_other_choice(make_run):
    folder = written(make_run(), other_aim=OTHER, balanced_accuracy={**FIGURE, "value": 0.27})
    write_report(folder)
    page, card = (plain((folder / name).read_text()) for name in ("report.html", "README.md"))
    for text in (page, card, verdict(read_run(folder)).text):
        assert "the classes are unequal (30 to 1 in training)" in plain(text)
        assert "would have about 61.0 % accuracy and 45.0 % balanced accuracy" in plain(text)
        assert "an estimate" in plain(text)
    section = page.partition("What it was optimised for")[2]
    assert "accuracy, as it was" in section
    assert "balanced accuracy, an estimate" in section
    assert "27.0 %" in section
    assert "classes of 30.2 to 1 images" in section


@pytest.mark.parametrize(
    ("optimise", "figures", "words"),
    [
        ("balanced", {"balanced_accuracy": FIGURE}, "balanced accuracy, which is 61.0 % (95 % interval 50.0"),
        ("auroc", {"auroc": FIGURE}, "the mean AUROC of the classes, which is 0.610 (95 % interval 0.500 to"),
        ("cost", {"cost": COST}, "the least expected cost: an image costs 0.410 on average"),
        (
            "cost",
            {"cost": COST},
            "0.520 by its most probable class, and 0.600 where “cat” is always answered",
        ),
    ],
)
def test_what_was_asked_for_has_its_figure_everywhere(make_run, optimise, figures, words):
    folder = written(make_run(), optimise, **figures)
    write_report(folder)
    report = json.loads((folder / "report.json").read_text())
    for text in (
        report["verdict"]["text"],
        report["headline"]["optimised"],
        (folder / "README.md").read_text(),
    ):
        assert "Optimised for " in text
        assert words in plain(text)
    page = plain((folder / "report.html").read_text())
    assert words in page
    assert ("What answers cost" in page) is (optimise == "cost")
    assert report["optimised_for"] == optimise


def test_a_refit_is_mentioned_while_it_is_there(make_run):
    folder = make_run(ledger={"refit": {"folder": "refit", "learnt_from": 60, "epochs": 7}})
    write_report(folder)
    assert "A refit lies" not in (folder / "report.html").read_text()
    (folder / "refit").mkdir()
    write_report(folder)
    for name in ("report.html", "README.md"):
        told = plain((folder / name).read_text())
        assert "went on with all 60 images for 7 epochs" in told
        assert "nothing was measured on the refit" in told
