"""A run that is resumed learns from what it began with, or says that this has changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from groupwise.data.folder import digest_folder
from groupwise.errors import UsageError
from groupwise.files import read_json, sha256_file, write_json
from groupwise.pipeline.create import digests_of
from groupwise.pipeline.resume import (
    _refuse_changed_data,
    _refuse_other_data,
    _refuse_other_recipe,
    stored_recipe,
)
from groupwise.recipe.parsing import read_recipe
from groupwise.recipe.recipe import to_yaml
from groupwise.runs.request import RunRequest
from groupwise.runs.run import LEDGER, Run
from layout_case import classes, text


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "pets.csv"
    file.write_text("path,label\n1.jpg,cat\n2.jpg,dog\n")
    return file


def stopped(tmp_path, table, **facts):
    run = Run.create(tmp_path / "run", data=table, root=tmp_path, version="test")
    run.note(**facts)
    _, recipe = read_recipe("default")
    return run, RunRequest(
        data=table, scan=lambda progress: None, folder=run.folder, recipe=recipe, base=recipe, resume=True
    )


@pytest.mark.parametrize("text", ["path,label\n1.jpg,dog\n2.jpg,dog\n", "path,label\n1.jpg,cat\n"])
def test_a_table_that_changed_is_not_resumed_in_silence(tmp_path, table, text):
    run, request = stopped(tmp_path, table, table_sha256=sha256_file(table))
    _refuse_changed_data(run, request)
    table.write_text(text)
    with pytest.raises(UsageError, match=r"pets\.csv: has changed since this run began.*another --run"):
        _refuse_changed_data(run, request)


def test_a_run_that_has_not_kept_the_table_goes_on(tmp_path, table):
    run, request = stopped(tmp_path, table)
    table.write_text("path,label\n")
    _refuse_changed_data(run, request)
    assert "table_sha256" not in run.ledger  # which is why nothing could be told


@pytest.fixture
def folder(tmp_path):
    classes(tmp_path / "pets", "cat", "dog")
    text(tmp_path / "pets", "metadata.csv", "file_name,label\ncat/000.jpg,cat\n")
    return tmp_path / "pets"


def moved(folder):
    (folder / "cat/001.jpg").rename(folder / "dog/moved.jpg")


def added(folder):
    classes(folder, "cow")


def gone(folder):
    (folder / "cat/001.jpg").unlink()


def mended(folder):
    text(folder, "metadata.csv", "file_name,label\ncat/000.jpg,dog\n")


@pytest.mark.parametrize("change", [moved, added, gone, mended])
def test_a_folder_that_changed_is_not_resumed_in_silence(tmp_path, folder, change):
    digest, _ = digest_folder(folder, tmp_path / "run")
    run, request = stopped(tmp_path, folder, listing_sha256=digest)
    _refuse_changed_data(run, request)
    change(folder)
    with pytest.raises(UsageError, match=r"pets: holds other images.*another --run"):
        _refuse_changed_data(run, request)


def test_what_is_no_image_of_the_data_changes_nothing(tmp_path, folder):
    run_inside = folder / "run"
    before = digest_folder(folder, run_inside)
    classes(run_inside, "figures")
    for name in (".DS_Store", "cat/Thumbs.db", "notes.txt", ".cache/1.jpg"):
        text(folder, name, "x")
    assert digest_folder(folder, run_inside) == before


def packed(folder, name, content):
    (folder / name).write_bytes(content)


@pytest.mark.parametrize("name", ["train-00000-of-00001.parquet", "cat.zip", "cat.tar.gz"])
def test_an_archive_or_shard_that_was_replaced_is_noticed(tmp_path, name):
    folder = tmp_path / "packed"
    folder.mkdir()
    packed(folder, name, b"old")
    bare, request = stopped(tmp_path, folder)
    _refuse_changed_data(bare, request)  # an older run, which has kept nothing of them
    bare.note(**digests_of(request))
    _refuse_changed_data(bare, request)
    packed(folder, name, b"new")
    with pytest.raises(UsageError, match=r"packed: holds other archives or Parquet files.*another --run"):
        _refuse_changed_data(bare, request)


def test_an_edited_list_of_what_is_left_out_is_noticed(tmp_path, table):
    listed = tmp_path / "out.txt"
    listed.write_text("1.jpg\n")
    run, request = stopped(tmp_path, table)
    request = replace(request, reading={"exclude": str(listed)})
    run.note(**digests_of(request))
    _refuse_changed_data(run, request)
    listed.write_text("2.jpg\n")
    with pytest.raises(UsageError, match=r"--exclude .*out\.txt: has changed since this run began"):
        _refuse_changed_data(run, request)


CHOSEN = {"data.channels": (1, 2)}
SETTLED_BY_DATA = {"data.channel_count": 3, "data.mean": (0.4, 0.5), "data.std": (0.2, 0.3)}


def begun_with(tmp_path, **later):
    """A run of two channels, and the request that goes on with it."""
    run = Run.create(tmp_path / "run", data=tmp_path, root=tmp_path, version="test")
    _, begun = read_recipe("default", {**CHOSEN, **SETTLED_BY_DATA})
    run.path("recipe.yaml").write_text(to_yaml(begun))
    run.record("recipe.yaml")
    base, recipe = read_recipe("default", {**CHOSEN, **later})
    return run, RunRequest(
        data=tmp_path, scan=lambda progress: None, folder=run.folder, recipe=recipe, base=base, resume=True
    )


def test_what_the_data_said_of_channels_stays_as_it_was(tmp_path):
    _refuse_other_recipe(*begun_with(tmp_path))


def test_other_channels_are_another_recipe(tmp_path):
    with pytest.raises(UsageError, match=r"data\.channel_count was 3"):
        _refuse_other_recipe(*begun_with(tmp_path, **{"data.channel_count": 4}))


def without_its_folder(run):
    """As a run of an earlier version, which has not kept where its command was given."""
    ledger = read_json(run.path(LEDGER))
    del ledger["working_directory"]
    write_json(run.path(LEDGER), ledger)
    return Run.open(run.folder)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A run that began in a project, and how another folder asks for the same data."""
    project, other = tmp_path / "project", tmp_path / "other"
    (project / "photos").mkdir(parents=True)
    other.mkdir()
    monkeypatch.chdir(project)
    run = Run.create(Path("run"), data=Path("photos"), root=project / "photos", version="test")
    run.note(reading={"exclude": "out.txt", "group_regex": "a"})

    def ask(data, exclude):
        monkeypatch.chdir(other)
        _, recipe = read_recipe("default")
        request = RunRequest(
            data=Path(data), scan=lambda progress: None, folder=project / "run", recipe=recipe, base=recipe
        )
        return replace(request, reading={"exclude": str(exclude), "group_regex": "a"})

    return Run.open(project / "run"), ask


@pytest.mark.parametrize("older", [False, True])
def test_the_same_data_may_be_named_from_another_folder(elsewhere, older):
    run, ask = elsewhere
    run = without_its_folder(run) if older else run
    project = run.folder.parent
    _refuse_other_data(run, ask(project / "photos", project / "out.txt"))
    _refuse_other_data(run, ask("../project/photos", "../project/out.txt"))
    with pytest.raises(UsageError, match=r"this run read its data with --exclude out\.txt"):
        _refuse_other_data(run, ask(project / "photos", project / "others.txt"))
    with pytest.raises(UsageError, match="this run began with "):
        _refuse_other_data(run, ask(project / "pictures", project / "out.txt"))


def test_weights_that_were_named_in_another_folder_are_found_and_are_the_same(tmp_path, monkeypatch):
    weights = tmp_path / "first/model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path)
    run, request = begun_with(tmp_path, **{"model.weights": str(weights)})
    _, begun = read_recipe(
        "default", {**CHOSEN, **SETTLED_BY_DATA, "model.weights": "first/model.safetensors"}
    )
    run.path("recipe.yaml").write_text(to_yaml(begun))
    run.record("recipe.yaml")
    assert stored_recipe(run).model.weights == "first/model.safetensors"  # as it was typed
    monkeypatch.chdir(tmp_path / "deep")
    _refuse_other_recipe(run, request)
    assert stored_recipe(run).model.weights == str(weights)
    _, other = read_recipe("default", {**CHOSEN, "model.weights": "first/model.safetensors.old"})
    with pytest.raises(UsageError, match=r"model\.weights was .*first/model\.safetensors"):
        _refuse_other_recipe(run, replace(request, recipe=other))
