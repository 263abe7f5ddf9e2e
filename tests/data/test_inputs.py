import os

import pytest

from groupwise.data.inputs import image_files
from groupwise.errors import GroupwiseError


def test_files_folders_and_lists_are_one_stream(tmp_path):
    for name in ("d/b/2.JPG", "d/b/1.png", "d/a.webp", "d/notes.txt", "d/.hidden.png", "d/.x/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "list.txt").write_bytes("\ufeffone.png\r\n\ntwo, too.png\n".encode())
    named = ["gone.png", tmp_path / "d", tmp_path / "list.txt"]
    expected = ["gone.png", *(str(tmp_path / "d" / name) for name in ("a.webp", "b/1.png", "b/2.JPG"))]
    assert list(image_files(named)) == [*expected, "one.png", "two, too.png"]


def test_what_scan_calls_an_image_is_not_passed_over_for_its_name(tmp_path):
    contents = {
        "a.jpeg2000": b"\xff\x4f\xff\x51",
        "b.jxl": b"\xff\x0a",
        "c.ico": b"\0\0\1\0\1\0",
        "d": b"\xff\xd8\xff",
        "e.tga": b"\0\0\2" + bytes(9) + b"\x30\0\x20\0\x18\0",
        "f.md": b"# notes",
        "g.bin": bytes(64),
        "h.empty": b"",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    os.mkfifo(tmp_path / "i.pipe")
    assert list(image_files([tmp_path])) == [
        str(tmp_path / name) for name in ("a.jpeg2000", "b.jxl", "c.ico", "d", "e.tga")
    ]


def test_the_stream_is_read_as_it_is_needed(tmp_path):
    stream = image_files(["first.png", tmp_path / "gone.txt"])
    assert next(stream) == "first.png"
    with pytest.raises(GroupwiseError, match=r"gone\.txt: cannot be read as a list of files"):
        next(stream)


def test_where_there_is_no_image_it_is_said(tmp_path):
    (tmp_path / "notes.md").touch()
    (tmp_path / "none.txt").touch()
    with pytest.raises(GroupwiseError, match=r"none\.txt: no images there\. Name image files, or a folder"):
        image_files([tmp_path, tmp_path / "none.txt"])
    assert list(image_files([tmp_path, "one.png"])) == ["one.png"]
