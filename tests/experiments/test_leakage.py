import json

import numpy as np
import pytest

from copies_case import QUIET, write_patterns, write_run
from groupwise.cli.main import main
from groupwise.errors import UsageError
from groupwise.experiments import leakage as module
from groupwise.experiments.leakage import leakage
from groupwise.files import read_csv, read_json
from groupwise.runs.run import Run


@pytest.fixture(scope="module")
def patterns(tmp_path_factory):
    return write_patterns(tmp_path_factory.mktemp("patterns"))


@pytest.fixture(scope="module")
def studied(patterns, tmp_path_factory):
    """A run, and what two pairs of networks found of it."""
    run = write_run(tmp_path_factory.mktemp("runs") / "run", patterns)
    return run.folder, leakage(run.folder, seeds=2, console=QUIET)


def test_the_random_split_recognises_what_means_nothing(studied):
    found = studied[1]["retrained"]
    assert found["random"]["value"] > 0.9
    assert found["grouped"]["value"] < 0.8
    assert found["difference"]["value"] == pytest.approx(found["random"]["value"] - found["grouped"]["value"])


def test_choosing_on_the_test_fold_only_adds(studied):
    found = studied[1]["retrained"]
    for row in found["by_seed"]:
        assert row["grouped_luckiest"] >= row["grouped"]
        assert row["random_luckiest"] >= row["random"]
    added = np.mean([row["grouped_luckiest"] - row["grouped"] for row in found["by_seed"]])
    assert found["selection"]["grouped"]["value"] == pytest.approx(added)
    assert found["total"]["value"] == pytest.approx(
        found["difference"]["value"] + found["selection"]["random"]["value"]
    )
    assert found["chosen_on"] == "val"


def test_readings_are_counted_apart(studied):
    folder, facts = studied
    ledger = read_json(folder / "run.json")
    assert ledger["test_readings"] == 0
    assert ledger["study_test_readings"] == 4 * 6
    readings = facts["retrained"]["test_readings"]
    assert (readings["networks"], readings["readings"]) == (4, 24)
    asked = {row["path"] for row in read_csv(folder / "leakage.csv", ["path"])}
    own = {row["path"] for row in read_csv(folder / "split.csv", ["path"]) if row["fold"] == "test"}
    assert (readings["shared_images"], readings["run_images"]) == (len(asked & own), len(own))


def test_the_run_is_left_as_it_was_and_no_seed_is_its_own(studied):
    folder, facts = studied
    assert {path.name for path in folder.iterdir()} == {
        "run.json", "recipe.yaml", "manifest.csv", "split.csv", "leakage.csv", "leakage.json",
    }  # fmt: skip
    assert [row["seed"] for row in facts["retrained"]["by_seed"]] == [1, 2]
    assert Run.open(folder).require("leakage.json")


def test_more_seeds_train_only_the_new_ones_and_none_are_asked_again(studied, monkeypatch):
    folder, facts = studied

    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(module, "retrain", refuse)
    assert leakage(folder, seeds=2, console=QUIET)["retrained"] == facts["retrained"]
    one = leakage(folder, seeds=1, console=QUIET)["retrained"]
    assert one["random"] == {"value": facts["retrained"]["by_seed"][0]["random"], "sd": None}
    assert one["difference"]["low"] is None
    with pytest.raises(AssertionError, match="trained again"):
        leakage(folder, seeds=3, console=QUIET)
    leakage(folder, seeds=2, console=QUIET)


def test_the_command_tells_it_in_words_and_json(studied, capsys):
    folder, facts = studied
    assert main(["leakage", str(folder)]) == 0
    words = capsys.readouterr().out
    assert "Retrained, 2 seeds: " in words
    assert "Choosing the epoch on the test fold instead of on val would have added" in words
    assert "This run's own network was not measured again" in words
    assert main(["leakage", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == read_json(folder / "leakage.json") == facts


def test_nothing_known_of_sources_cannot_tell_and_does_not_train(patterns, tmp_path, capsys):
    run = write_run(tmp_path / "run", patterns, group_regex=None)
    assert main(["leakage", str(run.folder)]) == 0
    assert "Cannot tell: no groups were given and no copies were found" in capsys.readouterr().out
    assert main(["leakage", str(run.folder), "--retrain"]) == 2
    error = capsys.readouterr().err
    assert "--retrain: no two images are known to share a source" in error
    assert "--group-column or --group-regex" in error


def test_a_split_that_cannot_be_made_is_refused_before_training(patterns, tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", patterns, group_regex=r"pattern(\d)", **{"split.method": "random"})
    monkeypatch.setattr(module, "retrain", None)
    with pytest.raises(Exception, match="independent sources"):
        leakage(run.folder, seeds=1, console=QUIET)


def test_wrong_usage_is_explained(patterns, tmp_path, capsys):
    run = write_run(tmp_path / "run", patterns)
    with pytest.raises(UsageError, match="-1 is negative"):
        leakage(run.folder, seeds=-1, console=QUIET)
    assert main(["leakage", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err
