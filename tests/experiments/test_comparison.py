"""Whole comparisons of small runs, written by hand so that every difference is known."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from groupwise.cli.main import main
from groupwise.data.manifest import Manifest, Sample
from groupwise.data.proof import proof
from groupwise.data.split import Assignment, Split
from groupwise.errors import GroupwiseError, UsageError
from groupwise.experiments.comparison import compare_runs
from groupwise.files import read_json, write_csv, write_json
from groupwise.report.differences import SCOPE
from groupwise.runs.run import Run

CLASSES = ("cat", "dog")


def rows(sources=40, size=3, *, train=2, groups=True):
    """`sources` in the test fold and `train` in training, of `size` images each, the class by turns."""
    return [
        Assignment(
            f"{source:03}-{i}.png",
            CLASSES[source % 2],
            f"owner {source}" if groups else "",
            source * size + i,
            "test" if source < sources else "train",
        )
        for source in range(sources + train)
        for i in range(size)
    ]


def write_run(
    folder,
    right,
    assignments=None,
    *,
    select="val",
    epochs=4,
    method="grouped",
    classes=CLASSES,
    content="",
    **training,
):
    """A finished run that answers rightly where `right(row)` says so."""
    run, split = (
        Run.create(folder, data=Path("pets"), root=folder, version="0"),
        Split(tuple(assignments or rows())),
    )
    recipe = {"seed": 0, "training": {"select_fold": select, "epochs": epochs, **training}}
    run.path("recipe.yaml").write_text(yaml.safe_dump(recipe))
    run.record("recipe.yaml")
    listed = (Sample(row.path, row.label, row.group, sha256=row.path + content) for row in split.rows)
    Manifest(folder, tuple(listed)).write(run.path("manifest.csv"))
    run.record("manifest.csv")
    split.write(run.path("split.csv"))
    run.record("split.csv", ["manifest.csv"])
    write_json(run.path("split.json"), {"method": method, **proof(split)})
    run.path("model.safetensors").write_text(folder.name)
    run.record("model.safetensors", ["split.csv"])
    header = (*Assignment._fields, "predicted", *(f"prob_{name}" for name in classes))
    lines = [(*row, *answer(row, right(row), classes)) for row in split.rows if row.fold != "train"]
    write_csv(run.path("predictions.csv"), header, lines)
    run.record("predictions.csv", ["model.safetensors", "split.csv"])
    figures = {"n": len(lines), "sources": 1, "accuracy": {}, "confusion": [], "per_class": {}}
    write_json(run.path("metrics.json"), {"test": figures})
    return folder


def answer(row, right, classes):
    probs = np.full(len(classes), 0.1 / (len(classes) - 1))
    true = classes.index(row.label)
    best = true if right else (true + 1) % len(classes)
    probs[best] = 0.9
    return (classes[best], *map(repr, probs.tolist()))


def number(row):
    return int(row.path[:3])


def poor(row):
    return number(row) % 4 != 1  # a quarter of the sources wrong


def good(row):
    return number(row) != 0


def fair(row):
    return number(row) % 4 != 1 or number(row) > 30  # better than poor on two sources


@pytest.fixture
def runs(tmp_path):
    return [write_run(tmp_path / "poor", poor), write_run(tmp_path / "good", good)]


def test_the_better_run_is_named_with_its_lead(runs):
    comparison = compare_runs(runs)
    assert (comparison.n, comparison.sources, comparison.warnings) == (120, 40, ())
    (pair,) = comparison.pairs
    assert pair.accuracy.value == pytest.approx((10 - 1) / 40)
    # 10 sources one way and 1 the other: McNemar on sources.
    assert pair.accuracy.p == pytest.approx(2 * (1 + 11) / 2**11)
    low, high = 100 * pair.accuracy.low, 100 * pair.accuracy.high
    assert comparison.verdict(pair) == (
        f"good is better than poor by 22.5 points ({low:.1f} to {high:.1f}), p = 0.012"
    )
    words = comparison.words()
    assert "Compared on the 120 images from 40 sources that all runs have in fold test." in words
    assert "poor  accuracy 75.0 %, balanced 75.0 %, log loss 0.655" in words
    assert "good less poor: balanced accuracy +22.5 points" in words
    assert "Accuracy was tested by sign flips of sources, all of them." in words
    assert "All were optimised for accuracy." in words
    assert words.endswith(SCOPE)


def test_what_each_run_was_optimised_for_is_said_where_it_differs(runs, tmp_path):
    fairer = write_run(tmp_path / "fair", fair, optimise="balanced")
    comparison = compare_runs([runs[0], fairer])
    assert "poor was optimised for accuracy." in comparison.words()
    assert "fair was optimised for balanced accuracy." in comparison.words()
    assert [one["optimised_for"] for one in comparison.as_json()["runs"]] == ["accuracy", "balanced"]


def test_the_order_of_the_runs_does_not_turn_the_verdict(runs):
    there, back = compare_runs(runs), compare_runs(runs[::-1])
    assert there.verdict(there.pairs[0]) == back.verdict(back.pairs[0])
    assert "poor less good: balanced accuracy -22.5 points" in back.words()


def test_too_few_sources_are_said_to_be_too_few(tmp_path):
    comparison = compare_runs([write_run(tmp_path / "poor", poor), write_run(tmp_path / "fair", fair)])
    (pair,) = comparison.pairs
    assert pair.accuracy.p == 0.5
    verdict = comparison.verdict(pair)
    assert verdict.startswith(
        "fair and poor: too few independent photographs to tell; the difference is 5.0 points ("
    )
    assert verdict.endswith("in favour of fair, p = 0.5; about 180 more sources would separate 5 points")
    # Per source 0.95 * 0.05 and a fortieth for the source not seen, of which 7.85 / 0.05^2 times are needed.
    assert pair.further_sources == pytest.approx(7.85 * (0.95 * 0.05 + 1 / 40) / 0.05**2 - 40, rel=0.07)


def test_enough_sources_without_a_difference_say_what_they_would_separate(tmp_path):
    many = rows(400, 1)
    first = write_run(tmp_path / "a", lambda row: number(row) != 7, many)
    second = write_run(tmp_path / "b", lambda row: number(row) not in (8, 9), many)
    comparison = compare_runs([first, second])
    verdict = comparison.verdict(comparison.pairs[0])
    assert verdict.startswith("a and b: no difference shown; the difference is 0.2 points (-")
    assert verdict.endswith("in favour of a, p = 1; these 400 sources would separate 1.4 points")


def test_a_single_source_tells_nothing(tmp_path):
    one = rows(1, 6)
    folders = [
        write_run(tmp_path / "a", lambda row: row.path < "000-2", one),
        write_run(tmp_path / "b", good, one),
    ]
    comparison = compare_runs(folders)
    assert comparison.verdict(comparison.pairs[0]).startswith("a and b: nothing to tell from a single source")


def test_three_runs_make_three_corrected_pairs(runs, tmp_path):
    comparison = compare_runs([*runs, write_run(tmp_path / "fair", fair)])
    assert [(pair.first, pair.second) for pair in comparison.pairs] == [(0, 1), (0, 2), (1, 2)]
    assert comparison.pairs[0].accuracy.p_holm == pytest.approx(3 * comparison.pairs[0].accuracy.p)
    assert comparison.verdict(comparison.pairs[0]).endswith("p = 0.035")
    assert "corrected for 3 pairs (Holm)" in comparison.words()


def test_what_json_holds_is_the_same(runs):
    comparison = compare_runs(runs)
    told = json.loads(json.dumps(comparison.as_json(), allow_nan=False))
    assert [run["name"] for run in told["runs"]] == ["poor", "good"]
    assert told["runs"][1]["accuracy"] == pytest.approx(39 / 40)
    (pair,) = told["pairs"]
    assert (pair["first"], pair["second"]) == ("poor", "good")
    assert pair["accuracy"]["low"] == comparison.pairs[0].accuracy.low
    assert pair["verdict"] == comparison.verdict(comparison.pairs[0])


def test_only_what_both_tested_under_one_label_is_compared(tmp_path):
    other = [row._replace(fold="val") if number(row) < 10 else row for row in rows()]
    other[-9] = other[-9]._replace(label="dog" if other[-9].label == "cat" else "cat")
    comparison = compare_runs([write_run(tmp_path / "a", poor), write_run(tmp_path / "b", good, other)])
    assert (comparison.n, comparison.sources) == (89, 30)
    assert comparison.runs[0]["accuracy"] == pytest.approx(compare_accuracy(poor, other))
    assert comparison.warnings == (
        "1 image left out: the runs do not agree on the label",
        "30 images of a left out: not every run tested them",
    )


def compare_accuracy(right, assignments):
    tested = [row for row in assignments if row.fold == "test"]
    del tested[-3]
    return np.mean([right(row) for row in tested])


def test_runs_without_a_common_test_image_are_refused_with_the_remedy(tmp_path):
    other = [row._replace(fold="val") if row.fold == "test" else row._replace(fold="test") for row in rows()]
    folders = [write_run(tmp_path / "a", poor), write_run(tmp_path / "b", good, other)]
    with pytest.raises(
        GroupwiseError, match=r"no image stands in fold 'test' of every run.*--split\.extend OTHER"
    ):
        compare_runs(folders)


def test_what_one_run_knows_to_belong_together_does_so_for_all(tmp_path):
    unknown = rows(groups=False)
    folders = [write_run(tmp_path / "a", poor, unknown), write_run(tmp_path / "b", good, unknown)]
    alone = compare_runs(folders)
    assert (alone.n, alone.sources) == (120, 120)
    assert alone.pairs[0].accuracy.test == "McNemar's exact test"
    assert alone.warnings[0].startswith("every image counts as a source of its own")
    joined = compare_runs([folders[0], write_run(tmp_path / "c", good)])
    assert (joined.sources, joined.warnings) == (40, ())
    assert joined.pairs[0].accuracy.test.startswith("sign flips")


def test_cluster_numbers_of_different_runs_are_not_confused(tmp_path):
    # The second run numbers its clusters otherwise: equal numbers join nothing across runs.
    turned = [row._replace(cluster=1000 - row.cluster) for row in rows(groups=False)]
    folders = [write_run(tmp_path / "a", poor, rows(groups=False)), write_run(tmp_path / "b", good, turned)]
    assert compare_runs(folders).sources == 120
    joined = [row._replace(cluster=row.cluster // 2) for row in turned]
    assert compare_runs([folders[0], write_run(tmp_path / "c", fair, joined)]).sources == 61


def test_a_run_is_not_compared_with_itself(runs, tmp_path):
    with pytest.raises(UsageError, match="given twice"):
        compare_runs([runs[0], runs[0]])
    copy = shutil.copytree(runs[0], tmp_path / "copy")
    with pytest.raises(UsageError, match=r"holds the very same predictions as .*poor"):
        compare_runs([runs[0], copy])
    with pytest.raises(UsageError, match="1 run"):
        compare_runs(runs[:1])


def test_other_classes_are_another_question(runs, tmp_path):
    third = write_run(tmp_path / "third", good, classes=("cat", "cow", "dog"))
    with pytest.raises(GroupwiseError, match=r"third: tells apart other classes than .*poor \(cow only"):
        compare_runs([runs[0], third])


def test_classes_in_another_order_are_the_same_classes(runs, tmp_path):
    turned = write_run(
        tmp_path / "turned", lambda row: good(row) or row.path.endswith("1.png"), classes=CLASSES[::-1]
    )
    assert compare_runs([runs[0], turned]).pairs[0].accuracy.value == pytest.approx(9 / 40 + 1 / 120)


def test_a_fold_without_predictions_is_refused(runs):
    with pytest.raises(UsageError, match=r"no predictions for fold 'val'\. Choose with --fold among: test"):
        compare_runs(runs, fold="val")


def test_a_fold_that_the_other_run_lacks_is_not_offered(runs, tmp_path):
    pooled = [row._replace(fold="out-of-fold") for row in rows() if row.fold == "test"]
    study = write_run(tmp_path / "cv", lambda _: True, pooled)
    write_json(study / "crossval.json", {"words": []})
    with pytest.raises(UsageError, match="cross-validation is compared with another one") as refused:
        compare_runs([next(iter(runs.values())) if isinstance(runs, dict) else runs[0], study])
    assert "among" not in str(refused.value)


def test_changed_predictions_are_refused(runs):
    path = runs[1] / "predictions.csv"
    path.write_text(path.read_text().replace("0.9", "0.8"))
    with pytest.raises(GroupwiseError, match=r"predictions\.csv was changed"):
        compare_runs(runs)


def test_an_epoch_chosen_on_the_compared_fold_is_said(runs, tmp_path):
    picked = write_run(tmp_path / "picked", fair, select="test")
    (warning,) = compare_runs([runs[0], picked]).warnings
    assert warning.startswith("picked chose its epoch on fold test, the best of 4 looks")
    once = write_run(tmp_path / "once", good, select="test", epochs=1)
    assert compare_runs([runs[0], once]).warnings == ()


def test_training_on_siblings_is_said_even_if_only_the_other_run_knows_them(runs, tmp_path):
    cut = [row._replace(fold="train") if row.path in ("003-1.png", "005-2.png") else row for row in rows()]
    random = write_run(tmp_path / "random", fair, [row._replace(group="") for row in cut], method="random")
    comparison = compare_runs([runs[0], random])
    assert comparison.warnings == (
        "2 images of poor left out: not every run tested them",
        "random was trained on siblings of 4 of these 118 images: it may know them again,"
        " and its figures are too high",
    )


def test_a_random_split_without_known_sources_is_said(tmp_path):
    unknown = rows(groups=False)
    folders = [
        write_run(tmp_path / "a", poor, unknown),
        write_run(tmp_path / "b", good, unknown, method="random"),
    ]
    assert compare_runs(folders).warnings[1:] == (
        "b was split at random, and nobody knows which images belong together",
    )


def test_other_files_under_the_same_names_are_said(runs, tmp_path):
    (warning,) = compare_runs([runs[0], write_run(tmp_path / "b", fair, content="x")]).warnings
    assert warning.startswith("120 images are not the same file in every run")


def test_the_reading_of_the_test_fold_is_counted_in_every_run(runs):
    compare_runs(runs)
    for folder, other in zip(runs, ("good", "poor"), strict=True):
        ledger = read_json(folder / "run.json")
        assert ledger["test_readings"] == 1
        assert ledger["test_reading_log"][0]["why"] == f"compared with {other}"


def test_runs_of_one_name_go_by_their_paths(tmp_path):
    folders = [write_run(tmp_path / "x" / "run", poor), write_run(tmp_path / "y" / "run", good)]
    assert [run["name"] for run in compare_runs(folders).runs] == list(map(str, folders))


def test_the_command_prints_words_and_json(runs, tmp_path, capsys):
    picked = write_run(tmp_path / "picked", fair, select="test")
    assert main(["compare", str(runs[0]), str(picked), "--seed", "3"]) == 0
    out = capsys.readouterr().out
    assert "fair" not in out
    assert "picked and poor: too few independent photographs to tell" in out
    assert "Warning: picked chose its epoch on fold test" in out
    assert main(["compare", *map(str, runs), "--json", "--fold", "test"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pairs"][0]["accuracy"]["value"] == pytest.approx(9 / 40)


def test_the_command_refuses_a_lone_run(runs, capsys):
    assert main(["compare", str(runs[0])]) == 2
    assert "1 run. Give at least two" in capsys.readouterr().err


def test_the_command_needs_no_torch(runs):
    command = [sys.executable, "-X", "importtime", "-m", "groupwise", "compare", *map(str, runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "| torch\n" not in done.stderr
