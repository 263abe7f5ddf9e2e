"""A manifest comes back from its file as it went in, and its digest names what decides a result."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groupwise.data.manifest import COLUMNS, Manifest, Sample, read_manifest
from groupwise.errors import GroupwiseError

SAMPLES = (
    Sample("a/1.jpg", "a", "p1", "ok", "", 4, 3, "RGB", "aa", {"site": "Ankara"}),
    Sample(
        "b/2.jpg", "b", "", "warned", "cmyk: converted; tiny: small", 4, 3, "CMYK", "bb", {"site": "Bonn"}
    ),
    Sample("c/3.jpg", "c", "", "quarantined", "truncated: it ends too soon", extra={"site": ""}),
    Sample("notes.txt", "", "", "ignored", "not-an-image: text", extra={"site": ""}),
)
# Whatever a file name or a cell of a UTF-8 file may hold, save the carriage return below.
cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def test_has_the_columns_that_scripts_rely_on(tmp_path: Path) -> None:
    Manifest(tmp_path, SAMPLES).write(tmp_path / "manifest.csv")
    first, second, *_ = (tmp_path / "manifest.csv").read_text().splitlines()
    assert first == "path,label,group,status,reason,width,height,mode,sha256,site"
    assert second == "a/1.jpg,a,p1,ok,,4,3,RGB,aa,Ankara"


@given(st.lists(st.tuples(cells, cells, cells, cells, cells), max_size=4))
@settings(max_examples=40, deadline=None)
def test_comes_back_as_it_went_in(rows: list[tuple[str, str, str, str, str]]) -> None:
    samples = tuple(
        Sample(path, label, group, "warned", reason, 7, 5, "L", "ff", {"site": extra})
        for path, label, group, reason, extra in rows
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "manifest.csv"
        Manifest(Path(folder), samples).write(file)
        assert read_manifest(file, Path(folder)).samples == samples


def test_keeps_a_carriage_return(tmp_path: Path) -> None:
    samples = (Sample("cat/Icon\r", "cat", "", "ignored", "not-an-image: an empty file"),)
    Manifest(tmp_path, samples).write(tmp_path / "manifest.csv")
    assert read_manifest(tmp_path / "manifest.csv", tmp_path).samples == samples


def test_knows_what_can_be_trained_on() -> None:
    manifest = Manifest(Path("/data"), SAMPLES)
    assert manifest.usable == SAMPLES[:2]
    assert manifest.classes == ("a", "b")
    assert manifest.file(SAMPLES[0]) == Path("/data/a/1.jpg")


def test_takes_a_reason_apart() -> None:
    assert [sample.codes for sample in SAMPLES] == [(), ("cmyk", "tiny"), ("truncated",), ("not-an-image",)]


@pytest.mark.parametrize("field", ["path", "label", "group", "status", "sha256"])
def test_digest_changes_with_what_decides_a_result(field: str) -> None:
    changed = replace(SAMPLES[0], **{field: "ignored"})
    assert Manifest(Path(), (changed, *SAMPLES[1:])).digest != Manifest(Path(), SAMPLES).digest


@pytest.mark.parametrize(
    ("field", "value"), [("reason", "x: y"), ("extra", {}), ("width", 9), ("height", 9), ("mode", "L")]
)
def test_digest_stays_with_what_does_not(field: str, value: object) -> None:
    changed = replace(SAMPLES[0], **{field: value})
    moved = Manifest(Path("/elsewhere"), (changed, *SAMPLES[1:]), notes=("a note",))
    assert moved.digest == Manifest(Path(), SAMPLES).digest


def test_digest_keeps_the_borders_between_cells() -> None:
    one, other = Sample("ab", "c"), Sample("a", "bc")
    assert Manifest(Path(), (one,)).digest != Manifest(Path(), (other,)).digest


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("status", "fine", "row 1 has the status 'fine', which is none of ok, warned, quarantined, ignored"),
        ("width", "-4", "row 1 has '-4' where a number of pixels belongs"),
        ("height", "", "row 1 has '' where a number of pixels belongs"),
        ("width", "٣", "where a number of pixels belongs"),
    ],
)
def test_refuses_a_row_that_scan_never_wrote(tmp_path: Path, column: str, cell: str, words: str) -> None:
    row = dict.fromkeys(COLUMNS, "") | {"status": "ok", "width": "1", "height": "1"} | {column: cell}
    file = tmp_path / "manifest.csv"
    file.write_text(",".join(COLUMNS) + "\n" + ",".join(row.values()) + "\n")
    with pytest.raises(GroupwiseError, match=words) as caught:
        read_manifest(file, tmp_path)
    assert "groupwise scan" in caught.value.remedy


def test_refuses_a_file_without_its_columns(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label\n1.jpg,cat\n")
    with pytest.raises(GroupwiseError, match="no column 'group', 'status'"):
        read_manifest(tmp_path / "list.csv", tmp_path)
