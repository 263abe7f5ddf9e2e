import json
import shutil
import signal
from contextlib import redirect_stdout

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import groupwise
from cli_case import rows, run
from fit_case import at_step, raise_signal
from folder_case import TINY, write_folder
from groupwise.console import Console
from groupwise.errors import UsageError
from groupwise.experiments import pooling
from groupwise.models.weights import load_weights
from groupwise.pipeline import refit as refit_module
from groupwise.pipeline.train import new_model
from groupwise.planning.after_training import REFIT_SHARE
from groupwise.recipe.recipe import with_fields
from groupwise.runs.deadline import Deadline
from groupwise.runs.history import read_history
from groupwise.runs.provenance import count_known_images, runs_behind
from groupwise.runs.run import Run
from groupwise.training.callbacks import Callback
from groupwise.training.signals import Terminated


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("pets"), n=60)


@pytest.fixture(scope="module")
def refitted(folder, tmp_path_factory):
    torch.set_num_threads(1)
    target = tmp_path_factory.mktemp("runs") / "first"
    changes = TINY | {"split.train": 0.5, "split.val": 0.3, "split.test": 0.2}
    with target.with_name("said.txt").open("w") as said, redirect_stdout(said):
        groupwise.train(folder, run=target, changes=changes, refit=True)
    return target


def ledger(folder):
    return json.loads((folder / "run.json").read_text())


def test_the_measured_network_goes_on_with_every_image_for_a_part_of_its_passes(refitted):
    assert {row["fold"] for row in rows(refitted / "refit" / "split.csv")} == {"train"}
    history = rows(refitted / "refit" / "history.csv")
    passes = refit_module.PASSES * len(rows(refitted / "history.csv"))
    assert len(history) == max(round(passes), 1) == ledger(refitted / "refit")["best_epoch"]
    assert {row["select_loss"] for row in history} == {"nan"}
    ours, theirs = (load_file(f / "model.safetensors")["fc.weight"] for f in (refitted / "refit", refitted))
    assert not np.array_equal(ours, theirs)


def test_the_verdict_on_the_measured_network_is_said_once_and_last(refitted):
    said = " ".join(refitted.with_name("said.txt").read_text().split())
    verdict = json.loads((refitted / "report.json").read_text())["verdict"]["text"]
    assert said.count("Test: ") == 1
    assert said.endswith(" ".join(verdict.split()))
    assert said.index("Test: ") > said.index("refit")


def test_temperature_and_thresholds_are_the_measured_ones_and_the_reference_its_own(refitted):
    config, measured = (json.loads((f / "config.json").read_text()) for f in (refitted / "refit", refitted))
    assert config["temperature"] == measured["temperature"]
    assert (refitted / "refit" / "decision.json").read_text() == (refitted / "decision.json").read_text()
    ours, theirs = (
        load_file(f / "reference.safetensors")["features"] for f in (refitted / "refit", refitted)
    )
    assert len(ours) == 60 > len(theirs)


def test_it_says_which_network_was_measured_and_has_no_number_of_its_own(refitted):
    of = ledger(refitted / "refit")["refit_of"]
    assert of["weights"] == Run.open(refitted).weights
    assert of["accuracy"] == json.loads((refitted / "metrics.json").read_text())["test"]["accuracy"]
    assert not (refitted / "refit" / "metrics.json").exists()
    card = (refitted / "refit" / "README.md").read_text()
    assert "No figure here was measured on these weights" in card
    assert "all 60 images, where the measured network had learnt from 30" in card
    assert "model-index" not in card
    assert "A refit lies in" not in card
    for name in ("README.md", "report.html"):  # of the run that was measured
        told = (refitted / name).read_text().replace("\N{NO-BREAK SPACE}", " ")
        assert "went on with all 60 images" in told


@pytest.mark.parametrize("verb", ["evaluate", "decide", "report", "robustness"])
def test_what_would_measure_it_is_refused_with_the_reason(refitted, capsys, verb):
    status, _, err = run(capsys, verb, refitted / "refit")
    assert status == 2
    assert "a refit, which has learnt from every image" in err
    assert f"Name the run that was measured, {refitted}" in err


def test_it_predicts_and_is_exported_as_any_run_and_the_bundle_says_whose_the_number_is(
    refitted, folder, capsys
):
    answer = groupwise.load_run(refitted / "refit").predict([folder / "dog" / "001.png"])[0]
    assert answer.label in ("cat", "dog")
    assert run(capsys, "export", refitted / "refit", "--to", "bundle")[0] == 0
    bundle = json.loads((refitted / "refit" / "export" / "bundle" / "bundle.json").read_text())
    assert bundle["source"]["accuracy"] == {}
    assert bundle["source"]["refit_of"]["weights"] == Run.open(refitted).weights


def test_weights_of_a_refit_are_known_to_have_learnt_from_every_fold(refitted):
    measured = Run.open(refitted)
    runs, _ = runs_behind(refitted / "refit")
    known = count_known_images(runs, measured.manifest(), measured.split())
    assert known == {fold: len(measured.split().indices(fold)) for fold in ("train", "val", "test")}


def test_what_is_there_stays_and_that_of_other_weights_is_made_anew(refitted, tmp_path, capsys):
    copy = shutil.copytree(refitted, tmp_path / "copy")
    before = (copy / "refit" / "model.safetensors").stat().st_mtime_ns
    status, out, _ = run(capsys, "refit", copy)  # which has moved
    assert (status, "is there already" in out) == (0, True)
    entry = ledger(copy / "refit")
    assert entry["refit_of"]["run"] == str(copy)
    assert (copy / "refit" / "model.safetensors").stat().st_mtime_ns == before
    entry["refit_of"]["weights"] = "of another training"
    (copy / "refit" / "run.json").write_text(json.dumps(entry))
    assert run(capsys, "refit", copy)[0] == 0
    assert (copy / "refit" / "model.safetensors").stat().st_mtime_ns > before
    ours, theirs = (load_file(f / "refit" / "model.safetensors") for f in (copy, refitted))
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_a_refit_that_was_stopped_goes_on_to_the_same_weights(refitted, tmp_path, monkeypatch, capsys):
    copy = shutil.copytree(refitted, tmp_path / "copy")
    shutil.rmtree(copy / "refit")
    plain = refit_module.run_callbacks

    class Stop(Callback):
        on_batch_end = staticmethod(at_step(2, raise_signal(signal.SIGTERM)))

    monkeypatch.setattr(refit_module, "run_callbacks", lambda *about: [Stop(), *plain(*about)])
    assert run(capsys, "refit", copy)[0] == 75
    monkeypatch.setattr(refit_module, "run_callbacks", plain)
    assert run(capsys, "refit", copy)[0] == 0
    ours, theirs = (load_file(f / "refit" / "model.safetensors") for f in (copy, refitted))
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_a_refit_that_was_stopped_within_a_budget_goes_on_to_the_usual_passes(
    refitted, tmp_path, monkeypatch
):
    copy = shutil.copytree(refitted, tmp_path / "copy")
    shutil.rmtree(copy / "refit")
    after = {"network_s": 0.0, "rest_s": 0.0, "refit_share": REFIT_SHARE, "refit_s": 0.0}
    Run.open(copy).note(plan={"after_training": after})
    plain = refit_module.run_callbacks

    class Stop(Callback):
        on_batch_end = staticmethod(at_step(2, raise_signal(signal.SIGTERM)))

    monkeypatch.setattr(refit_module, "run_callbacks", lambda *about: [Stop(), *plain(*about)])
    with pytest.raises(Terminated):
        refit_module.refit(copy, Console(), deadline=Deadline.of(3600))
    monkeypatch.setattr(refit_module, "run_callbacks", plain)
    refit_module.refit(copy, Console())
    usual, ours = (len(rows(f / "refit" / "history.csv")) for f in (refitted, copy))
    assert ours == usual


def test_passes_are_those_until_the_time_ended_training(refitted):
    measured = Run.open(refitted)
    made = len(read_history(measured.path("history.csv")))
    assert refit_module._facts(measured)["passes"] == made * refit_module.PASSES
    measured.ledger |= {"stopped": {"epoch": 8, "step": 1, "steps": 4}}
    assert refit_module._facts(measured)["passes"] == 7.25 * refit_module.PASSES


def test_it_begins_where_the_measured_network_ended_at_a_lower_rate_with_whole_images(refitted):
    measured = Run.open(refitted)
    recipe = with_fields(
        refit_module.stored_recipe(measured),
        {"training.start_size_px": 8, "training.patience": 3, "optim.learning_rate": 0.01},
    )
    mixed = with_fields(recipe, {"augment.cutmix": 1.0, "augment.mixup": 0.2})
    assert not refit_module._going_on(mixed, 4).augment.mixes
    further = refit_module._going_on(recipe, 4)
    assert (further.training.epochs, further.training.start_size_px, further.training.patience) == (
        4,
        None,
        None,
    )
    assert further.optim.learning_rate == pytest.approx(refit_module.RATE * 0.01)
    first = new_model(recipe, 2).state_dict()
    ours, theirs = (load_file(f / "model.safetensors") for f in (refitted / "refit", refitted))
    moved, learnt = (
        sum(np.abs(one[name] - other[name]).sum() for name in theirs if name.endswith("weight"))
        for one, other in ((ours, theirs), ({n: t.numpy() for n, t in first.items()}, theirs))
    )
    assert 0 < moved < learnt


def test_within_a_budget_it_goes_on_until_the_time_is_over(refitted, tmp_path, capsys):
    copy = shutil.copytree(refitted, tmp_path / "copy")
    shutil.rmtree(copy / "refit")
    after = {"network_s": 0.0, "rest_s": 0.0, "refit_share": REFIT_SHARE, "refit_s": 0.0}
    Run.open(copy).note(plan={"after_training": after})
    over = Deadline(budget_s=0.0, began=0.0)
    refit_module.refit(copy, Console(), deadline=over)
    assert ledger(copy)["budget"]["seconds"] == 0
    assert len(rows(copy / "refit" / "history.csv")) == 1
    assert "The time held 0." in capsys.readouterr().out


def test_a_cross_validation_and_its_refit_share_one_budget(folder, tmp_path, capsys, monkeypatch):
    def write_page(folder):
        (folder / "report.html").touch()
        return folder / "report.html"

    for module in (pooling, refit_module):
        monkeypatch.setattr(module, "write_report", write_page)
    options = {"cv": 3, "refit": True, "budget": "20min", "baselines": "none"}
    groupwise.train(folder, run=tmp_path / "cv", changes=TINY | {"training.epochs": 1}, **options)
    study, out = ledger(tmp_path / "cv"), capsys.readouterr().out
    assert study["plan"]["after_training"]["refit_share"] == REFIT_SHARE
    assert out.count("Budget:") == out.count("Budget: 20\N{NO-BREAK SPACE}min, of which") == 1
    assert out.index("Refit: ") < out.index("Budget:")
    assert study["budget"]["spent"] < study["budget"]["seconds"] == 1200
    assert study["refit"]["learnt_from"] == 60
    assert "refit" not in ledger(tmp_path / "cv" / "repeat-1" / "fold-1")
    assert not list(tmp_path.rglob("cache"))


def test_the_decoded_images_go_with_the_refit(refitted):
    assert not list(refitted.rglob("cache"))


def test_what_leaves_no_number_is_refused_before_anything_is_trained(refitted, folder, tmp_path):
    with pytest.raises(UsageError, match="a refit, which has learnt"):
        refit_module.refit(refitted / "refit", None)
    with pytest.raises(UsageError, match="--refit: its epoch is chosen on test, so that no number"):
        groupwise.train(folder, run=tmp_path / "new", refit=True, recipe="classic")
    assert not (tmp_path / "new").exists()


def test_a_network_of_the_measured_weights_takes_those_of_the_refit(refitted):
    model = groupwise.load_run(refitted).model
    theirs = load_file(refitted / "refit" / "model.safetensors")
    assert not np.array_equal(model.fc.weight.detach().numpy(), theirs["fc.weight"])
    load_weights(model, refitted / "refit" / "model.safetensors")
    assert np.array_equal(model.fc.weight.detach().numpy(), theirs["fc.weight"])


def test_an_unmeasured_run_is_refused(refitted, tmp_path, capsys):
    copy = shutil.copytree(refitted, tmp_path / "copy")
    Run.open(copy).note(interrupted=True)
    status, _, err = run(capsys, "refit", copy)
    assert (status, "was not measured" in err) == (2, True)
