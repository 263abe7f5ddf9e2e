"""A run that is resumed learns from what it began with, or says that this has changed."""

import pytest

from groupwise.data.folder import digest_listing
from groupwise.errors import UsageError
from groupwise.files import sha256_file
from groupwise.pipeline.resume import _refuse_changed_data
from groupwise.recipe.parsing import read_recipe
from groupwise.runs.request import RunRequest
from groupwise.runs.run import Run
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
    digest = digest_listing(folder, tmp_path / "run")
    run, request = stopped(tmp_path, folder, listing_sha256=digest)
    _refuse_changed_data(run, request)
    change(folder)
    with pytest.raises(UsageError, match=r"pets: holds other images.*another --run"):
        _refuse_changed_data(run, request)


def test_what_is_no_image_of_the_data_changes_nothing(tmp_path, folder):
    run_inside = folder / "run"
    before = digest_listing(folder, run_inside)
    classes(run_inside, "figures")
    for name in (".DS_Store", "cat/Thumbs.db", "notes.txt", ".cache/1.jpg"):
        text(folder, name, "x")
    assert digest_listing(folder, run_inside) == before
