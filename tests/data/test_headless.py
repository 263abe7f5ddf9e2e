"""Tables without a header: the column of classes is found, and where another may be it, that is said."""

from __future__ import annotations

import pytest

from groupwise.data.headless import name_columns
from groupwise.data.reading import ReadOptions
from groupwise.data.table import read_contents
from groupwise.errors import GroupwiseError
from layout_case import table

BOXES = [
    (f"{i // 2}.jpg", str(10 * i), str(i), str(90 - i), "80", "cat dog owl".split()[i % 3]) for i in range(12)
]


def chosen(*rows: tuple[str, ...]) -> str | None:
    return name_columns(rows).label


@pytest.mark.parametrize(
    ("rows", "label"),
    [
        (BOXES, "column 6"),
        ([*BOXES, ("9.jpg", "", "", "", "", "")], "column 6"),
        ([("1.jpg", "cat", "pet"), ("2.jpg", "dog", "pet")], "column 2"),
        ([("cat", "1.jpg"), ("dog", "2.jpg")], "column 1"),
        ([("1.jpg", "1_mask.png", "cat"), ("2.jpg", "2_mask.png", "dog")], "column 3"),
        ([("1.jpg", "", "cat"), ("2.jpg", "", "dog")], "column 3"),
        ([("TRAIN", "1.jpg", "cat"), ("TEST", "2.jpg", "dog")], "column 3"),
        ([(f"{i}.jpg", str(i % 2), f"remark {i}") for i in range(6)], "column 2"),
        ([(f"{i}.jpg", str(i % 2)) for i in range(6)], "column 2"),
        ([("1.jpg", "1_mask.png"), ("2.jpg", "2_mask.png")], None),
    ],
    ids=[
        *("boxes", "an image without boxes", "two of words", "the path behind", "masks", "a blank one"),
        *("folds", "remarks", "numbers alone", "masks alone"),
    ],
)
def test_the_column_of_classes(rows, label):
    assert chosen(*rows) == label


def test_columns_that_may_hold_the_classes_are_named_with_their_cells(tmp_path):
    file = table(tmp_path, "t.csv", "", BOXES)
    [note] = [one for one in read_contents(file).notes if "no header" in one]
    assert "'column 6' (cat, dog, owl) is taken for the classes" in note
    assert "--label-column: 'column 2' (0, 10, 20, ...), 'column 3'" in note
    other = read_contents(file, ReadOptions(label_column="column 5"))
    assert {sample.label for sample in other.samples} == {"80"}
    assert not any("no header" in one for one in other.notes)


@pytest.mark.parametrize("row", [("{}.jpg", "cat"), ("TRAIN", "{}.jpg", "cat")])
def test_a_single_column_is_not_asked_about(tmp_path, row):
    rows = [[cell.format(i) for cell in row] for i in range(3)]
    contents = read_contents(table(tmp_path, "t.csv", "", rows))
    assert {sample.label for sample in contents.samples} == {"cat"}
    assert not any("no header" in one for one in contents.notes)


def test_paths_alone_are_refused_with_the_option(tmp_path):
    with pytest.raises(
        GroupwiseError, match=r"no column 'label' among 'column 1', 'column 2'.*--label-column"
    ):
        read_contents(table(tmp_path, "t.csv", "", [("1.jpg", "1_mask.png"), ("2.jpg", "2_mask.png")]))


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt"])
def test_blanks_between_the_columns_are_read_alike_whatever_the_file_is_called(tmp_path, name):
    file = tmp_path / name
    file.write_text("a/my cat.jpg   cat\na/2.jpg dog\n")
    assert [sample.label for sample in read_contents(file).samples] == ["cat", "dog"]
    file.write_text("cat/1.jpg\ndog/2.jpg\n")
    assert [sample.label for sample in read_contents(file).samples] == ["cat", "dog"]
    file.write_text("a/1.jpg  1.0                 mono\na/2.jpg  0.0                 poly\n")
    with pytest.raises(GroupwiseError, match="each line holds 3 words, and which of them is the class"):
        read_contents(file)


def test_a_header_of_one_name_is_no_list(tmp_path):
    with pytest.raises(GroupwiseError, match="no column 'label' among 'my path'"):
        read_contents(table(tmp_path, "t.csv", "my path", [("a/1.jpg",), ("a/2.jpg",)]))
