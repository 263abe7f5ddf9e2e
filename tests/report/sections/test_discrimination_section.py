"""What the page says of the curves, and that they are drawn."""

import numpy as np
import pytest

from groupwise.files import read_json, write_json
from groupwise.report import score_plots
from groupwise.report.page import write_report
from groupwise.report.sections.discrimination import worth
from groupwise.stats.fold import check_fold
from groupwise.stats.score_curves import score_curves


@pytest.fixture
def with_curves(make_run):
    def add(classes=("cat", "dog"), positive=None):
        run = make_run(classes=classes)
        rng = np.random.default_rng(0)
        labels = np.arange(60) % len(classes)
        probs = rng.dirichlet(np.ones(len(classes)), 60) + 2 * np.eye(len(classes))[labels]
        fold = check_fold(labels, probs / probs.sum(axis=1, keepdims=True), np.arange(60) // 2, classes)
        metrics = read_json(run / "metrics.json")
        metrics["test"] |= score_curves(fold, classes, positive=positive, seed=0)
        write_json(run / "metrics.json", metrics)
        return run

    return add


@pytest.mark.usefixtures("plain_figures")
def test_two_classes_have_four_curves_and_more_say_how_to_get_the_fourth(with_curves, parse):
    page = parse(write_report(with_curves()))
    assert "Dog against the rest, on the fold “test”" in page.text
    assert "Acting on the network is better than acting on all and on none from" in page.text
    assert "groupwise decide RUN --class" not in page.text
    run = with_curves(("cat", "dog", "fox"))
    page = parse(write_report(run))
    assert "Mean over 3 of 3 classes, each against the rest, on the fold" in page.text
    assert "groupwise decide RUN --class" in page.text
    assert {path.name for path in (run / "figures").iterdir()} >= {"roc.png", "precision_recall.png"}


@pytest.mark.usefixtures("plain_figures")
def test_a_run_measured_before_there_were_curves_has_no_such_section(make_run, parse):
    assert "what acting on it is worth" not in parse(write_report(make_run())).text


def test_the_worth_names_where_the_network_leads_and_where_that_is_certain():
    def point(percent, value, low):
        return {"threshold": percent / 100, "gain": {"value": value, "low": low}}

    points = [point(1, 0.1, -0.1), point(2, 0.2, 0.1), point(3, 0.2, None), point(4, 0, 0), point(5, 0.1, 0)]
    leads, certain = worth(points)
    assert leads.replace("\N{NO-BREAK SPACE}", " ").endswith("from 1 to 3 and at 5 %.")
    assert certain.replace("\N{NO-BREAK SPACE}", " ").endswith("above 0 at 2 %.")
    assert worth([point(1, 0, 0)]) == [
        "At no threshold is acting on the network better than acting on all or on none."
    ]


def test_every_curve_is_drawn_with_and_without_bands():
    points = [{"x": i / 4, "value": i / 4, "low": None, "high": None} for i in range(5)]
    for name, draw in (
        ("fpr", score_plots.roc),
        ("threshold", score_plots.net_benefit),
        ("recall", lambda points: score_plots.precision_recall(points, 0.5)),
    ):
        bare = [{name: point["x"], "treat_all": 0.2, **point} for point in points]
        banded = [one | {"low": one["value"] / 2, "high": 1} for one in bare]
        assert draw(bare) != draw(banded)
    counts = {"cat": [3, 0, 1], "dog": [0, 0, 0]}
    assert score_plots.spread(counts) != score_plots.spread(counts | {"dog": [0, 0, 1]})
