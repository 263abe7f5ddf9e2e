import shutil
from pathlib import Path

import pytest
import yaml

from folder_case import tiny_options, write_folder
from groupwise.cli.main import main
from groupwise.console import Console
from groupwise.data.scan import scan
from groupwise.data.split import Assignment, Split
from groupwise.files import read_json
from groupwise.pipeline.create import _say_what_is_known
from groupwise.runs.provenance import count_known_images, runs_behind
from groupwise.runs.run import Run
from run_case import write_run


@pytest.fixture
def run(tmp_path):
    """A run over 24 pictures, of which it has learnt from 12."""
    return write_run(tmp_path)


def known(weights, data, *, fold="test", group=lambda sample: ""):
    """What `weights` know of `data`, all of which stands in one fold."""
    manifest = scan(data)
    rows = [Assignment(s.path, s.label, group(s), i, fold) for i, s in enumerate(manifest.usable)]
    return count_known_images(runs_behind(weights)[0], manifest, Split(tuple(rows)))


@pytest.mark.parametrize("weights", ["", "model.safetensors", "export/timm", "export/timm/model.safetensors"])
def test_images_that_taught_the_run_are_known_by_their_bytes(run, weights):
    copied = shutil.copytree(run.folder.parent / "pets", run.folder.parent / "elsewhere")
    assert known(run.path(weights), copied) == {"test": 12}
    assert known(run.path(weights), copied, fold="excluded") == {}


def test_other_images_and_weights_of_no_run_are_not_known(run, tmp_path):
    other = write_folder(tmp_path / "others", n=24, seed=1)
    assert known(run.folder, other) == {}
    alone = Path(shutil.copy(run.path("model.safetensors"), tmp_path / "alone.safetensors"))
    assert known(alone, run.folder.parent / "pets") == {}


def test_siblings_by_group_are_known_where_the_data_are_the_same(run):
    pets = run.folder.parent / "pets"
    rows = [Assignment(s.path, s.label, s.label, i, "val") for i, s in enumerate(scan(pets).usable)]
    rows[0] = rows[0]._replace(fold="train")  # a cat
    Split(tuple(rows)).write(run.path("split.csv"))
    assert known(run.folder, pets, group=lambda sample: sample.label) == {"test": 12}
    elsewhere = shutil.copytree(pets, pets.with_name("elsewhere"))
    assert known(run.folder, elsewhere, group=lambda sample: sample.label) == {"test": 1}


def test_an_ensemble_knows_every_image_that_took_part(run):
    run.note(members=["repeat-1/fold-1"])
    assert known(run.folder, run.folder.parent / "pets") == {"test": 24}


def test_what_the_weights_began_from_counts_too(run, tmp_path):
    later = write_run(tmp_path / "later")
    rows = [Assignment(s.path, s.label, "", i, "val") for i, s in enumerate(scan(tmp_path / "pets").usable)]
    Split(tuple(rows)).write(later.path("split.csv"))
    assert known(later.folder, tmp_path / "pets") == {}
    later.path("recipe.yaml").write_text(yaml.safe_dump({"model": {"weights": str(run.folder)}}))
    assert known(later.folder, tmp_path / "pets") == {"test": 12}
    run.path("recipe.yaml").write_text(yaml.safe_dump({"model": {"weights": str(later.folder)}}))
    assert known(later.folder, tmp_path / "pets") == {"test": 12}  # and a circle ends


def begun_from(folder, name, weights):
    """A run in `folder` that began from `weights`, as far as its provenance goes."""
    run = Run.create(folder / name, data=folder, root=folder, version="test")
    run.path("recipe.yaml").write_text(yaml.safe_dump({"model": {"weights": weights}}))
    return run


@pytest.mark.parametrize("older", [False, True])
def test_runs_behind_weights_are_found_from_any_folder(tmp_path, monkeypatch, older):
    monkeypatch.chdir(tmp_path)
    begun_from(tmp_path, "runs/a", None)
    last = begun_from(tmp_path, "runs/b", "runs/a")
    if older:
        last.note(working_directory="gone")
    monkeypatch.chdir(tmp_path.parent)
    runs, gone = runs_behind(last.folder)
    assert ([run.folder.name for run in runs], gone) == (["b", "a"], "")


def test_where_the_runs_behind_weights_break_off_is_told(tmp_path):
    first, last = begun_from(tmp_path, "a", None), begun_from(tmp_path, "b", "a")
    first.folder.rename(tmp_path / "moved")
    last.note(working_directory=str(tmp_path))
    assert [run.folder.name for run in runs_behind(last.folder)[0]] == ["b"]
    assert runs_behind(last.folder)[1] == "a"
    last.note(pretrained={"name": "published"})  # and downloaded, so that it was no run
    assert runs_behind(last.folder)[1] == ""


def test_a_training_says_that_a_run_behind_its_weights_is_gone(run, tmp_path, capsys):
    run.path("recipe.yaml").write_text(yaml.safe_dump({"model": {"weights": "runs/gone"}}))
    manifest = scan(tmp_path / "pets")
    rows = [Assignment(s.path, s.label, "", i, "test") for i, s in enumerate(manifest.usable)]
    later = Run.create(tmp_path / "later", data=tmp_path, root=tmp_path, version="test")
    _say_what_is_known(later, str(run.folder), manifest, Split(tuple(rows)), Console())
    (note,) = later.ledger["notes"]
    assert "the run run, which began from runs/gone, and that is not there any more" in note
    assert note in " ".join(capsys.readouterr().out.split())


def test_a_training_from_such_weights_says_so_and_its_report_is_red(tmp_path, capsys):
    data = write_folder(tmp_path / "pets")
    words = ["train", str(data), "--recipe", "default", *tiny_options()]
    assert main([*words, "--run", str(tmp_path / "first")]) == 0
    tuned = [*words, "--model.weights", str(tmp_path / "first"), "--run", str(tmp_path / "tuned")]
    capsys.readouterr()
    assert main([*tuned, "--seed", "1"]) == 0
    images = Run.open(tmp_path / "tuned").ledger["weights_know"]["images"]
    assert images["test"] > 0
    assert f"{images['test']} images of test" in " ".join(capsys.readouterr().out.split())
    (box,) = read_json(tmp_path / "tuned" / "report.json")["hidden"]
    assert "know images of the test" in str(box)
    # Kept apart, they are not
    tuned[-1] = str(tmp_path / "apart")
    assert main([*tuned, "--seed", "1", "--split.extend", str(tmp_path / "first" / "split.csv")]) == 0
    assert "test" not in Run.open(tmp_path / "apart").ledger["weights_know"]["images"]
    assert "The weights have learnt" not in capsys.readouterr().out
