"""What stands on two sides of a split is named: photographs, groups, and the measured images it touches."""

from __future__ import annotations

from pathlib import Path

from groupwise.data.spanning import count_spanning, find_spanning, write_spanning
from groupwise.data.split import EXCLUDED, Assignment, Split
from groupwise.files import read_csv

ROWS = [
    ("a.png", "cat", "anna", 0, "train"),
    ("b.png", "cat", "anna", 1, "test"),
    ("c.png", "dog", "", 2, "train"),
    ("d.png", "dog", "", 2, "test"),
    ("e.png", "dog", "", 2, "test"),
    ("f.png", "cat", "ben", 3, "val"),
    ("g.png", "cat", "ben", 4, "test"),
    ("h.png", "cat", "carl", 5, "train"),
    ("i.png", "cat", "carl", 6, EXCLUDED),
    ("j.png", "cat", "", 7, "test"),
]


def test_photographs_and_groups_on_two_sides_are_counted_and_listed(tmp_path: Path) -> None:
    found = find_spanning(Split(tuple(Assignment(*row) for row in ROWS)))
    assert [(one.kind, one.name) for one in found] == [
        ("photograph", "2"),
        ("group", "anna"),
        ("group", "ben"),
    ]
    assert count_spanning(found, "photograph") == {"n": 1, "touched": {"test": 2}}
    # Ben is on two sides, and training has not seen him.
    assert count_spanning(found, "group") == {"n": 2, "touched": {"test": 1}}
    write_spanning(tmp_path / "spanning.csv", found)
    rows = read_csv(tmp_path / "spanning.csv", ("kind", "name", "fold", "path"))
    assert [row["path"] for row in rows] == ["c.png", "d.png", "e.png", "a.png", "b.png", "f.png", "g.png"]


def test_a_sound_split_has_nothing_on_two_sides() -> None:
    rows = [Assignment(f"{k}.png", "cat", "", k, ("train", "test")[k % 2]) for k in range(6)]
    assert find_spanning(Split(tuple(rows))) == []
