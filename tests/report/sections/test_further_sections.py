"""Sections of further files say what these hold, are absent without them, and take names as text."""

import numpy as np
import pytest
from PIL import Image

from groupwise.data.manifest import Manifest, Sample
from groupwise.evaluation.cases import Pictures, measure_cases
from groupwise.files import read_json, write_csv, write_json
from groupwise.report.checklist.limits import slices
from groupwise.report.page import write_report
from groupwise.report.sections import number
from groupwise.report.sections.cases import tell
from groupwise.report.sections.subgroups import verdict
from groupwise.report.sections.unchecked import unchecked
from groupwise.report.translation import translated
from groupwise.report.validity import notes
from groupwise.runs.files import read_run
from groupwise.stats.cases import CaseRule

pytestmark = pytest.mark.usefixtures("plain_figures")


def test_slices_name_the_worst_and_what_it_is_worth(make_run, probed, parse):
    run = probed(make_run())
    text = parse(write_report(run)).text
    assert (
        "The lowest of 2 slices is site = <b>south</b>: 60.0 % (95 % interval 50.0 to 90.0 %) of 6 images"
        " from 2 sources. Among so many slices chance alone may do that (p = 0.4, after Holm)."
    ) in text
    assert "Not compared: id (another value for every image)." in text


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.001, "That is more than chance among so many slices (p = 0.001, after Holm)."),
        (0.0004, "(p < 0.001, after Holm)"),
        (0.05, "chance alone may do that"),
        (None, "partly by chance, and that part was not measured"),
    ],
)
def test_the_verdict_follows_the_corrected_p(make_run, probed, p, words):
    facts = read_json(probed(make_run()) / "slices.json")
    facts["columns"][0]["slices"][1]["p_holm"] = p
    assert words in verdict(facts)


@pytest.mark.parametrize(("p", "red"), [(0.04, 1), (0.06, 0), (None, 0)])
def test_only_what_is_beyond_chance_is_red(make_run, probed, parse, p, red):
    run = probed(make_run())
    facts = read_json(run / "slices.json")
    for one in facts["columns"][0]["slices"]:
        one |= {"p_holm": p} | ({"reason": "sources have several values"} if p is None else {})
    facts["columns"][0]["slices"][0]["p_holm"] = None if p is None else 0.9
    write_json(run / "slices.json", facts)
    page = parse(write_report(run))
    assert sum(attrs.get("class") == "beyond" for _, attrs in page.elements) == red
    assert ("No p-values for site: sources have several values." in page.text) == (p is None)


def test_without_slices_of_several_sources_nothing_is_called_worst(make_run, probed):
    facts = read_json(probed(make_run()) / "slices.json")
    assert (
        verdict(facts | {"worst": None, "compared": 0})
        == "No slice holds several sources, so none can be compared."
    )


def test_slices_that_tie_are_all_named(make_run, probed):
    facts = read_json(probed(make_run()) / "slices.json")
    for one in facts["columns"][0]["slices"]:
        one["accuracy"]["value"] = 0.6
    assert "none is lowest alone: site = north, site = <b>south</b> tie at" in verdict(
        facts | {"worst": None}
    )


def test_columns_that_nobody_compared_are_not_called_absent(make_run):
    run = make_run()
    assert "no such column was given" in " ".join(unchecked(read_run(run)))
    Manifest(run, (Sample("a.png", "cat", extra={"site": "north"}),)).write(run / "manifest.csv")
    assert "`groupwise slices RUN` compares by site" in " ".join(unchecked(read_run(run)))
    skipped = [{"column": "site", "reason": "the same for all images: north"}]
    write_json(run / "slices.json", {"fold": "test", "columns": [], "skipped": skipped})
    assert "no column of the data could be compared" in " ".join(unchecked(read_run(run)))
    assert "No column of the data could be compared" in slices(read_run(run)).text


def test_a_network_that_may_be_guessing_accuses_no_label(make_run, parse):
    run = make_run()
    header = ["path", "label", "suggested"]
    write_csv(run / "label_errors.csv", header, [("image-0-0.png", "cat", "dog")])
    assert "Look for wrong labels first." in parse(write_report(run)).text
    metrics = read_json(run / "metrics.json")
    metrics["test"]["accuracy"] |= {"low": 0.5}
    write_json(run / "metrics.json", metrics)
    text = parse(write_report(run)).text
    assert "The most wrong images" in text
    assert "Look for wrong labels first." not in text
    assert "Labels that may be wrong" not in text
    assert text.count("so it cannot judge the labels") >= 2  # the caution and the checklist


@pytest.mark.parametrize(("temperature", "told"), [(19.9999, True), (12.0, False)])
def test_a_temperature_at_its_ceiling_is_said_to_be_one(make_run, temperature, told):
    run = make_run()
    write_json(run / "config.json", {"architecture": "resnext", "temperature": temperature})
    titles = [note.title for note in notes(read_run(run))]
    assert ("The probabilities carry no information" in titles) == told


def test_robustness_is_charted_with_its_figures(make_run, probed, parse):
    run = probed(make_run())
    words = " ".join(" ".join(parse(write_report(run)).words).split())
    assert "How it bears poorer images" in words
    assert "Blur pixels 75.0 % 50.0 to 90.0 % at 1 75.0 %" in words
    assert (run / "figures" / "robustness_blur.png").is_file()


def test_what_was_not_measured_is_named_with_its_command(make_run, probed, parse):
    bare = parse(write_report(make_run(name="a"))).text
    assert "How the network bears poorer images, which groupwise robustness RUN measures." in bare
    assert "How it bears poorer images" not in bare.partition("Checklist")[0]
    full = parse(write_report(probed(make_run(name="b")))).text
    assert "groupwise robustness RUN" not in full
    assert "Whether people, places or devices" not in full


def test_suspected_labels_are_shown_as_text(make_run, parse):
    run = make_run()
    header = ["path", "label", "group", "fold", "suggested", "prob_label", "prob_suggested", "score"]
    write_csv(
        run / "label_errors.csv", header, [("image-0-0.png", "cat", "", "test", "<u>dog</u>", 0.1, 0.9, 0.8)]
    )
    page = parse(write_report(run))
    assert "1 label contradicted" in page.text
    assert "labelled catlooks like <u>dog</u> (90.0 %)" in page.text
    assert "u" not in {tag for tag, _ in page.elements}


def test_heat_maps_stand_below_the_images_they_explain(make_run, parse):
    run = make_run()
    wrong = [attrs["title"] for _, attrs in parse(write_report(run)).elements if "title" in attrs]
    (run / "explain").mkdir()
    Image.fromarray(np.full((80, 80, 3), 200, np.uint8)).save(run / "explain" / "map.png")
    # A name that climbs out of the folder finds nothing there.
    write_json(run / "explain" / "heatmaps.json", {wrong[0]: "map.png", wrong[1]: "../../secret.png"})
    page = parse(write_report(run))
    maps = [
        attrs for tag, attrs in page.elements if tag == "img" and "where the network" in (attrs["alt"] or "")
    ]
    assert len(maps) == 1
    assert "says where the network looked" in page.text


def test_the_page_of_the_audit_is_linked_where_there_is_one(make_run, parse):
    run = make_run()

    def links_elsewhere():
        links = [attrs["href"] for tag, attrs in parse(write_report(run)).elements if tag == "a"]
        return [link for link in links if not link.startswith("#")]

    assert links_elsewhere() == []
    (run / "audit.html").write_text("an audit")
    assert links_elsewhere() == ["audit.html"]


def test_a_cross_validation_does_not_claim_one_network(make_run):
    run = make_run()
    words = ["How often are these models right?", "What would this recipe reach? Mean of 5 folds 80 %"]
    write_json(run / "crossval.json", {"words": words})
    values = number.build(read_run(run)).values
    assert "that were answered by networks which never saw their sources" in values["headline"].sentence
    assert values["crossval"] == words


def test_a_plan_is_shown_with_its_reasons_and_apart_from_the_users_changes(make_run, parse):
    run = make_run()
    ledger = read_json(run / "run.json")
    planned = {"field": "training.batch_size", "value": 16, "reason": "48 images <make> 3 steps."}
    change = {"field": "training.batch_size", "default": 64, "value": 16}
    ledger["recipe_changes"].append(change)
    assert "48 images" not in parse(write_report(run)).text
    write_json(run / "run.json", ledger | {"plan": {"choices": [planned], "seconds": 9.0}})
    text = parse(write_report(run)).text
    assert "48 images <make> 3 steps." in text
    table = text.split("What was changed from the recipe")[1].split("The whole recipe")[0]
    assert "training.epochs" in table
    assert "training.batch_size" not in table


@pytest.mark.parametrize(
    ("several", "gist"),
    [(True, "mean average precision {} over the cases"), (False, "{} of the cases right")],
)
def test_the_gist_of_cases_names_the_figure_that_it_is(several, gist):
    rng = np.random.default_rng(0)
    probs, names = rng.dirichlet(np.ones(3), 80), (np.arange(80) // 4).tolist()
    labels = (rng.random((80, 3)) < 0.4).astype(int) if several else np.arange(80) // 4 % 3
    pictures = Pictures(labels, probs, names, np.arange(80) // 4, probs > 0.5 if several else None)
    rule = CaseRule(thresholds=(0.5,) * 3 if several else ())
    facts = {**measure_cases(pictures, rule, ["cat", "dog", "fox"]).facts, "by": "source"}
    number = facts["figures"]["average_precision" if several else "accuracy"]["value"]
    told = str(tell(facts)["gist"]).replace("\N{NO-BREAK SPACE}", " ")
    assert told == gist.format(f"{100 * number:.1f} %")
    assert translated(f'<span class="gist">{told}</span>', "zh")[1] == []
