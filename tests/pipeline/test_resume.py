"""A run that is resumed learns from what it began with, or says that this has changed."""

import pytest

from groupwise.errors import UsageError
from groupwise.files import sha256_file
from groupwise.pipeline.resume import _refuse_changed_table
from groupwise.recipe.parsing import read_recipe
from groupwise.runs.request import RunRequest
from groupwise.runs.run import Run


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
    _refuse_changed_table(run, request)
    table.write_text(text)
    with pytest.raises(UsageError, match=r"pets\.csv: has changed since this run began.*another --run"):
        _refuse_changed_table(run, request)


def test_a_run_that_has_not_kept_the_table_goes_on(tmp_path, table):
    run, request = stopped(tmp_path, table)
    table.write_text("path,label\n")
    _refuse_changed_table(run, request)
    assert "table_sha256" not in run.ledger  # which is why nothing could be told
