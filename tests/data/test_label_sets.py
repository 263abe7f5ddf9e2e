"""Several labels an image: recognised in tables and folders, asked for where not certain, read back."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

from groupwise.data.manifest import read_manifest
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.data.targets import Targets, read_names, write_set
from groupwise.errors import GroupwiseError, UsageError

CELLS = ["cat", "dog", "cat|dog", "dog|bird", "", "bird"]


@pytest.fixture
def pictures(tmp_path):
    """Six pictures, 0.png to 5.png."""
    rng = np.random.default_rng(0)
    for i in range(6):
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    return tmp_path


def table(folder, header, rows, name="t.csv"):
    with (folder / name).open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return folder / name


def labels(manifest):
    return [sample.label for sample in manifest.usable]


@pytest.mark.parametrize("separator", ["|", ";", " ; "])
def test_cells_of_several_names_are_sets(pictures, separator):
    rows = [(f"{i}.png", cell.replace("|", separator)) for i, cell in enumerate(CELLS)]
    manifest = scan(table(pictures, ("path", "label"), rows))
    assert labels(manifest) == ["|cat|", "|dog|", "|cat|dog|", "|bird|dog|", "|", "|bird|"]
    assert manifest.classes == ("bird", "cat", "dog")
    assert "several labels an image, 1 rows with none" in manifest.layout


def test_json_lists_and_tools_that_join_with_bars_are_sets(pictures):
    cells = ['["cat"]', '["dog"]', '["cat", "dog"]', '["dog", "bird"]', "[]", '["bird"]']
    rows = [(f"{i}.png", cell) for i, cell in enumerate(cells)]
    assert labels(scan(table(pictures, ("path", "label"), rows)))[2:5] == ["|cat|dog|", "|bird|dog|", "|"]


@pytest.mark.parametrize("between", [", ", ",", " "])
def test_lists_as_pandas_writes_them_are_sets(pictures, between):
    cells = ["['cat']", "['dog']", "['cat', 'dog']", "['dog', \"it's\"]", "[]", "['a, b']"]
    rows = [(f"{i}.png", cell.replace("', ", f"'{between}")) for i, cell in enumerate(cells)]
    expected = ["|cat|", "|dog|", "|cat|dog|", "|dog|it's|", "|", "|a, b|"]
    file = table(pictures, ("path", "label"), rows)
    assert labels(scan(file)) == expected
    assert labels(scan(file, ReadOptions(labels="several"))) == expected


@pytest.mark.parametrize(
    "cell", ["[cat]", "['cat'", "['cat''dog']", "['cat', nan]", "[x 'cat']", "['cat'] dog"]
)
def test_what_resembles_a_list_is_a_name(pictures, cell):
    rows = [(f"{i}.png", cell if i % 2 else "dog") for i in range(6)]
    assert set(labels(scan(table(pictures, ("path", "label"), rows)))) == {cell, "dog"}


@pytest.mark.parametrize(
    "cells", [("[1, 0]", "[0, 1]"), ("[1 0]", "[0 1]"), ("[1. 0. 0.]", "[0. 0. 1.]"), ("[1, 0]", "")]
)
def test_vectors_are_refused(pictures, cells):
    rows = [(f"{i}.png", cells[i % 2]) for i in range(6)]
    with pytest.raises(GroupwiseError, match=r"'label' holds vectors of 0 and 1.*names of the classes"):
        scan(table(pictures, ("path", "label"), rows))


@pytest.mark.parametrize(
    "cells", [("[1]", "[0]"), ("[3, 7]", "[7]"), ("0", "1"), ("[0, 1]", "[1]"), ("1 0", "0 1")]
)
def test_numbers_that_are_no_vectors_are_names(pictures, cells):
    rows = [(f"{i}.png", cells[i % 2]) for i in range(6)]
    assert len(scan(table(pictures, ("path", "label"), rows)).classes) == 2


def test_one_column_a_label_is_sets_where_rows_hold_several_ones(pictures):
    ones = [("1", "0"), ("0", "1.0"), ("1", "1"), ("", "1"), ("0", "0"), ("1", "")]
    rows = [(f"{i}.png", *one) for i, one in enumerate(ones)]
    file = table(pictures, ("path", "cat", "dog"), rows)
    assert labels(scan(file)) == ["|cat|", "|dog|", "|cat|dog|", "|dog|", "|", "|cat|"]
    single = table(pictures, ("path", "cat", "dog"), [r for r in rows if r[1:] != ("1", "1")], "u.csv")
    assert set(labels(scan(single))) == {"cat", "dog"}  # as ever, and the row of no one has no class
    assert labels(scan(single, ReadOptions(labels="several")))[3] == "|"


FURTHER = [
    *(
        "is_valid",
        "patient",
        "fold",
        "test",
        "is_train",
        "kfold",
        "split",
        "Patient ID",
        "group",
        "sex",
        "age",
    ),
    *("augmented", "has_mask", "session_id", "fold_1", "person", "train"),
]


def flagged(folder, further, *, asked=None, bits="010110"):
    """What is read of a table of one cat or dog a row, and a further column of 0 and 1."""
    rows = [(f"{i}.png", i % 2, 1 - i % 2, bit) for i, bit in enumerate(bits)]
    return scan(table(folder, ("path", "cat", "dog", further), rows), asked or ReadOptions())


@pytest.mark.parametrize("name", FURTHER)
def test_a_fold_a_group_and_the_like_are_no_classes(pictures, name):
    manifest = flagged(pictures, name)
    assert labels(manifest) == ["dog", "cat"] * 3
    assert f"one column a class: cat, dog (not taken for classes: {name})" in manifest.layout
    assert "classes in" not in manifest.layout


def test_what_is_asked_for_is_no_class(pictures):
    manifest = flagged(pictures, "herd", asked=ReadOptions(group_column="herd"))
    assert labels(manifest) == ["dog", "cat"] * 3
    assert [sample.group for sample in manifest.usable] == list("010110")


@pytest.mark.parametrize("name", ["herd", "trainer", "sexton", "foldable", "patients"])
def test_other_columns_of_ones_are_classes(pictures, name):
    assert name in flagged(pictures, name).classes


@pytest.mark.parametrize("name", ["person", "tree", "train"])
def test_a_noun_without_which_a_row_is_of_none_is_a_class(pictures, name):
    rows = [(f"{i}.png", *(int(i % 3 == k) for k in range(3))) for i in range(6)]
    manifest = scan(table(pictures, ("path", "cat", "dog", name), rows))
    assert labels(manifest) == ["cat", "dog", name] * 2


def test_uncertain_cells_are_refused_by_the_name_of_their_column(pictures):
    rows = [("0.png", "1", "1"), ("1.png", "-1", "0"), ("2.png", "1", "1"), ("3.png", "0", "1")]
    file = table(pictures, ("path", "edema", "mass"), rows)
    with pytest.raises(GroupwiseError, match="'edema' holds -1, uncertain"):
        scan(file)


def test_no_finding_alone_is_the_empty_set_and_beside_others_a_label(pictures):
    rows = [("0.png", "No Finding"), ("1.png", "mass"), ("2.png", "mass|edema"), ("3.png", "edema")]
    manifest = scan(table(pictures, ("path", "label"), rows))
    assert labels(manifest) == ["|", "|mass|", "|edema|mass|", "|edema|"]
    assert any("taken for no label" in note for note in manifest.notes)
    rows[3] = ("3.png", "No Finding|edema")
    assert "No Finding" in scan(table(pictures, ("path", "label"), rows, "u.csv")).classes


def test_a_name_with_a_bar_that_shares_nothing_stays_one_class(pictures):
    rows = [(f"{i}.png", "t-shirt|top" if i % 2 else "shoe") for i in range(6)]
    assert set(labels(scan(table(pictures, ("path", "label"), rows)))) == {"shoe", "t-shirt|top"}


@pytest.mark.parametrize(
    ("names", "ones", "asked", "read"),
    [
        (("a|b", "c"), "11", {}, "a, b"),
        (("a|b", "c"), "11", {"label_column": "a|b,c"}, "a, b"),
        (("a|b", "c"), "01", {"labels": "several"}, "a, b"),
        (("a|b", "a"), "01", {}, "a, b"),
        (("a; b", "a"), "01", {}, "a, b"),
        (("a; b", "c"), "11", {}, None),
        (("a|b", "c"), "01", {}, None),
    ],
)
def test_a_column_whose_name_would_be_read_as_two_classes_is_refused(pictures, names, ones, asked, read):
    rows = [(f"{i}.png", *(ones if i == 0 else ("10", "01")[i % 2])) for i in range(6)]
    file = table(pictures, ("path", *names), rows)
    if read is None:
        assert set(scan(file, ReadOptions(**asked)).classes) == set(names)
        return
    with pytest.raises(
        GroupwiseError, match=rf"the class {names[0]!r} would be read as several".replace("|", r"\|")
    ):
        scan(file, ReadOptions(**asked))


def test_a_class_folder_with_a_bar_is_refused_where_images_have_several_labels(pictures):
    for i, label in enumerate(("in|out", "dog")):
        (pictures / "set" / label).mkdir(parents=True)
        shutil.copy(pictures / f"{i}.png", pictures / "set" / label)
    with pytest.raises(GroupwiseError, match=r"'in\|out' holds a bar"):
        scan(pictures / "set", ReadOptions(labels="several"))
    assert scan(pictures / "set").classes == ("dog", "in|out")


def test_a_few_cells_of_several_are_asked_about(pictures):
    for i in range(6, 30):
        shutil.copy(pictures / f"{i % 6}.png", pictures / f"{i}.png")
    rows = [(f"{i}.png", "cat|dog" if i == 7 else ("cat", "dog")[i % 2]) for i in range(30)]
    file = table(pictures, ("path", "label"), rows)
    with pytest.raises(UsageError, match=r"1 of 30 cells.*'cat\|dog'.*--labels several.*--labels one"):
        scan(file)
    assert len(scan(file, ReadOptions(labels="one")).usable) == 29
    assert labels(scan(file, ReadOptions(labels="several")))[7] == "|cat|dog|"


def test_a_file_in_several_rows_has_all_of_their_labels_where_asked(pictures):
    rows = [("0.png", "cat"), ("0.png", "dog"), ("1.png", "cat"), ("2.png", "dog")]
    file = table(pictures, ("path", "label"), rows)
    assert len(scan(file).usable) == 2  # two labels contradict one another
    assert labels(scan(file, ReadOptions(labels="several"))) == ["|cat|dog|", "|cat|", "|dog|"]


def test_equal_files_in_several_class_folders_are_one_picture(pictures):
    for label, numbers in (("cat", (0, 1)), ("dog", (1, 2)), ("bird", (3,))):
        (pictures / "set" / label).mkdir(parents=True)
        for i in numbers:
            shutil.copy(pictures / f"{i}.png", pictures / "set" / label / f"{i}.png")
    manifest = scan(pictures / "set", ReadOptions(labels="several"))
    assert sorted(labels(manifest)) == ["|bird|", "|cat|", "|cat|dog|", "|dog|"]
    assert [s.codes for s in manifest.samples if s.status == "ignored"] == [("listed-twice",)]
    assert len(scan(pictures / "set").usable) == 5  # one class a folder, unless it is said


def test_missing_labels_are_not_empty_sets(pictures):
    rows = [("0.png", "nan"), *((f"{i}.png", c) for i, c in enumerate(CELLS) if i)]
    manifest = scan(table(pictures, ("path", "label"), rows))
    assert [s.path for s in manifest.samples if s.status == "quarantined"] == ["0.png"]


def test_a_manifest_of_sets_is_read_back_and_scanned_again_alike(pictures):
    rows = [("0.png", "nan"), *((f"{i}.png", c) for i, c in enumerate(CELLS) if i)]
    manifest = scan(table(pictures, ("path", "label"), rows))
    manifest.write(pictures / "manifest.csv")
    assert read_manifest(pictures / "manifest.csv", pictures).digest == manifest.digest
    again = scan(pictures / "manifest.csv")
    assert again.usable == manifest.usable  # and the row without a label is no empty set


def test_a_class_that_looks_like_a_set_is_refused(pictures):
    (pictures / "set" / "|cat").mkdir(parents=True)
    shutil.copy(pictures / "0.png", pictures / "set" / "|cat" / "0.png")
    (pictures / "set" / "dog").mkdir()
    shutil.copy(pictures / "1.png", pictures / "set" / "dog" / "1.png")
    with pytest.raises(GroupwiseError, match="begins with a bar"):
        scan(pictures / "set")


def test_targets_of_either_kind_have_members():
    one, sets = Targets.of(["b", "a", "b"]), Targets.of([write_set(["b", "a"]), "|", "|a|"])
    assert one.classes == sets.classes == ("a", "b")
    assert one.values.tolist() == [1, 0, 1]
    assert one.members.tolist() == [[0, 1], [1, 0], [0, 1]]
    assert sets.members.tolist() == [[1, 1], [0, 0], [1, 0]]
    assert read_names("|") == ()


def test_a_cell_that_is_no_list_among_lists_is_told(pictures):
    cells = ['["cat"]', '["cat"', '["dog", "cat"]', '["dog"]', '{"cat": true, "dog": false}', "[dog"]
    rows = [(f"{i}.png", cell) for i, cell in enumerate(cells)]
    manifest = scan(table(pictures, ("path", "label"), rows))
    assert any("2 cells begin as a list and cannot be read as one" in note for note in manifest.notes)
    assert labels(manifest)[4] == "|cat|"
    plain = scan(table(pictures, ("path", "label"), [("0.png", "[cat]"), ("1.png", "dog")]))
    assert not any("begin as a list" in note for note in plain.notes)


def test_a_column_without_a_one_is_told(pictures):
    rows = [("0.png", "1", "0", "0"), ("1.png", "0", "1", "0"), ("2.png", "1", "1", "0")]
    manifest = scan(table(pictures, ("path", "cat", "dog", "emu"), rows))
    assert "No row has a 1 in emu, so no class is made of it." in manifest.notes
    assert not scan(table(pictures, ("path", "cat", "dog"), [row[:3] for row in rows])).notes


@pytest.mark.parametrize("cells", [("cat", "dog", "cat,dog"), ("cat", "dog", "cat dog")])
def test_other_separators_are_told_how_sets_are_written(pictures, cells):
    rows = [(f"{i}.png", cell) for i, cell in enumerate(cells)]
    notes = scan(table(pictures, ("path", "label"), rows)).notes
    assert any("write them into a table with a bar between them" in note for note in notes)
