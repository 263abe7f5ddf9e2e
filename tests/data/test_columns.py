"""Columns of a table are known by their names and cells, and asked about: folds, groups, classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from groupwise.data.column_names import names_folds, names_group
from groupwise.data.fold_columns import find_fold_columns, note_folds, read_folds
from groupwise.data.group_columns import find_group_columns, note_group_columns
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.data.table import Contents, read_contents
from groupwise.errors import GroupwiseError, UsageError
from layout_case import put, table

FOLD_COLUMNS = {
    "floats": ("fold", ["0.0", "1.0", "2.0", "3.0"], "fold-0"),
    "number": ("fold_nr", ["1", "2", "3"], "fold-1"),
    "cv": ("CV", ["1", "2", "3", "4", "5"], "fold-1"),
    "kfold": ("kfold5", ["0", "1"], "fold-0"),
    "outer": ("outer_fold", ["1", "2"], "fold-1"),
    "prefix": ("split", ["s1", "s2", "s3"], "fold-1"),
    "letters": ("Fold", ["A", "B", "C"], "fold-1"),
    "fractions": ("cv_fold", ["1/3", "2/3", "3/3"], "fold-1"),
    "german": ("Falte", ["1", "2"], "fold-1"),
    "words": ("Partition", ["Training", "Test"], "train"),
    "use": ("usage", ["Training", "PublicTest"], "train"),
    "data set": ("dataset", ["train", "test"], "train"),
    "any name": ("ds_kind", ["train", "val", "test"], "train"),
    "any name, folds in words": ("x", ["fold 1", "fold 2"], "fold-1"),
    "flag": ("is_train", ["True", "False"], "train"),
    "yes and no": ("is_test", ["yes", "no"], "test"),
    "a fold and a flag": ("holdout", ["true", "false"], "test"),
    "training or not": ("train", ["1", "0"], "train"),
    "with blanks": ("Subset", ["train", "", "test"], "train"),
}


@pytest.mark.parametrize("kind", FOLD_COLUMNS)
def test_columns_of_folds_are_known_by_name_or_cells_and_read(kind):
    column, values, first = FOLD_COLUMNS[kind]
    rows = [{column: value} for value in values * 3]
    [(name, counts)] = find_fold_columns(rows, [column]).items()
    assert name == column
    assert counts[first] == 3
    assert sum(counts.values()) == 3 * len([value for value in values if value])
    folds = read_folds(values, column)
    assert folds is not None
    assert folds[values[0]] == first


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("stage", ["1", "2", "3"]),
        ("dataset", ["COCO", "VOC"]),
        ("grade", ["0", "1", "2"]),
        ("subset", ["red", "blue"]),
        ("trainer", ["Ann", "Bob"]),
        ("foldable", ["0", "1"]),
        ("healthy", ["yes", "no"]),
        ("site", ["A", "B"]),
        ("fold", [str(i) for i in range(40)]),
        ("weather", ["test", "sun"]),
    ],
)
def test_columns_that_resemble_those_of_folds_are_none(column, values):
    assert find_fold_columns([{column: value} for value in values * 2], [column]) == {}


def read(root: Path, header: str, cells: list[tuple[str, ...]], **options: object) -> Contents:
    """The contents of a table whose first column are paths of files that are not there."""
    rows = [(f"{i}.jpg", *row) for i, row in enumerate(cells)]
    return read_contents(table(root, "t.csv", header, rows), ReadOptions(**options))  # type: ignore[arg-type]


CLASS_IDS = [("cat", "0"), ("dog", "1"), ("owl", "2")] * 2


def test_class_numbers_in_a_column_called_fold_are_no_folds(tmp_path):
    notes = " ".join(read(tmp_path, "path,label,fold", CLASS_IDS).notes)
    assert "The column 'fold' is called as one of folds, and names the classes once more" in notes
    assert "--split.given" not in notes
    with pytest.raises(UsageError, match="each of its folds would hold one class"):
        read(tmp_path, "path,label,fold", CLASS_IDS, given="fold")


def test_folds_that_hardly_differ_from_classes_are_folds(tmp_path):
    cells = [*CLASS_IDS, ("cat", "1")]
    assert "--split.given fold" in " ".join(read(tmp_path, "path,label,fold", cells).notes)
    read(tmp_path, "path,label,fold", cells, given="fold")


def test_a_column_of_folds_has_one_line_to_use_it_and_one_to_ignore_it(tmp_path):
    cells = [("cat", "0.0"), ("dog", "1.0"), ("cat", "2.0")]
    [note] = read(tmp_path, "path,label,fold_nr", cells).notes
    assert "--cv 3 --split.given fold_nr" in note
    assert "--split.given pool says that it is not meant" in note
    used = read(tmp_path, "path,label,fold_nr", cells, given="fold_nr")
    assert [sample.extra["given_fold"] for sample in used.samples] == ["fold-0", "fold-1", "fold-2"]
    assert (used.notes, read(tmp_path, "path,label,fold_nr", cells, given="pool").notes) == ((), ())


@pytest.mark.parametrize(
    "column",
    [
        *("StudyInstanceUID", "SeriesInstanceUID", "PatientID", "Patient ID", "anon_patient_key", "mrn"),
        *("bird_id", "nestId", "acquisition_date", "Pat.-Nr.", "Código paciente", "operator"),
        *("hospital", "site_code", "animal_id", "plate", "well", "Slide Nr", "VideoName", "sequence", "lot"),
        *("batch_no", "serial-number", "Patientennummer", "Objektträger", "Präparat-Nr", "Standort"),
        *("Seriennummer", "numéro_patient", "échantillon", "id_du_patient", "puits", "hôpital", "séance"),
        *(
            "id_paciente",
            "lesión",
            "muestra",
            "historia_clinica",
            "患者ID",
            "患者编号",
            "病历号",
            "批次",
            "医院",
        ),
    ],
)
def test_columns_of_groups_are_known_in_five_languages(column):
    assert names_group(column)


@pytest.mark.parametrize(
    "column",
    [
        *("species_id", "taxonId", "grid", "valid", "photo_uuid", "update"),
        *("age", "sex", "image_id", "plant_species", "patient_age", "wellness", "id", "number", "class_id"),
        *("width", "batch_size", "mouse_over", "patience", "性别", "年龄", "编号", "Nummer", "nom"),
    ],
)
def test_other_columns_are_none_of_groups(column):
    assert not names_group(column)


def test_groups_are_proposed_with_evidence_and_the_classes_are_no_groups():
    rows = [
        {"label": "ab"[i % 2], "species": "xy"[i % 2], "plate": "xy"[i % 2], "well": str(i // 4)}
        for i in range(12)
    ]
    [note] = note_group_columns(rows, ["species", "plate", "well"], "label")
    assert "'well' has 3 values for 12 images, '0' 4 times" in note
    assert "--group-column well" in note


def test_subjects_are_proposed_before_places_and_dates():
    rows = [
        {"label": "ab"[i % 2], "date": str(i // 6), "site": str(i // 4), "patient": str(i // 2)}
        for i in range(12)
    ]
    assert list(find_group_columns(rows, ["date", "site", "patient"])) == ["patient", "date", "site"]


def test_a_part_of_the_set_is_no_group_and_a_part_of_a_machine_is():
    rows = [{"part": ("train", "val", "")[i % 3]} for i in range(9)]
    assert find_group_columns(rows, ["part"]) == {}
    rows = [{"part": ("train", "gear", "")[i % 3]} for i in range(9)]
    assert find_group_columns(rows, ["part"]) == {"part": 3}


def test_columns_named_as_a_fold_or_a_group_can_be_classes_by_their_names(tmp_path):
    cells = [("1", "1", "0"), ("0", "1", "1"), ("1", "0", "0"), ("0", "0", "1")]
    found = read(tmp_path, "path,animal,bus,car", cells)
    assert [sample.label for sample in found.samples] == ["|bus|", "|bus|car|", "|", "|car|"]
    [note] = [note for note in found.notes if "--label-column" in note and "'animal'" in note]
    asked = note.partition("--label-column ")[2].rstrip(".")
    assert asked == "bus,car,animal"
    named = read(tmp_path, "path,animal,bus,car", cells, label_column=asked)
    assert [s.label for s in named.samples] == ["|animal|bus|", "|bus|car|", "|animal|", "|car|"]
    assert not any("'animal'" in note for note in named.notes)
    assert not any("--label-column" in n for n in read(tmp_path, "path,cow,bus,car", cells).notes)


def test_columns_that_are_all_left_out_are_named_in_the_refusal(tmp_path):
    cells = [("1", "0", "1"), ("0", "1", "1"), ("1", "1", "0")]
    with pytest.raises(GroupwiseError, match=r"name them all: --label-column animal,bus,plate\."):
        read(tmp_path, "path,animal,bus,plate", cells)
    assert len(read(tmp_path, "path,animal,bus,plate", cells, label_column="animal,bus,plate").samples) == 3


def test_named_columns_of_classes_have_to_be_of_zeros_and_ones(tmp_path):
    cells = [("1", "0", "9"), ("0", "1", "7")]
    with pytest.raises(UsageError, match="'age' holds '9'"):
        read(tmp_path, "path,cat,dog,age", cells, label_column="cat,dog,age")
    with pytest.raises(GroupwiseError, match="no column 'cat,cow'"):
        read(tmp_path, "path,cat,dog,age", cells, label_column="cat,cow")
    [one, two] = read(tmp_path, '"path","cat,dog"', [('"a"',), ('"b"',)], label_column="cat,dog").samples
    assert (one.label, two.label) == ("a", "b")


def test_a_column_that_holds_folds_alone_is_not_guessed_to_be_the_class(tmp_path):
    cells = [("training", "cat"), ("testing", "dog"), ("training", "dog")]
    found = read(tmp_path, "path,category,species", cells)
    assert [sample.label for sample in found.samples] == ["cat", "dog", "dog"]
    assert any("'category' names folds" in note for note in found.notes)
    cells = [("train", "1"), ("bus", "2"), ("train", "1")]
    assert [sample.label for sample in read(tmp_path, "path,category,weight", cells).samples][1] == "bus"
    with pytest.raises(GroupwiseError, match="--label-column"):
        read(tmp_path, "path,category", [("train",), ("test",)])


def test_columns_called_as_folds():
    assert all(map(names_folds, ["fold", "Fold Nr", "cv", "foldId", "5 folds", "fold3"]))
    assert not any(map(names_folds, ["folder", "portfolio", "curriculum", "id", "k", "unfold"]))


def test_cells_that_name_no_fold_beside_others_are_named(tmp_path):
    put(tmp_path, *(f"{kind}/{i}.png" for kind in ("cat", "dog") for i in range(4)))
    cells = ["train", "TRAIN", "unused", "test", "train", "", "dev", "ignore"]
    rows = [
        f"{kind}/{i}.png,{kind},{cells[4 * (kind == 'dog') + i]}" for kind in ("cat", "dog") for i in range(4)
    ]
    file = tmp_path / "t.csv"
    file.write_text("\n".join(["path,label,split", *rows]) + "\n")
    with pytest.raises(
        UsageError, match=r"not in 2 rows: 'unused' \(1\), 'ignore' \(1\).*leave these cells empty"
    ):
        scan(file, ReadOptions(given="split"))
    file.write_text("\n".join(["path,label,split", *rows]).replace("unused", "").replace("ignore", "") + "\n")
    assert len(scan(file, ReadOptions(given="split")).usable) == 8


@pytest.mark.parametrize(
    ("folds", "use"),
    [
        ("01", "write train and test for its numbers and add --split.given fold;"),
        ("012", "add --cv 3 --split.given fold (if its numbers stand for train, val and test,"),
        ("01234", "add --cv 5 --split.given fold;"),
    ],
)
def test_numbered_folds_are_offered_in_a_way_that_works(folds, use):
    rows = [{"fold": folds[i % len(folds)]} for i in range(20)]
    (note,) = note_folds(rows, ["fold"], None, ["ab"[i % 3 == 0] for i in range(20)])
    assert f"To use it as it is, {use}" in note


def listed_twice(tmp_path, *again):
    """Pictures of one patient each, four in train and two in test, and rows that say it `again`."""
    put(tmp_path, *(f"{i}.png" for i in range(6)))
    rows = [f"{i}.png,{'ab'[i % 2]},{'train' if i < 4 else 'test'},p{i}" for i in range(6)]
    file = tmp_path / "pets.csv"
    file.write_text("\n".join(["path,label,fold,patient", *rows, *again]) + "\n")
    return read_contents(file, ReadOptions(given="fold", group_column="patient"))


def test_a_file_on_two_sides_and_of_two_patients_binds_them_and_is_said(tmp_path):
    found = listed_twice(tmp_path, "0.png,a,test,p5", "1.png,b,train,")
    usable = {sample.path: sample.group for sample in found.samples if sample.status == "ok"}
    assert usable == {f"{i}.png": f"p{i % 5}" for i in range(6)}  # the last with the first
    told = " ".join(found.notes)
    assert "1 files stand in several rows under different groups, such as 0.png (p0, p5)" in told
    assert "1 files stand in several rows under different folds, such as 0.png (train, test)" in told


@pytest.mark.parametrize("named", ["p9", "N/A"])
def test_a_file_has_the_group_of_the_row_that_names_one(tmp_path, named):
    listed_twice(tmp_path, "6.png,b,train,", f"6.png,b,train,{named}", "5.png,b,test,")
    put(tmp_path, "6.png")
    found = read_contents(tmp_path / "pets.csv", ReadOptions(group_column="patient"))
    usable = {sample.path: sample.group for sample in found.samples if sample.status == "ok"}
    assert usable["6.png"] == ("p9" if named == "p9" else "")
    assert usable["5.png"] == "p5"
    assert not any("several rows" in note for note in found.notes)


def test_a_file_that_is_listed_alike_twice_says_nothing(tmp_path):
    found = listed_twice(tmp_path, "0.png,a,train,P0")
    assert not any("several rows" in note for note in found.notes)


@pytest.mark.parametrize(("given", "folds"), [(None, set()), ("given_fold", {"train", "test"})])
def test_a_manifest_brings_the_folds_that_are_asked_for(tmp_path, given, folds):
    listed_twice(tmp_path)
    manifest = scan(tmp_path / "pets.csv", ReadOptions(given="fold"))
    manifest.write(tmp_path / "manifest.csv")
    again = scan(tmp_path / "manifest.csv", ReadOptions(given=given))
    assert {sample.extra.get("given_fold") for sample in again.usable} - {None} == folds
