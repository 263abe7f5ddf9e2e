"""A list of files to leave out is obeyed to the letter, or refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from groupwise.data.exclusion import read_exclusion
from groupwise.data.manifest import Sample
from groupwise.data.participants import choose_participants
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.data.split_options import SplitConfig
from groupwise.errors import GroupwiseError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k, path in enumerate(("cat/a.png", "cat/b, c.png", "dog/ü.png", "dog/d.png")):
        (tmp_path / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), (40 * k, 9, 9)).save(tmp_path / "data" / path)
    return tmp_path / "data"


@pytest.mark.parametrize(
    "text",
    [
        "cat/b, c.png\ndog/ü.png\n",
        "\ufeffcat/b, c.png\r\n\r\n./dog/ü.png",
        'label,path\ncat,"cat/b, c.png"\ndog,dog/ü.png\n',
        'path\n"cat/b, c.png"\ndog/ü.png\n',
        "# blurred\ncat/b, c.png  # the flash\n\n  # a thumb\ndog\\ü.png\n",
        '# of 3 May\npath,why\n"cat/b, c.png",x\n# later,\ndog/ü.png,\n',
    ],
)
def test_a_list_and_a_table_leave_the_same_files_out(folder: Path, text: str) -> None:
    listed = folder.parent / "exclude.csv"
    listed.write_text(text, encoding="utf-8")
    manifest = scan(folder, ReadOptions(exclude=listed))
    assert [one.path for one in manifest.usable] == ["cat/a.png", "dog/d.png"]
    left = [one for one in manifest.samples if one.codes == ("excluded",)]
    assert [one.path for one in left] == ["cat/b, c.png", "dog/ü.png"]
    assert all("exclude.csv" in one.reason for one in left)
    assert manifest.digest != scan(folder).digest


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x1c"])
@pytest.mark.parametrize("header", ["", "label,path\n"])
def test_a_path_ends_where_its_line_does(folder: Path, mark: str, header: str) -> None:
    """And not at what Python's `splitlines` takes for an end as well."""
    (folder / "cat/a.png").rename(folder / f"cat/a{mark}z.png")
    listed = folder.parent / "list.csv"
    cells = "dog," if header else ""
    listed.write_text(f"{header}{cells}dog/d.png\r\n{cells}cat/a{mark}z.png\n", encoding="utf-8", newline="")
    assert [one.path for one in scan(folder, ReadOptions(exclude=listed)).usable] == [
        "cat/b, c.png",
        "dog/ü.png",
    ]


def test_absolute_paths_below_the_data_are_understood(folder: Path) -> None:
    listed = folder.parent / "list.txt"
    listed.write_text(f"{folder.resolve()}/cat/a.png\n", encoding="utf-8")
    assert len(scan(folder, ReadOptions(exclude=listed)).usable) == 3


def test_a_path_that_is_not_there_is_named(folder: Path) -> None:
    listed = folder.parent / "list.txt"
    listed.write_text("cat/a.png\n# mine\ncat/gone.png\n", encoding="utf-8")
    fact = r"1 of its 2 paths is not among the data: 'cat/gone\.png' \(line 3\).*Mend that line"
    with pytest.raises(GroupwiseError, match=fact):
        scan(folder, ReadOptions(exclude=listed))
    listed.write_text('why,path\n,cat/a.png\n"two\nlines",gone.png\n', encoding="utf-8")
    with pytest.raises(GroupwiseError, match=r"'gone\.png' \(line 4\)"):
        scan(folder, ReadOptions(exclude=listed))


def test_a_name_that_looks_like_a_comment_is_a_name(folder: Path) -> None:
    for name in ("#1.png", "e #2.png"):
        (folder / "cat/a.png").with_name(name).write_bytes((folder / "cat/a.png").read_bytes())
    (folder / "#x").mkdir()
    (folder / "#x/f.png").write_bytes((folder / "dog/d.png").read_bytes())
    listed = folder.parent / "list.txt"
    listed.write_text("#x/f.png\ncat/e #2.png\n#y/f.png\n", encoding="utf-8")
    left = [
        one.path for one in scan(folder, ReadOptions(exclude=listed)).samples if one.codes == ("excluded",)
    ]
    assert left == ["#x/f.png", "cat/e #2.png"]


@pytest.mark.parametrize(
    ("content", "fact"),
    [(b"\n\n", "names no file"), (b"# none\n", "names no file"), (b"\xff\xfe\x00", "cannot be read as text")],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes, fact: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(GroupwiseError, match=fact):
        read_exclusion(tmp_path / "x")
    with pytest.raises(GroupwiseError, match="no such file"):
        read_exclusion(tmp_path / "y")


def test_of_dropped_copies_the_worthiest_stays() -> None:
    samples = [Sample(f"{k}.png", "ab"[k % 2]) for k in range(6)]
    options = {"copies": "drop", "min_sources": 0, "rare": "drop"}
    clusters = [0, 1, 0, 1, 0, 2]
    found = choose_participants(samples, clusters, (), worth=[1.0, 1, 3, 1, 2, 0], **options)
    assert found.excluded == {"0.png", "4.png", "3.png"}
    found = choose_participants(samples, clusters, (), **options)
    assert found.excluded == {"2.png", "4.png", "3.png"}


def test_a_policy_without_dropping_is_refused() -> None:
    assert SplitConfig(copies="drop", keep="sharpest").keep == "sharpest"
    with pytest.raises(UsageError, match="Add --copies drop"):
        SplitConfig(keep="sharpest")


def test_a_table_without_the_column_is_told_from_unknown_paths(folder: Path) -> None:
    listed = folder.parent / "exclude.csv"
    listed.write_text("file;why\ncat/a.png;blurred\n")
    with pytest.raises(
        GroupwiseError, match=r"a table without a column `path`: its first line is 'file;why'"
    ):
        scan(folder, ReadOptions(exclude=listed))
    listed.write_text("path;why\ncat/a.png;blurred\n")
    assert scan(folder, ReadOptions(exclude=listed)).usable[0].path == "cat/b, c.png"
    listed.write_text("file;why\ncat/z.png;blurred\n")
    with pytest.raises(GroupwiseError, match="2 of its 2 paths are not among the data"):
        scan(folder, ReadOptions(exclude=listed))


def test_a_list_of_all_files_is_named_as_the_reason(folder, tmp_path):
    listed = tmp_path / "all.txt"
    listed.write_text("\n".join(file.relative_to(folder).as_posix() for file in folder.rglob("*.png")))
    with pytest.raises(GroupwiseError, match=r"beside the 4 files that --exclude leaves out\. Take some"):
        scan(folder, ReadOptions(exclude=listed))
