"""Public data sets as they are downloaded: read as meant, or refused or noted with the line that helps."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from groupwise.data.manifest import Manifest
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.errors import GroupwiseError
from groupwise.pipeline.prepare import require_usable
from layout_case import classes, mask, picture, put, table, text

PETS = [(f"{c}{i}", c) for c in ("cat", "dog") for i in range(4)]


def counts(manifest: Manifest) -> dict[str, int]:
    return dict(Counter(sample.label for sample in manifest.usable))


def dog_breeds(root: Path) -> None:
    put(root, *(f"train/{name}.jpg" for name, _ in PETS), *(f"test/t{i}.jpg" for i in range(3)))
    table(root, "labels.csv", "id,breed", PETS)
    table(root, "sample_submission.csv", "id,cat,dog", [(f"t{i}", "0.5", "0.5") for i in range(3)])


def leaf_diseases(root: Path) -> None:
    put(root, *(f"train_images/{name}.jpg" for name, _ in PETS), "test_images/0.jpg")
    table(root, "train.csv", "image_id,label", ((f"{name}.jpg", c) for name, c in PETS))
    text(root, "label_num_to_disease_map.json", json.dumps({"0": "blight", "1": "streak"}))


def plants(root: Path) -> None:
    put(root, *(f"images/Train_{i}.jpg" for i in range(4)), "images/Test_0.jpg")
    table(root, "test.csv", "image_id", [("Test_0",)])
    rows = [(f"Train_{i}", *(str(int(k == i % 2)) for k in range(2))) for i in range(4)]
    table(root, "train.csv", "image_id,healthy,rust", rows)


def skin(root: Path) -> None:
    put(
        root, *(f"ISIC_2019_Training_Input/ISIC_{i}.jpg" for i in range(4)), "ISIC_2019_Test_Input/ISIC_9.jpg"
    )
    rows = [(f"ISIC_{i}", "50", f"L{i // 2}") for i in range(4)]
    table(root, "ISIC_2019_Training_A.csv", "image,age_approx,lesion_id", rows)
    truth = [(f"ISIC_{i}", f"{float(i % 2)}", f"{float(not i % 2)}") for i in range(4)]
    table(root, "ISIC_2019_Training_GroundTruth.csv", "image,MEL,NV", truth)


def chest_xrays(root: Path) -> None:
    put(root, *(f"images_00{1 + i // 2}/images/{i}_000.png" for i in range(4)))
    rows = [(f"{i}_000.png", ("Mass", "No Finding")[i % 2], str(i // 2)) for i in range(4)]
    table(root, "Data_Entry_2017.csv", "Image Index,Finding Labels,Patient ID", rows)


def lesions(root: Path) -> None:
    put(root, *(f"HAM10000_images_part_{1 + i // 2}/ISIC_{i}.jpg" for i in range(4)))
    rows = [(f"L{i}", f"ISIC_{i}", ("nv", "mel")[i % 2]) for i in range(4)]
    table(root, "HAM10000_metadata.csv", "lesion_id,image_id,dx", rows)


POINTED_AT = {
    dog_breeds: ("labels.csv", {"cat": 4, "dog": 4}),
    leaf_diseases: ("train.csv", {"cat": 4, "dog": 4}),
    plants: ("train.csv", {"healthy": 2, "rust": 2}),
    skin: ("ISIC_2019_Training_GroundTruth.csv", {"MEL": 2, "NV": 2}),
    chest_xrays: ("Data_Entry_2017.csv", {"Mass": 2, "No Finding": 2}),
    lesions: ("HAM10000_metadata.csv", {"nv": 2, "mel": 2}),
}


@pytest.mark.parametrize("make", POINTED_AT, ids=lambda make: make.__name__)
def test_flat_folders_are_no_classes_and_the_table_that_names_them_is_named(tmp_path, make):
    make(tmp_path)
    name, expected = POINTED_AT[make]
    with pytest.raises(GroupwiseError, match=rf"If {name} names the classes, give {tmp_path / name} as DATA"):
        scan(tmp_path)
    assert counts(scan(tmp_path / name)) == expected


@pytest.mark.parametrize("given", [None, "folders", "pool"])
def test_a_split_without_class_folders_has_no_classes_however_it_is_used(tmp_path, given):
    dog_breeds(tmp_path)
    with pytest.raises(GroupwiseError, match="no class folders lie in test, train"):
        scan(tmp_path, ReadOptions(given=given))


@pytest.mark.parametrize(
    "names",
    [
        ("images_1", "images_2"),
        ("part-01", "part-02"),
        ("batch1", "batch2"),
        ("Photos 1", "Photos 2", "photos 3"),
    ],
)
def test_portions_of_a_set_are_no_classes_until_they_are_said_to_be(tmp_path, names):
    classes(tmp_path, *names)
    with pytest.raises(GroupwiseError, match=r"portions.*--layout classes"):
        scan(tmp_path)
    assert len(counts(scan(tmp_path, ReadOptions(layout="classes")))) == len(names)


@pytest.mark.parametrize(
    "names", [("c01", "c02"), ("1", "2"), ("grade_1", "grade_2"), ("apart1", "apart2"), ("images_1", "cat")]
)
def test_numbered_classes_stay_classes(tmp_path, names):
    classes(tmp_path, *names)
    assert counts(scan(tmp_path)) == dict.fromkeys(names, 3)


def birds(root: Path) -> None:
    names = [f"{1 + k:03}.{c}/{c}_{i}.jpg" for k, c in enumerate(("Crow", "Tern")) for i in range(3)]
    put(root, *(f"images/{name}" for name in names))
    text(root, "images.txt", "".join(f"{i} {name}\n" for i, name in enumerate(names)))
    text(root, "train_test_split.txt", "".join(f"{i} {i % 2}\n" for i in range(6)))


def foods(root: Path) -> None:
    names = [f"{c}/{i}" for c in ("pie", "waffles") for i in range(3)]
    put(root, *(f"images/{name}.jpg" for name in names))
    for fold, part in (("train", names[::2]), ("test", names[1::2])):
        text(root, f"meta/{fold}.txt", "\n".join(part) + "\n")
        text(
            root,
            f"meta/{fold}.json",
            json.dumps({c: [n for n in part if n.startswith(c)] for c in ("pie", "waffles")}),
        )


def dogs(root: Path) -> None:
    classes(root, "Images/n1-pug", "Images/n2-husky")
    for name in ("train_list", "test_list", "file_list"):
        (root / f"{name}.mat").write_bytes(b"MATLAB 5.0 MAT-file")


def fields(root: Path) -> None:
    classes(root, "EuroSAT/Forest", "EuroSAT/River")
    for fold in ("train", "validation", "test"):
        table(
            root, f"EuroSAT/{fold}.csv", "Filename,Label", [("Forest/000.jpg", "0"), ("River/000.jpg", "1")]
        )


@pytest.mark.parametrize("make", [birds, foods, dogs, fields], ids=lambda make: make.__name__)
def test_lists_of_folds_beside_class_folders_are_not_passed_over_in_silence(tmp_path, make):
    make(tmp_path)
    manifest = scan(tmp_path)
    assert set(counts(manifest).values()) == {3}
    [note] = manifest.notes
    assert "may list the folds of a ready split, which is not used" in note
    assert "--split.given" in note


@pytest.mark.parametrize(
    "names", [("readme.txt", "licence.txt"), ("train.txt",), ("trains.txt", "tests of speed.txt")]
)
def test_other_texts_are_no_lists_of_folds(tmp_path, names):
    classes(tmp_path, "cat", "dog")
    for name in names:
        text(tmp_path, name, "x")
    assert scan(tmp_path).notes == ()


@pytest.mark.parametrize("kind", ["txt", "json"])
def test_lists_without_a_class_have_it_from_the_folder(tmp_path, kind):
    foods(tmp_path)
    found = scan(tmp_path / f"meta/train.{kind}", ReadOptions(root=tmp_path / "images"))
    assert counts(found) == {"pie": 2, "waffles": 1}
    with pytest.raises(GroupwiseError, match="--root"):
        scan(tmp_path / f"meta/train.{kind}")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("1 001.Crow/Crow_0.jpg\n2 002.Tern/Tern_0.jpg\n", "ends with a path.*a class should follow"),
        ("Abyssinian_1 1 1 1\nbeagle_1 2 2 1\n", "4 words.*--path-column and --label-column"),
        ("000001.jpg\n000002.jpg\n", "line 1 holds no class"),
    ],
)
def test_lists_of_something_else_are_refused_in_words(tmp_path, lines, words):
    with pytest.raises(GroupwiseError, match=words):
        scan(text(tmp_path, "list.txt", lines))


def test_comments_and_blanks_in_a_list_are_no_trouble(tmp_path):
    put(tmp_path, "my cat.jpg", "dog.jpg")
    listing = text(tmp_path, "list.txt", "# image class\nmy cat.jpg cat\ndog.jpg dog\n")
    assert counts(scan(listing)) == {"cat": 1, "dog": 1}


@pytest.mark.parametrize(
    "name", ["classes.txt", "labels.txt", "label_map.json", "idx_to_class.json", "cat_to_name.json"]
)
def test_names_of_numbered_classes_are_pointed_at(tmp_path, name):
    classes(tmp_path, "0", "1")
    text(tmp_path, name, "cat\ndog\n")
    [note] = scan(tmp_path).notes
    assert name in note
    classes(tmp_path, "cat")
    assert scan(tmp_path).notes == ()


def npz(root: Path) -> None:
    np.savez(root / "bloodmnist.npz", train_images=np.zeros((2, 4, 4)))


def npy(root: Path) -> None:
    for c in ("cat", "dog"):
        (root / c).mkdir()
        np.save(root / c / "0.npy", np.zeros((4, 4)))


def empty(*names: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        for name in names:
            text(root, name, "\0")

    return make


ARRAYS = {
    "NumPy arrays": npz,
    "NumPy arrays (cat/0.npy)": npy,
    "TFRecords": empty("train/x-00000-of-00001.tfrecord", "test/x-00000-of-00001.tfrecord"),
    "IDX arrays": empty("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "a pickle": empty("data_batch_1", "test_batch", "batches.meta"),
    "an HDF5 file": empty("camelyonpatch_level_2_split_train_x.h5"),
    "MATLAB variables": empty("train_32x32.mat", "test_32x32.mat"),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_are_named_as_what_they_are(tmp_path, kind):
    ARRAYS[kind](tmp_path)
    with pytest.raises(GroupwiseError) as refused:
        scan(tmp_path)
    assert f"no images, but {kind}" in str(refused.value)
    assert "as a PNG into a folder of its class" in str(refused.value)
    one = next(file for file in sorted(tmp_path.rglob("*")) if file.is_file())
    if one.suffix in (".npz", ".npy", ".h5", ".mat"):
        with pytest.raises(GroupwiseError, match="is not read"):
            scan(one)


def test_a_folder_of_something_else_says_what_lies_there(tmp_path):
    text(tmp_path, "notes.docx", "x")
    with pytest.raises(GroupwiseError, match=r"no images, but 1 other files, such as notes\.docx"):
        scan(tmp_path)


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", "label,pixel1,pixel2"])
def test_pixels_in_a_table_are_said_to_be_that(tmp_path, header):
    with pytest.raises(GroupwiseError, match="pixels stand in the table itself"):
        scan(table(tmp_path, "t.csv", header, [("0", "70 70", "3")]))


@pytest.mark.parametrize("around", ["Dataset_BUSI_with_GT", "segmentation", "x/with_masks"])
def test_a_folder_around_all_images_makes_no_masks_and_hides_none(tmp_path, around):
    for name in ("benign", "malignant"):
        put(tmp_path, *(f"{around}/{name}/{name} ({i}).png" for i in range(3)))
        put(tmp_path, *(f"{around}/{name}/{name} ({i})_mask.png" for i in range(3)), draw=mask)
    assert counts(scan(tmp_path)) == {"benign": 3, "malignant": 3}


def test_folders_deep_below_the_classes_are_asked_about_with_a_pattern_that_works(tmp_path):
    types = {"benign": ("adenosis", "fibroadenoma"), "malignant": ("ductal", "lobular")}
    for kind, names in types.items():
        for name in names:
            put(
                tmp_path,
                *(f"BreaKHis/{kind}/SOB/{name}/P1/{zoom}X/{i}.png" for zoom in (40, 100) for i in range(2)),
            )
    manifest = scan(tmp_path)
    assert counts(manifest) == {"benign": 8, "malignant": 8}
    [note] = manifest.notes
    pattern = note.partition("--label-regex '")[2].partition("'")[0]
    found = counts(scan(tmp_path, ReadOptions(label_regex=pattern)))
    assert found == dict.fromkeys(("adenosis", "fibroadenoma", "ductal", "lobular"), 4)


def test_columns_with_blanks_are_proposed_so_that_a_shell_takes_them(tmp_path):
    chest_xrays(tmp_path)
    notes = " ".join(scan(tmp_path / "Data_Entry_2017.csv").notes)
    assert "--group-column 'Patient ID'" in notes


def test_signs_with_a_table_of_boxes_in_each_class(tmp_path):
    for c in ("00000", "00001"):
        put(
            tmp_path,
            *(f"Final_Training/Images/{c}/{t:05}_{k:05}.ppm" for t in range(2) for k in range(2)),
            draw=_ppm,
        )
        table(tmp_path, f"Final_Training/Images/{c}/GT-{c}.csv", "Filename;ClassId", [("x.ppm", c)], ";")
    with pytest.raises(GroupwiseError, match="Final_Training"):
        scan(tmp_path)
    assert counts(scan(tmp_path / "Final_Training")) == {"00000": 4, "00001": 4}


def _ppm(name: str, suffix: str) -> bytes:
    return b"P6 16 16 255\n" + np.random.default_rng(len(name)).bytes(768)


def test_what_macs_put_into_archives_is_no_picture(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, c in PETS:
            file.writestr(f"pets/{c}/{name}.jpg", picture(name, ".jpg"))
            file.writestr(f"__MACOSX/pets/{c}/._{name}.jpg", b"\0\5\26\7")
    (tmp_path / "pets.zip").write_bytes(buffer.getvalue())
    assert counts(scan(tmp_path / "pets.zip")) == {"cat": 4, "dog": 4}


def test_a_flat_folder_of_pictures_names_the_option_for_names_of_files(tmp_path):
    put(tmp_path, *(f"{name}.jpg" for name, _ in PETS))
    with pytest.raises(GroupwiseError, match="--label-regex"):
        require_usable(scan(tmp_path))
    put(tmp_path / "all", "UTKFace/1_0.jpg", "UTKFace/2_1.jpg")
    assert any("--label-regex" in note for note in scan(tmp_path / "all").notes)
