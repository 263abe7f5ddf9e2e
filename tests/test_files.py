import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import (
    read_csv,
    read_json,
    sha256_bytes,
    sha256_file,
    write_atomic,
    write_csv,
    write_json,
)

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(rows=st.lists(st.tuples(cells, cells), max_size=5))
def test_csv_cells_come_back_whatever_they_hold(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("csv") / "x.csv"
    write_csv(file, ("a", "b"), rows)
    assert [(row["a"], row["b"]) for row in read_csv(file, ["a", "b"])] == rows


def test_a_name_that_is_not_utf8_keeps_its_bytes(tmp_path):
    write_csv(tmp_path / "x.csv", ("a",), [(os.fsdecode(b"caf\xe9.png"),), ("café.png",)])
    assert (tmp_path / "x.csv").read_bytes() == b"a\ncaf\xe9.png\ncaf\xc3\xa9.png\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\n1\n", "no column 'b' among 'a'"),
        (b"", "no column 'a', 'b' among nothing"),
        (b"a,b\n1\n", "row 1 does not have the 2 columns"),
        (b"a,b\n1,2\n1,2,3\n", "row 2 does not have the 2 columns"),
        (b"a,b\n\xff,2\n", "not a readable CSV file"),
    ],
)
def test_a_csv_that_cannot_be_meant_is_named(tmp_path, content, message):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(GroupwiseError, match=message) as error:
        read_csv(tmp_path / "x.csv", ["a", "b"])
    assert "x.csv" in str(error.value)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    (tmp_path / "x.csv").write_bytes("\ufeffa,b\n1,2\n".encode())
    assert read_csv(tmp_path / "x.csv", ["a"]) == [{"a": "1", "b": "2"}]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    file = tmp_path / "x.txt"
    write_atomic(file, "old")

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomic(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_no_ordinary_file_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path):
        with pytest.raises(GroupwiseError, match="is not an ordinary file"):
            write_atomic(place, "content")
    assert (tmp_path / "pipe").is_fifo()


def test_json_is_refused_where_it_is_none(tmp_path):
    write_json(tmp_path / "x.json", {"ü": [1]})
    assert read_json(tmp_path / "x.json") == {"ü": [1]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(GroupwiseError, match=r"x\.json: not valid JSON"):
        read_json(tmp_path / "x.json")
    with pytest.raises(GroupwiseError, match="no such file"):
        read_json(tmp_path / "y.json")


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    data = bytes(range(256)) * 5000  # more than one chunk
    (tmp_path / "x").write_bytes(data)
    assert sha256_file(tmp_path / "x") == sha256_bytes(data)


def test_errors_say_fact_place_remedy():
    assert (
        str(GroupwiseError("is cut", place="a.jpg", remedy="Copy it again."))
        == "a.jpg: is cut. Copy it again."
    )
    assert str(UsageError("no x, did you mean y?", place="--z", remedy="Choose.")) == (
        "--z: no x, did you mean y? Choose."
    )
    assert (GroupwiseError.exit_status, UsageError.exit_status) == (1, 2)


def test_files_are_written_where_no_folder_can_be_opened(tmp_path, monkeypatch):
    real = os.open

    def as_windows(path, *arguments, **options):
        if Path(path).is_dir():
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", as_windows)
    with pytest.raises(PermissionError):
        write_atomic(tmp_path / "x", b"1")
    monkeypatch.setattr(sys, "platform", "win32")
    write_atomic(tmp_path / "x", b"2")
    assert (tmp_path / "x").read_bytes() == b"2"
