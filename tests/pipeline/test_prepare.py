"""What the data were taken for, and what a split that they bring has cut, is said where it is decided."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from cli_case import rows
from groupwise.audit.audit import Audit
from groupwise.audit.findings import Finding
from groupwise.console import Console
from groupwise.data.manifest import GIVEN_FOLD, Manifest, Sample
from groupwise.data.split import EXCLUDED
from groupwise.data.split_options import SplitConfig
from groupwise.data.targets import refuse_alike
from groupwise.errors import GroupwiseError, UsageError
from groupwise.pipeline.audit import audit_data
from groupwise.pipeline.create import _refuse_classes
from groupwise.pipeline.divide import audit_given_split, given_folds, split_manifest
from groupwise.pipeline.prepare import SHOWN, _say_findings, prepare, scan_with_progress
from groupwise.pipeline.repaired import remove_repaired, say_series, write_repaired
from groupwise.recipe.decision import DecisionConfig
from groupwise.recipe.parsing import read_recipe
from groupwise.runs.request import RunRequest

N = 48


def manifest(folds=("train", "train", "test"), group=lambda i: f"g{i // 6}", layout="class folders"):
    samples = tuple(
        Sample(
            f"{i}.jpg",
            "ab"[i % 2],
            group(i),
            sha256=str(i),
            extra={GIVEN_FOLD: folds[i // 2 % len(folds)]} if folds else {},
        )
        for i in range(N)
    )
    return Manifest(Path("pets"), samples, ("A note.",), layout)


def audited(data, clusters=None, conflicts=(), **facts):
    clusters = range(N) if clusters is None else clusters
    rows = tuple((s.path, s.label, int(c)) for s, c in zip(data.samples, clusters, strict=True))
    return Audit(rows, tuple(conflicts), (), {"resemble": False, **facts})


def divide(data, audit, config):
    return split_manifest(data, audit, config, seed=0, console=Console())


@pytest.mark.parametrize("severity", ["stop", "warning"])
@pytest.mark.parametrize(
    ("more", "told"), [(0, None), (1, "and 1 more {}, which"), (36, "and 36 more {}s, which")]
)
def test_of_many_findings_some_are_shown_and_the_others_counted(capsys, severity, more, told):
    n = SHOWN[severity] + more
    found = [Finding("kind", severity, f"Finding {i}", "", "") for i in range(n)]
    notes = [Finding("other", "note", f"Note {i}", "", "") for i in range(20)]
    _say_findings(Audit((), (), (*found, *notes), {}), Console())
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith(f"  {severity}: Finding") for line in lines) == SHOWN[severity]
    assert sum(line.startswith("  note: ") for line in lines) == 20
    counted = [line.strip() for line in lines if "more" in line]
    assert counted == ([] if told is None else [f"{told.format(severity)} the page of the audit has"])


@pytest.mark.parametrize(("copies", "told"), [("group", True), ("report", False)])
def test_copies_that_join_groups_are_said(capsys, copies, told):
    data = manifest(folds=(), group=lambda i: f"g{i // 2}")
    copied = {6: 4, 12: 10}  # in two groups, of pictures in two others
    audit = audited(data, [copied.get(i, i) for i in range(N)])
    divide(data, audit, SplitConfig(copies=copies))
    said = " ".join(capsys.readouterr().out.split())
    assert ("Copies join the 24 groups into 22 sources" in said) == told


def test_the_scan_says_layout_folds_and_groups_in_one_line(capsys):
    scan_with_progress(lambda progress: manifest(group=lambda i: "" if i < 8 else f"g{i // 6}"), Console())
    told = capsys.readouterr().out.splitlines()
    assert told[1] == "Read as: class folders; folds train 32, test 16; 7 groups, 8 images without"
    assert told[2] == "A note."
    scan_with_progress(lambda progress: manifest(folds=(), group=lambda i: ""), Console())
    assert capsys.readouterr().out.splitlines()[1] == "Read as: class folders; no folds; no groups"


@pytest.mark.parametrize(
    ("given", "repaired"), [("folders", "--split.given pool"), ("fold", "no --split.given")]
)
def test_a_given_split_says_what_it_cuts_and_how_to_mend_it(capsys, given, repaired):
    data = manifest()
    split, facts = divide(data, audited(data), SplitConfig(given=given))
    assert facts["method"] == "given"
    touched = facts["folds"]["test"]["with_sibling_in_train"]
    assert touched > 8
    told = capsys.readouterr().out
    assert f"{touched} of 16 in test" in told
    assert repaired in told
    assert {row.fold for row in split.rows} == {"train", "val", "test"}


def test_the_audit_names_the_sources_that_a_given_split_cuts(capsys):
    data = manifest(group=lambda i: "g" if i in (0, 4) else "")
    copied = audited(data, clusters=[1 if i == 5 else i for i in range(N)])
    split = given_folds(data, copied)
    facts = audit_given_split(split, Console())
    assert (facts["spanning_sources"], facts["folds"]["test"]["with_sibling_in_train"]) == (2, 2)
    told = capsys.readouterr().out
    assert "Given fold test: 16 images from 16 sources, 2 of them with a sibling in train" in told
    assert "0.jpg (train), 4.jpg (test)" in told
    assert "Photographs on two sides: 1 of 47; touched: 1 image of test" in told
    assert "Groups that you named on two sides: 1 of 1; touched: 1 image of test" in told
    assert facts["spanning_groups"] == {"n": 1, "touched": {"test": 1}}
    assert given_folds(manifest(folds=()), copied) is None


def test_a_repaired_split_is_written_with_its_command(tmp_path, capsys):
    data = manifest(group=lambda i: "g" if i in (0, 4) else "")
    split = given_folds(data, audited(data, clusters=[1 if i == 5 else i for i in range(N)]))
    assert write_repaired(tmp_path, split, data.root, Console())
    spanning = rows(tmp_path / "spanning.csv")
    assert {row["kind"] for row in spanning} == {"photograph", "group"}
    kept = rows(tmp_path / "repaired.csv")
    test = {row.path for row in split.rows if row.fold == "test"}
    assert {row["path"] for row in kept if row["fold"] == "test"} == test  # is measured as before
    assert len(kept) == N - 2
    assert not {"0.jpg", "1.jpg"} & {row["path"].rpartition("/")[2] for row in kept}
    told = " ".join(capsys.readouterr().out.split())
    assert f"groupwise train {tmp_path}/repaired.csv" in told
    assert "--split.given fold --group-column group --run" in told


def test_of_several_series_the_command_takes_the_one_that_looks_most_alike(capsys):
    data = manifest()
    tested = [
        {"series": name, "closer": closer} for name, closer in (("series_time", 0.7), ("series_names", 0.9))
    ]
    found = replace(audited(data, series_tested=tested), series={one["series"]: [] for one in tested})
    say_series(Path("out"), found, data.root, Console())
    told = " ".join(capsys.readouterr().out.split())
    assert "--group-column series_names" in told
    assert "Less alike, in the same table: series_time" in told
    say_series(Path("out"), replace(found, series={"series_time": []}), data.root, Console())
    told = " ".join(capsys.readouterr().out.split())
    assert "--group-column series_time" in told
    assert "Less alike" not in told


def test_a_split_without_a_leak_needs_no_repair(tmp_path, capsys):
    data = manifest(group=lambda i: "")
    assert not write_repaired(tmp_path, given_folds(data, audited(data)), data.root, Console())
    assert not (tmp_path / "repaired.csv").exists()
    assert capsys.readouterr().out == ""


def test_the_folds_of_folders_that_are_pooled_are_divided_anew(capsys):
    data = manifest(folds=())
    _, facts = divide(data, audited(data), SplitConfig(given="pool"))
    assert (facts["method"], facts["spanning_sources"]) == ("grouped", 0)


def test_pictures_that_all_resemble_one_another_leave_the_groups_to_the_user(capsys):
    data = manifest(folds=())
    alike = audited(data, clusters=[0] * N, resemble=True)
    split, facts = divide(data, alike, SplitConfig())
    assert facts["copies"] == "report"
    assert facts["spanning_sources"] == 0
    assert facts["sources"] == N // 6
    assert "bind nobody" in capsys.readouterr().out
    assert EXCLUDED not in {row.fold for row in split.rows}


def test_copies_bind_where_pictures_differ_and_where_the_user_says_so():
    data = manifest(folds=(), group=lambda i: "")
    copied = audited(data, clusters=[i // 8 * 2 + i % 2 for i in range(N)])
    assert divide(data, copied, SplitConfig())[1]["sources"] == N // 4
    assert divide(data, copied, SplitConfig(copies="report"))[1]["sources"] == N
    assert divide(data, copied, SplitConfig(copies="drop"))[1]["excluded"] == N - N // 4


def test_sets_that_are_all_alike_are_refused_and_others_are_not(capsys):
    alike = replace(manifest(), samples=tuple(replace(one, label="|a|b|") for one in manifest().samples))
    with pytest.raises(GroupwiseError, match="every image has the same labels, a, b"):
        prepare(alike, SplitConfig(), seed=0, console=Console())
    assert "Audit" not in capsys.readouterr().out
    refuse_alike(["|a|b|", "|b|"])


def test_groups_that_are_the_classes_are_refused_before_copies_are_looked_for(capsys):
    grouped = replace(manifest(), samples=tuple(replace(one, group=one.label) for one in manifest().samples))
    with pytest.raises(GroupwiseError, match="Each group is a class"):
        prepare(grouped, SplitConfig(), seed=0, console=Console())
    assert "Audit" not in capsys.readouterr().out


@pytest.mark.parametrize(("group", "told"), [(lambda one: one.label, True), (lambda one: one.path, False)])
def test_an_audit_says_where_its_groups_leave_no_split(tmp_path, capsys, group, told):
    grouped = tuple(replace(one, group=group(one)) for one in manifest().samples)
    asked = replace(manifest(), samples=grouped)
    with pytest.raises(FileNotFoundError):  # of the images themselves, by the audit after it
        audit_data(lambda progress: asked, tmp_path, tmp_path, options={}, seed=0, console=Console())
    said = capsys.readouterr()
    assert ("Each group is a class" in said.out + said.err) == told


def test_a_class_that_a_fold_has_not_is_named(capsys):
    data = manifest(folds=())
    single = {0: "c", 1: "d", 2: "c", 3: "d", 4: "d"}  # of two sources, and of three
    rows = tuple(
        replace(one, group=str(i), label=single.get(i, one.label)) for i, one in enumerate(data.samples)
    )
    data = replace(data, samples=rows)
    divide(data, audited(data), SplitConfig(min_sources=3, rare="train"))
    assert "holds no image" not in capsys.readouterr().out
    folds = ("train", "test", "train", "val")
    given = tuple(
        replace(one, extra={GIVEN_FOLD: "train" if one.label in "cd" else folds[i // 2 % 4]})
        for i, one in enumerate(rows)
    )
    given = replace(data, samples=given)
    divide(given, audited(given), SplitConfig(given="fold"))
    said = capsys.readouterr().out
    assert "Fold test holds no image of c, d, so it says nothing of those classes" in said
    assert "Fold val holds no image of c, d" in said
    assert "Fold train holds" not in said


def test_an_audit_is_not_written_over_a_run(tmp_path):
    """Its manifest and clusters would be others than those that the split was made from."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.json").write_text("{}")
    asked = {"options": {}, "seed": 0, "console": Console(quiet=True)}
    with pytest.raises(UsageError, match=r"holds a run, .* such as --out .*run-audit"):
        audit_data(pytest.fail, tmp_path, tmp_path / "run", **asked)
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["run.json"]
    (tmp_path / "run-audit").mkdir()
    (tmp_path / "run-audit/audit.json").write_text("{}")  # as of an earlier audit
    with pytest.raises(FileNotFoundError):
        audit_data(lambda progress: manifest(), tmp_path, tmp_path / "run-audit", **asked)


def test_a_single_class_is_refused_before_copies_are_looked_for(capsys):
    single = replace(manifest(), samples=manifest().samples[::2])
    with pytest.raises(GroupwiseError, match="nothing to tell apart"):
        prepare(single, SplitConfig(), seed=0, console=Console())
    scan_with_progress(lambda progress: single, Console())
    said = capsys.readouterr().out
    assert "Audit" not in said
    assert "24 images in 1 class;" in said


@pytest.mark.parametrize(("split", "early"), [({}, True), ({"split.min_sources": 3}, False)])
def test_a_class_that_the_split_may_leave_out_is_looked_for_behind_it(split, early):
    wanted = {"decision.ordered": ("a", "b", "c"), **split}
    _, recipe = read_recipe("default", wanted)
    request = RunRequest(data=Path("pets"), scan=None, folder=Path("run"), recipe=recipe, base=recipe)
    with pytest.raises(UsageError, match="does not name each class once") if early else nullcontext():
        _refuse_classes(request, manifest())


def test_a_class_that_falls_to_the_least_number_of_sources_is_refused_before_training(tmp_path):
    names = dict.fromkeys(range(2), "rare")
    data = replace(
        manifest(folds=()),
        samples=tuple(
            replace(s, label=names.get(i, s.label), group="r" if i in names else s.group)
            for i, s in enumerate(manifest(folds=(), group=lambda i: f"g{i // 2}").samples)
        ),
    )
    found = audited(data)
    split, _ = divide(data, found, SplitConfig(min_sources=3))
    config = DecisionConfig(positive_class="rare", target_sensitivity=0.9)
    config.refuse_unknown_class(data.classes)
    with pytest.raises(UsageError, match=r"no class 'rare'\. Choose one of a, b"):
        config.refuse_unknown_class(split.classes)
    DecisionConfig(ordered=("b", "a")).refuse_unknown_class(split.classes)


def test_tables_of_an_earlier_audit_go(tmp_path):
    for name in ("repaired.csv", "spanning.csv", "series.csv", "notes.csv"):
        (tmp_path / name).write_text("path\n")
    remove_repaired(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.csv"]
