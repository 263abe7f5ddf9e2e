"""Each rule says its promise and what came of it; one that was refused says why, and shows no figure."""

import pytest

from groupwise.files import read_json, write_json
from groupwise.report.page import write_report
from groupwise.report.sections import decisions
from groupwise.runs.files import read_run

pytestmark = pytest.mark.usefixtures("plain_figures")

SHARE = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 12, "sources": 4}


@pytest.fixture
def measured(make_run):
    """A run whose test fold has further figures."""

    def measure(**figures):
        run = make_run()
        metrics = read_json(run / "metrics.json")
        metrics["test"] |= figures
        write_json(run / "metrics.json", metrics)
        return run

    return measure


def rules(run):
    return {rule.title: rule for rule in decisions.build(read_run(run)).values["rules"]}


def words(page):
    """All words of a page, those of neighbouring cells apart."""
    return " ".join(" ".join(page.words).split())


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_without_figures_there_is_no_section(make_run):
    assert decisions.build(read_run(make_run())) is None


def test_a_rule_tells_promise_and_measurement(measured, parse):
    run = measured(
        abstention={
            "error_rate": 0.05,
            "threshold": 0.6,
            "answered": SHARE,
            "accuracy": SHARE,
            "wrong": SHARE,
        },
        conformal={
            "alpha": 0.1,
            "coverage": SHARE,
            "mean_size": SHARE | {"value": 1.25, "low": 1.0, "high": 2.0},
        },
        unlike={"false_flag_rate": 0.05, "flagged": SHARE, "flagged_of_sources": SHARE | {"value": 0.85}},
    )
    told = rules(run)
    assert (
        plain(told["When to leave it to a person"].promise)
        == "At most 5.0 % of all images are answered wrongly."
    )
    sets = told["Sets of classes instead of one"]
    assert "at least 90.0 % of images" in plain(sets.promise)
    assert ("classes in a set, on average", "1.25", "1.00 to 2.00") in sets.figures
    text = words(parse(write_report(run)))
    assert "90.0 % 80.0 to 95.0 % were flagged 85.0 % 80.0 to 95.0 % the same, each source alike" in text
    assert "the fold “test”, which took no part, bears them out" in text


def test_a_figure_of_sources_that_says_the_same_is_left_out(measured):
    run = measured(unlike={"false_flag_rate": 0.05, "flagged": SHARE, "flagged_of_sources": SHARE})
    (rule,) = rules(run).values()
    assert [name for name, _, _ in rule.figures] == ["were flagged"]


def test_a_refused_rule_shows_its_reason_alone(measured, parse):
    run = measured(conformal={"alpha": 0.1, "reason": "9 sources are needed, and there are 4"})
    (rule,) = rules(run).values()
    assert rule.figures == ()
    text = words(parse(write_report(run)))
    assert "No rule: 9 sources are needed, and there are 4." in text
    assert "A set of classes holds" not in text  # what was refused promises nothing


def test_the_operating_point_names_class_threshold_and_prevalence(measured):
    point = {
        "class": "<b>dog</b>",
        "target_sensitivity": 0.95,
        "promised_sensitivity": 0.8,
        "threshold": 0.25,
    }
    run = measured(
        operating_point=point
        | {"sensitivity": SHARE, "specificity": SHARE, "prevalence": 0.02, "ppv": SHARE, "npv": SHARE}
    )
    (rule,) = rules(run).values()
    assert plain(rule.promise) == (
        "At least 80.0 % of the images of <b>dog</b> are called so, from a probability of 0.250 on."
    )
    names = [plain(name) for name, _, _ in rule.figures]
    assert names == [
        *("sensitivity", "specificity"),
        "positive predictive value at a prevalence of 2.0 %",
        "negative predictive value at a prevalence of 2.0 %",
    ]
    assert "<b>dog" not in write_report(run).read_text()


def test_the_surest_answers_are_a_table(measured, parse):
    at = {str(share): SHARE | {"coverage": share, "threshold": 0.5} for share in (0.8, 0.9, 0.95)}
    run = measured(risk_coverage={"area": SHARE, "accuracy_at": at, "points": [SHARE | {"coverage": 1.0}]})
    text = words(parse(write_report(run)))
    for share in ("80.0", "90.0", "95.0"):
        assert f"{share} % 90.0 % 80.0 to 95.0 %" in text
    assert (run / "figures" / "coverage.png").is_file()


@pytest.mark.parametrize(
    ("low", "high", "standing"),
    [(0.01, 0.05, "kept"), (0.051, 0.2, "broken"), (0.04, 0.051, "open"), (None, None, "open")],
)
def test_a_promise_has_its_verdict(measured, parse, low, high, standing):
    wrong = SHARE | {"value": 0.05, "low": low, "high": high}
    run = measured(
        abstention={"error_rate": 0.05, "answered": SHARE, "wrong": SHARE, "wrong_of_sources": wrong},
    )
    (rule,) = rules(run).values()
    assert rule.standing == standing
    page = parse(write_report(run))
    shown = [attrs["class"] for tag, attrs in page.elements if tag == "strong" and "class" in attrs]
    assert shown == [f"standing {standing}"]
    assert ("1 did not hold" in page.text) == (standing == "broken")


def test_a_refused_rule_promises_nothing_and_has_no_verdict(measured):
    run = measured(abstention={"error_rate": 0.05, "reason": "too few"})
    (rule,) = rules(run).values()
    assert rule.verdict == ""
