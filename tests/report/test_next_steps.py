"""The next steps: the right one first in each situation, and commands that the command line takes."""

import re
import shlex

import pytest
import yaml

from figures_case import add_figures
from groupwise.cli.main import VERBS, operands_of
from groupwise.cli.verb_parser import VerbParser
from groupwise.files import read_csv, read_json, write_csv, write_json
from groupwise.report.next_steps import MOST, next_steps
from groupwise.report.page import write_report
from groupwise.report.translation import translated
from groupwise.report.verdict import verdict
from groupwise.runs.baselines import FEATURES, MEASURES, Baseline, Baselines, BaselineScore, Lead
from groupwise.runs.files import read_run
from groupwise.stats.estimate import Estimate

PLANNED = {"plan": {"choices": []}, "reading": {"group_column": "pet"}}
CERTAIN = {"value": 0.9, "n": 12, "sources": 4, "low": 0.88, "high": 0.93}


def rows_of(file):
    return read_csv(file, [])


def rewrite(file, rows):
    write_csv(file, list(rows[0]), [list(row.values()) for row in rows])


def steps_of(run):
    return next_steps(read_run(run))


def certain(run):
    """A run whose interval is narrow."""
    add_figures(run, accuracy=CERTAIN)
    return run


def photographs(run, px=300):
    """A run whose pictures are large enough to be photographs."""
    rows = [row | {"width": str(px), "height": str(px)} for row in rows_of(run / "manifest.csv")]
    rewrite(run / "manifest.csv", rows)
    return run


def learnt_at(run, px):
    """A run whose network saw its pictures at `px` pixels a side."""
    recipe = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    recipe["data"] = {"image_size_px": px}
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return run


def beside_features(run, lead, low, high):
    """A run that simple features come close to, or beat."""
    figure = Estimate(0.8, 12, 4, 0.6, 0.9)
    leads = dict.fromkeys(MEASURES, Lead(lead, low, high))
    score = BaselineScore(dict.fromkeys(MEASURES, figure), leads)
    one = Baseline(FEATURES, 1.0, 36, {"test": score})
    write_json(run / "baselines.json", Baselines((one,)).as_json())
    return run


def measured_elsewhere(run, *, lost=0.0, drifted=False, promise="kept"):
    """A run that has been measured on four pictures of a clinic, of which one was answered wrongly."""
    folder, root = run / "external" / "clinic", run.parent / "clinic"
    root.mkdir(exist_ok=True)
    (root / "b.png").touch()
    difference = {"value": -lost, "low": -lost - 0.05, "high": -lost + 0.05, "n": 4, "sources": 4}
    facts = {
        **{"name": "clinic", "data": "clinic", "root": str(root), "n": 4, "sources": 4, "left_out": {}},
        **{"copies": {}, "classes": {}},
        "internal": {"fold": "test", "figures": {}, "differences": {"accuracy": difference}},
        "promises": [{"rule": "conformal", "standing": promise}],
        "drift": {"tests": {"pixels": {"told": drifted}}},
    }
    write_json(folder / "external.json", facts)
    write_json(folder / "metrics.json", {"external": {"accuracy": CERTAIN}})
    said = [
        ("a.png", "cat", "cat"),
        ("b.png", "dog", "cat"),
        ("c.png", "dog", "dog"),
        ("d.png", "dog", "dog"),
    ]
    write_csv(folder / "predictions.csv", ["path", "label", "predicted"], said)
    return run


def same_on_both_sides(make_run):
    run = make_run(ledger=PLANNED, method="random")
    return run, "train again by the usual rules", f"groupwise train pets --group-column pet --run {run}-again"


def given_split_that_leaks(make_run):
    run = make_run(ledger=PLANNED, method="random")
    recipe = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    text = yaml.safe_dump(recipe | {"split": {"given": "folders"}})
    (run / "recipe.yaml").write_text(text, encoding="utf-8")
    write_json(run / "split.json", read_json(run / "split.json") | {"method": "given"})
    command = f"groupwise train pets --group-column pet --split.given pool --run {run}-again"
    return run, "train again by the usual rules", command


def groups_unknown_of_a_given_split(make_run):
    run = certain(make_run(ledger={"plan": {}}, grouped=False))
    recipe = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    text = yaml.safe_dump(recipe | {"split": {"given": "folders"}})
    (run / "recipe.yaml").write_text(text, encoding="utf-8")
    command = f"groupwise audit pets --split.given folders --out {run}-audit"
    return run, "find out which images belong together", command


def chosen_on_test(make_run):
    run = make_run(ledger=PLANNED, select_fold="test")
    return run, "train again by the usual rules", f"groupwise train pets --group-column pet --run {run}-again"


def nobody_knows_sources(make_run):
    run = certain(make_run(ledger={"plan": {}}, grouped=False))
    return run, "find out which images belong together", f"groupwise audit pets --out {run}-audit"


def copies_cannot_be_told(make_run):
    run = make_run(ledger={"plan": {}}, grouped=False)
    write_json(run / "audit.json", {"resemble": True})
    write_json(run / "split.json", read_json(run / "split.json") | {"copies": "report"})
    return run, "say of every image what it belongs to", f"groupwise audit pets --out {run}-audit"


def a_column_may_tell(make_run):
    run = make_run(ledger={"plan": {}}, grouped=False)
    rewrite(
        run / "manifest.csv",
        [row | {"patient_id": str(i // 2)} for i, row in enumerate(rows_of(run / "manifest.csv"))],
    )
    command = f"groupwise train pets --group-column patient_id --run {run}-grouped"
    return run, "say that patient_id tells which images belong together", command


def the_audit_stops(make_run):
    run = make_run(ledger=PLANNED)
    finding = {"code": "shortcut-size", "severity": "stop", "title": "Size gives the class away"}
    write_json(run / "findings.json", [finding | {"text": "", "paths": [], "remedy": ""}])
    command = f"groupwise audit pets --group-column pet --out {run}-audit"
    return run, "settle what the audit found", command


def test_of_several_stops_the_number_is_the_reason(make_run):
    run, _, _ = the_audit_stops(make_run)
    assert steps_of(run)[0].reason == "size gives the class away"
    write_json(run / "findings.json", read_json(run / "findings.json") * 41)
    assert steps_of(run)[0].reason == "41 findings have to be settled first"


def wide_interval(make_run):
    run = make_run(ledger=PLANNED)
    command = f"groupwise train pets --group-column pet --cv 5 --run {run}-cv"
    return run, "test every image instead of one fold", command


def wide_interval_of_a_class_of_four_sources(make_run):
    run = make_run(ledger=PLANNED | {"chosen": {"split.min_sources": 3}})
    split = read_json(run / "split.json")
    for fold, sources in zip(split["folds"].values(), (2, 1, 1), strict=True):
        fold["classes"]["cat"]["sources"] = sources
    write_json(run / "split.json", split)
    command = f"groupwise train pets --group-column pet --cv 4 --min-sources 3 --run {run}-cv"
    return run, "test every image instead of one fold", command


def wide_interval_of_a_given_recipe(make_run):
    run = make_run()
    command = f"groupwise train pets --recipe {run}/recipe.yaml --cv 5 --run {run}-cv"
    return run, "test every image instead of one fold", command


def wide_interval_of_a_given_split(make_run):
    run = make_run(ledger=PLANNED | {"chosen": {"split.given": "fold"}})
    recipe = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    text = yaml.safe_dump(recipe | {"split": {"given": "fold"}})
    (run / "recipe.yaml").write_text(text, encoding="utf-8")
    command = f"groupwise train pets --group-column pet --cv 5 --split.given pool --run {run}-cv"
    return run, "divide the images anew and test every one", command


def wide_interval_of_what_the_user_chose(make_run):
    chosen = {"seed": 0, "training.optimise": "balanced", "augment.flip": 0.0, "split.extend": "a/split.csv"}
    overrides = {"model.overrides": {"planes": 16}, "training.budget_minutes": None}
    run = make_run(ledger=PLANNED | {"chosen": chosen | overrides})
    words = "--optimise balanced --augment.flip 0.0 --model.overrides '{\"planes\": 16}'"
    command = f"groupwise train pets --group-column pet --cv 5 {words} --training.budget_minutes null"
    return run, "test every image instead of one fold", f"{command} --run {run}-cv"


def longer_than_the_epochs_that_were_chosen(make_run):
    chosen = {"seed": 3, "training.epochs": 5}
    run = beside_features(make_run(ledger=PLANNED | {"chosen": chosen}), -0.1, -0.2, -0.02)
    command = f"groupwise train pets --group-column pet --budget 2min --seed 3 --run {run}-longer"
    return run, "do not use this network; train longer", command


def a_refit_that_loses(make_run):
    refit = {"folder": "refit", "epochs": 3, "learnt_from": 60}
    run = beside_features(make_run(ledger=PLANNED | {"refit": refit}), -0.1, -0.2, -0.02)
    command = f"groupwise train pets --group-column pet --budget 2min --refit --run {run}-longer"
    return run, "do not use this network; train longer", command


def a_plan_that_was_written_down(make_run):
    """Its recipe holds the time, so that more epochs alone would end where the first run did."""
    ledger = {name: value for name, value in PLANNED.items() if name != "plan"}
    run = make_run(ledger=ledger | {"stopped": {"epoch": 3, "step": 7}})
    recipe = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    training = recipe["training"] | {"epochs": 40, "budget_minutes": 1.25}
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe | {"training": training}), encoding="utf-8")
    beside_features(run, -0.1, -0.2, -0.02)
    words = f"--recipe {run}/recipe.yaml --training.epochs 80 --training.budget_minutes 2.5"
    command = f"groupwise train pets --group-column pet {words} --run {run}-longer"
    return run, "do not use this network; give training more time", command


def a_single_source(make_run):
    run = make_run(ledger=PLANNED)
    add_figures(run, accuracy={"value": 0.8, "n": 12, "sources": 1, "reason": "one source"}, sources=1)
    command = f"groupwise train pets --group-column pet --cv 5 --run {run}-cv"
    return run, "test every image instead of one fold", command


def suspected_labels(make_run):
    run = certain(make_run(ledger=PLANNED))
    rewrite(
        run / "label_errors.csv",
        [{"path": f"image-0-{i}.png", "label": "cat", "suggested": "dog"} for i in range(3)],
    )
    return run, "look at the suspected labels", f"groupwise labels {run} --top 3"


def two_classes_mixed_up(make_run):
    run = certain(make_run(ledger=PLANNED, classes=("cat", "dog", "owl")))
    add_figures(run, confusion=[[1, 5, 0], [0, 6, 0], [1, 0, 5]])
    rows = rows_of(run / "predictions.csv")
    wrong = next(row for row in rows if row["label"] == "cat")
    others = [row for row in rows if row["label"] != "cat" and row["predicted"] == row["label"]]
    rewrite(run / "predictions.csv", [wrong | {"predicted": "dog"}, *others])
    path = read_run(run).root / wrong["path"]
    return run, "look at what cat and dog are told by", f"groupwise explain {run} {path}"


def known_by_heart(make_run):
    run = certain(make_run(ledger=PLANNED))
    rewrite(run / "history.csv", [row | {"train_accuracy": "1.0"} for row in rows_of(run / "history.csv")])
    add_figures(run, accuracy=CERTAIN | {"value": 0.7, "low": 0.68, "high": 0.72})
    command = f"groupwise train pets --group-column pet --augment.trivial true --run {run}-varied"
    return run, "vary the training images more", command


def the_clock_ended_it(make_run):
    more = {"stopped": {"epoch": 3, "step": 7}, "budget": {"seconds": 300, "spent": 299.0}}
    run = certain(make_run(ledger=PLANNED | more))
    command = f"groupwise train pets --group-column pet --budget 10min --run {run}-longer"
    return run, "give training more time", command


def a_network_that_loses(make_run):
    run = beside_features(make_run(ledger=PLANNED), -0.1, -0.2, -0.02)
    command = f"groupwise train pets --group-column pet --budget 2min --run {run}-longer"
    return run, "do not use this network; train longer", command


def baselines_as_good_with_few_photographs(make_run):
    run = photographs(beside_features(certain(make_run(ledger=PLANNED)), 0.01, -0.1, 0.1))
    command = f"groupwise train pets --group-column pet --weights imagenet --run {run}-weights"
    return run, "begin with weights that know other photographs", command


def baselines_as_good_with_larger_pictures(make_run):
    facts = {"name": "resnext50_32x4d.tv_in1k", "licence": "BSD-3-Clause", "url": "https://x.y/z"}
    named = PLANNED | {"pretrained": facts}
    run = photographs(beside_features(certain(make_run(ledger=named)), 0.01, -0.1, 0.1))
    words = "--weights resnext50_32x4d.tv_in1k --data.image_size_px 192"
    command = f"groupwise train pets --group-column pet {words} --run {run}-larger"
    return learnt_at(run, 96), "learn from larger pictures", command


def baselines_as_good_with_suspected_labels(make_run):
    run = beside_features(suspected_labels(make_run)[0], 0.01, -0.1, 0.1)
    return run, "look at the suspected labels", f"groupwise labels {run} --top 3"


def baselines_as_good_and_the_clock_ended_it(make_run):
    more = {"stopped": {"epoch": 3, "step": 7}, "budget": {"seconds": 300, "spent": 299.0}}
    run = photographs(beside_features(certain(make_run(ledger=PLANNED | more)), 0.01, -0.1, 0.1))
    command = f"groupwise train pets --group-column pet --budget 10min --run {run}-longer"
    return run, "give training more time", command


def few_photographs(make_run):
    run = photographs(certain(make_run(ledger=PLANNED)))
    command = f"groupwise train pets --group-column pet --weights imagenet --run {run}-weights"
    return run, "begin with weights that know other photographs", command


def worse_elsewhere(make_run):
    run = measured_elsewhere(certain(make_run(ledger=PLANNED)), lost=0.2, drifted=True)
    return run, "look at what it gets wrong in clinic", f"groupwise explain {run} {run.parent}/clinic/b.png"


def promises_broken_elsewhere(make_run):
    run = measured_elsewhere(certain(make_run(ledger=PLANNED)), promise="broken")
    return run, "look at what it gets wrong in clinic", f"groupwise explain {run} {run.parent}/clinic/b.png"


def drifted_without_harm(make_run):
    run = measured_elsewhere(certain(make_run(ledger=PLANNED)), drifted=True)
    return run, "train the network that is handed over on every image", f"groupwise refit {run}"


def all_is_well(make_run):
    run = certain(make_run(ledger=PLANNED))
    return run, "train the network that is handed over on every image", f"groupwise refit {run}"


def refitted(make_run):
    run = certain(make_run(ledger=PLANNED | {"refit": {"folder": "refit", "epochs": 3, "learnt_from": 60}}))
    (run / "refit").mkdir()
    return run, "measure what poorer images do to it", f"groupwise robustness {run}"


def ready_to_hand_over(make_run):
    run, *_ = refitted(make_run)
    steps = {"unit": "pixels", "sizes": [1], "accuracy": [CERTAIN]}
    facts = {"fold": "test", "n": 12, "sources": 4, "seed": 0, "clean": CERTAIN}
    write_json(run / "robustness.json", facts | {"corruptions": {"blur": steps}})
    what = "write it as a folder that answers without torch"
    return run, what, f"groupwise export {run}/refit --to bundle"


def handed_over(make_run):
    run, *_ = ready_to_hand_over(make_run)
    (run / "refit/export/bundle").mkdir(parents=True)
    return run, "see on the machine where it will run", f"groupwise verify {run}/refit/export/bundle"


def study(make_run, **more):
    """A cross-validation of three folds whose plan gave each model 150 s."""
    bounded = {"field": "training.budget_minutes", "value": 2.0, "reason": ""}
    plan = {"choices": [bounded], "seconds": 150.0}
    members = [f"repeat-1/fold-{k}" for k in (1, 2, 3)]
    run = make_run(
        ledger=PLANNED | {"plan": plan, "cv": {"folds": 3, "repeats": 1}, "members": members} | more
    )
    write_json(run / "crossval.json", {"folds": 3, "repeats": 1, "words": [], "scores": [], "mean": {}})
    return beside_features(run, -0.1, -0.2, -0.02)


def a_study_bounded_by_its_budget(make_run):
    run = study(make_run, budget={"seconds": 240})
    command = f"groupwise train pets --group-column pet --cv 3 --budget 8min --run {run}-longer"
    return run, "do not use this network; give training more time", command


def a_study_without_a_budget(make_run):
    run = study(make_run, plan={"choices": [], "seconds": 150.0})
    write_json(run / "audit.json", {"seconds": 90.0})
    command = f"groupwise train pets --group-column pet --cv 3 --budget 18min --run {run}-longer"
    return run, "do not use this network; train longer", command


def a_study_of_few_photographs(make_run):
    run = photographs(study(make_run))
    beside_features(run, 0.2, 0.1, 0.3)
    command = f"groupwise train pets --group-column pet --cv 3 --weights imagenet --run {run}-weights"
    return run, "begin with weights that know other photographs", command


SITUATIONS = [
    same_on_both_sides,
    chosen_on_test,
    nobody_knows_sources,
    copies_cannot_be_told,
    a_column_may_tell,
    the_audit_stops,
    wide_interval,
    wide_interval_of_a_class_of_four_sources,
    wide_interval_of_a_given_recipe,
    wide_interval_of_a_given_split,
    given_split_that_leaks,
    groups_unknown_of_a_given_split,
    wide_interval_of_what_the_user_chose,
    longer_than_the_epochs_that_were_chosen,
    a_refit_that_loses,
    a_plan_that_was_written_down,
    a_single_source,
    suspected_labels,
    two_classes_mixed_up,
    known_by_heart,
    the_clock_ended_it,
    a_network_that_loses,
    baselines_as_good_with_few_photographs,
    baselines_as_good_with_larger_pictures,
    baselines_as_good_with_suspected_labels,
    baselines_as_good_and_the_clock_ended_it,
    few_photographs,
    worse_elsewhere,
    promises_broken_elsewhere,
    drifted_without_harm,
    all_is_well,
    refitted,
    ready_to_hand_over,
    handed_over,
    a_study_bounded_by_its_budget,
    a_study_without_a_budget,
    a_study_of_few_photographs,
]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_right_step_comes_first(make_run, situation):
    run, what, command = situation(make_run)
    first, *others = steps_of(run)
    assert first.what.startswith(what)
    assert first.command == command
    assert len(others) < MOST
    assert all(step.reason for step in (first, *others))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_command_is_one_that_the_command_line_takes(make_run, monkeypatch, tmp_path, situation):
    run, *_ = situation(make_run)
    (tmp_path / "pets").mkdir()
    monkeypatch.chdir(tmp_path)

    class ParsedError(Exception):
        pass

    def parse(self, *arguments, **options):
        taken(self, *arguments, **options)
        raise ParsedError

    taken = VerbParser.parse_args
    monkeypatch.setattr(VerbParser, "parse_args", parse)
    steps = steps_of(run)
    assert steps
    for step in steps:
        program, verb, *words = shlex.split(step.command)
        assert program == "groupwise"
        with pytest.raises(ParsedError):
            VERBS[verb](VerbParser(verb, "", operands_of(verb)), words)


def test_small_pictures_and_weights_that_were_begun_with_ask_for_no_weights(make_run):
    small = photographs(certain(make_run(ledger=PLANNED)), px=40)
    begun = certain(make_run(name="begun", ledger=PLANNED | {"pretrained": {"name": "imagenet"}}))
    for run in (small, photographs(begun)):
        assert not any("weights" in step.what for step in steps_of(run))


def test_no_step_is_told_twice(make_run):
    run, *_ = baselines_as_good_with_suspected_labels(make_run)
    commands = [step.command for step in steps_of(run)]
    assert len(set(commands)) == len(commands)


@pytest.mark.usefixtures("plain_figures")
@pytest.mark.parametrize(
    "situation",
    [
        a_network_that_loses,
        baselines_as_good_with_few_photographs,
        baselines_as_good_with_larger_pictures,
        baselines_as_good_and_the_clock_ended_it,
        few_photographs,
        ready_to_hand_over,
        handed_over,
    ],
)
def test_the_first_step_is_said_in_chinese_as_well(make_run, situation):
    run, *_ = situation(make_run)
    page = write_report(run).read_text(encoding="utf-8")
    steps = re.search(r'<section class="steps">.*?</li>', page, flags=re.DOTALL)
    assert translated(steps[0], "zh")[1] == []


def test_longer_than_before_is_longer_for_a_given_recipe_too(make_run):
    run = make_run(ledger={"reading": {}, "stopped": {"epoch": 3, "step": 1}})
    add_figures(run, accuracy=CERTAIN)
    steps = {step.what: shlex.split(step.command) for step in steps_of(run)}
    words = steps["give training more time"]
    assert int(words[words.index("--training.epochs") + 1]) == 24  # the recipe has 12


def test_few_judges_are_said(make_run):
    run = make_run(ledger=PLANNED)
    assert "only 4 sources judged it" in verdict(read_run(run)).trust
    add_figures(run, sources=5)
    assert "and 5 sources judged it" in verdict(read_run(run)).trust


def test_a_name_with_a_blank_is_quoted(make_run):
    run = make_run(name="my run", ledger={"reading": {"group_column": "pet name"}})
    (run / "recipe.yaml").write_text(yaml.safe_dump({"name": "default"}), encoding="utf-8")
    words = shlex.split(steps_of(run)[0].command)
    assert words[words.index("--group-column") + 1] == "pet name"
    assert words[-1] == f"{run}-cv"


@pytest.mark.usefixtures("plain_figures")
def test_terminal_page_and_data_name_the_same_steps(make_run, parse):
    run, *_ = wide_interval(make_run)
    steps = steps_of(run)
    page = parse(write_report(run))
    said = verdict(read_run(run))
    for step in steps:
        assert step.command in page.text
        assert step.command in said.text
    assert read_json(run / "report.json")["verdict"]["next_steps"][0]["command"] == steps[0].command
    assert said.sentences[-len(steps)].startswith("Next: ")


def test_what_would_build_on_an_untrue_number_is_not_said(make_run):
    mended = [step.command for step in steps_of(same_on_both_sides(make_run)[0])]
    assert len(mended) == 1
    assert "--cv" not in mended[0]
    assert any("--cv" in step.command for step in steps_of(wide_interval(make_run)[0]))  # a near miss


def test_nothing_is_to_be_won_where_network_and_baseline_are_always_right(make_run):
    run = beside_features(make_run(ledger=PLANNED), 0.0, -0.1, 0.1)
    assert any("baselines" in step.reason for step in steps_of(run))
    add_figures(run, accuracy=CERTAIN | {"value": 1.0, "high": 1.0})
    assert not any("baselines" in step.reason for step in steps_of(run))


def test_weights_by_name_bring_their_own_network(make_run):
    chosen = {"model.preset": "resnext11_8x4d", "training.epochs": 5}
    run = photographs(certain(make_run(ledger=PLANNED | {"chosen": chosen})))
    (step,) = (one for one in steps_of(run) if "--weights imagenet" in one.command)
    assert "--training.epochs 5" in step.command
    assert "--model.preset" not in step.command


def test_a_network_that_is_no_better_is_not_offered_to_be_served(make_run):
    run = certain(make_run(ledger=PLANNED))
    assert any("serve" in step.command for step in steps_of(refitted(make_run)[0]))
    for lead in ((-0.1, -0.2, -0.02), (0.01, -0.1, 0.1)):
        assert not any("serve" in step.command for step in steps_of(beside_features(run, *lead)))


def test_what_a_busy_machine_did_is_said(make_run):
    run = study(make_run, budget={"seconds": 240, "waited": 0.7})
    facts = read_json(run / "crossval.json")
    for epochs, title in (([4, 104, 21], "not trained alike"), ([20, 30, 24], "")):
        write_json(run / "crossval.json", facts | {"epochs": epochs})
        unequal, *_ = [*verdict(read_run(run)).short_of_time]
        assert (title in unequal) if title else ("machine was busy" in unequal)
    assert "others had it for 70" in verdict(read_run(run)).text
    idle = study(make_run, budget={"seconds": 240, "waited": 0.1})
    assert verdict(read_run(idle)).short_of_time == ()


@pytest.mark.parametrize(("least", "offered"), [(3, False), (0, True)])
def test_no_cross_validation_is_offered_where_rare_classes_are_not_tested(make_run, least, offered):
    run, *_ = wide_interval(make_run)
    recipe = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    text = yaml.safe_dump(recipe | {"split": {"rare": "train", "min_sources": least}})
    (run / "recipe.yaml").write_text(text, encoding="utf-8")
    assert any("--cv" in step.command for step in steps_of(run)) == offered
