"""Each layout is read as it is meant, or refused with the line that helps; nothing becomes a class unsaid."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from groupwise.data.archive import images_root, read_file
from groupwise.data.manifest import GIVEN_FOLD, Manifest
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.errors import GroupwiseError, UsageError
from layout_case import classes, lines, mask, numbered, picture, put, split, table, text

PETS = [(f"{c}/{c}{i}.jpg", c) for c in ("cat", "dog") for i in range(3)]


def counts(manifest: Manifest) -> dict[str, int]:
    return dict(Counter(sample.label for sample in manifest.usable))


def folds(manifest: Manifest) -> dict[str, int]:
    return dict(Counter(sample.extra.get(GIVEN_FOLD, "") for sample in manifest.usable))


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    put(tmp_path, *(path for path, _ in PETS))
    return tmp_path


READY_SPLITS = {
    "plain": ("train", "val", "test"),
    "words": ("training", "validation", "testing"),
    "capitals": ("TRAIN", "TEST"),
    "three with eval": ("train", "validation", "eval"),
    "kaggle cats": ("train", "test1"),
    "unlabelled": ("train", "test", "unlabeled"),
    "intel": ("seg_train", "seg_test"),
    "intel with pred": ("seg_train", "seg_test", "seg_pred"),
    "blanks": ("Training Data", "Testing Data"),
    "images": ("train_images", "test_images"),
    "years": ("train2017", "val2017"),
    "held out": ("train", "holdout"),
    "camel": ("imagesTr", "imagesTs"),
    "glued": ("trainset", "testset"),
    "numbers": ("fold_1", "fold_2", "fold_3"),
    "german": ("Training", "Validierung"),
    "spanish": ("entrenamiento", "validación", "prueba"),
    "chinese": ("训练集", "测试集"),
    "korean": ("학습", "검증"),
    "train alone": ("train",),
    "a name before": ("pets_train", "pets_test"),
    "a name and a year": ("Pets2020-Train", "Pets2020-Val", "Pets2020-Test"),
    "abbreviated": ("tr", "va", "te"),
    "sets": ("train_set", "valid_set"),
    "german data": ("Trainingsdaten", "Validierungsdaten", "Testdaten"),
    "dutch": ("trainen", "testen"),
    "polish": ("trening", "walidacja"),
    "turkish": ("eğitim", "doğrulama", "test"),
    "mnist": ("train-images", "t10k-images"),
    "market": ("bounding_box_train", "bounding_box_test"),
    "shares": ("train_80", "test_20"),
}


@pytest.mark.parametrize("names", READY_SPLITS.values(), ids=READY_SPLITS)
def test_the_folders_of_a_ready_split_are_no_classes(tmp_path, names):
    split(tmp_path, *names)
    with pytest.raises(
        GroupwiseError, match=r"already split.*such as .*--split\.given folders.*--layout classes"
    ):
        scan(tmp_path)
    pooled = scan(tmp_path, ReadOptions(given="pool"))
    assert pooled.classes == ("cat", "dog")
    assert set(folds(pooled)) == {""}
    used = scan(tmp_path, ReadOptions(given="folders"))
    assert used.classes == ("cat", "dog")
    assert "" not in folds(used)
    assert scan(tmp_path, ReadOptions(layout="classes")).classes == tuple(sorted(names))


@pytest.mark.parametrize("other", ["runs", "papers", "docs", "copy"])
def test_another_folder_beside_a_split_does_not_make_classes_of_its_folds(tmp_path, other):
    split(tmp_path, "Training", "Test")
    put(tmp_path, *numbered(other))
    with pytest.raises(GroupwiseError, match=rf"beside {other}.*already split"):
        scan(tmp_path)
    used = scan(tmp_path, ReadOptions(given="folders"))
    assert folds(used) == {"train": 6, "test": 6}
    assert any(repr(other) in note for note in used.notes)


def test_a_copy_of_a_split_within_it_is_left_out(tmp_path):
    split(tmp_path, "train", "val", "test", "chest_xray/train", "chest_xray/test")
    assert counts(scan(tmp_path, ReadOptions(given="pool"))) == {"cat": 9, "dog": 9}


def test_the_train_folder_is_the_one_that_is_recommended(tmp_path):
    split(tmp_path, "test", "train", "a_val")
    with pytest.raises(GroupwiseError, match=rf"such as {tmp_path}/train,"):
        scan(tmp_path)


def test_doubled_folders_within_folds_are_entered(tmp_path):
    split(tmp_path, "seg_train/seg_train", "seg_test/seg_test")
    used = scan(tmp_path, ReadOptions(given="folders"))
    assert (used.classes, folds(used)) == (("cat", "dog"), {"train": 6, "test": 6})


@pytest.mark.parametrize("beside", [[], ["overview.png"], ["train/cat/IM.jpg", "README"]])
def test_one_ending_hides_no_files_that_have_none(tmp_path, beside):
    names = [f"{fold}/{c}/IM{i}" for fold in ("train", "test") for c in ("cat", "dog") for i in range(2)]
    put(tmp_path, *names, *beside)
    manifest = scan(tmp_path, ReadOptions(given="folders"))
    assert manifest.classes == ("cat", "dog")
    assert {sample.path for sample in manifest.usable} >= set(names)


def test_a_few_files_without_an_ending_make_no_class(tmp_path):
    classes(tmp_path, "data/cat", "data/dog")
    text(tmp_path, "about/LICENSE", "free")
    text(tmp_path, "about/README", "pets")
    assert scan(tmp_path).classes == ("cat", "dog")


def test_images_of_a_flat_test_folder_have_no_class(tmp_path):
    split(tmp_path, "train")
    put(tmp_path, *numbered("test"))
    used = scan(tmp_path, ReadOptions(given="folders"))
    assert counts(used) == {"cat": 3, "dog": 3}
    assert Counter(sample.codes for sample in used.samples)[("no-label",)] == 3


NO_SPLITS = {
    "vehicles": ("train", "bus", "car"),
    "a control": ("test", "control"),
    "protest": ("protest", "contest"),
    "digits": ("0", "1", "2"),
    "pest": ("pest", "latest"),
    "languages": ("tr", "te", "en"),
    "trains": ("steam_train", "fast_train", "bus"),
    "public": ("public", "private"),
}


@pytest.mark.parametrize("names", NO_SPLITS.values(), ids=NO_SPLITS)
def test_class_folders_stay_classes_and_doubtful_names_are_said(tmp_path, names):
    classes(tmp_path, *names)
    manifest = scan(tmp_path)
    assert manifest.classes == tuple(sorted(names))
    doubtful = {"train", "test"}.intersection(names)
    assert len([note for note in manifest.notes if "name is that of a fold" in note]) == len(doubtful)


@pytest.mark.parametrize(
    "name", ["no_label", "unlabeled", "Unlabelled", "not labeled", "unannotated", "to_label", "未标注"]
)
def test_a_folder_without_labels_is_no_class(tmp_path, name):
    classes(tmp_path, "cat", "dog", name)
    manifest = scan(tmp_path)
    assert manifest.classes == ("cat", "dog")
    assert any("--layout classes" in note for note in manifest.notes)
    assert name in scan(tmp_path, ReadOptions(layout="classes")).classes


@pytest.mark.parametrize("name", ["unsorted", "_review", "TODO", "to_review", "misc", "不明"])
def test_a_folder_that_may_hold_what_is_not_labelled_is_asked_about(tmp_path, name):
    classes(tmp_path, "cat", "dog", name)
    manifest = scan(tmp_path)
    assert name in manifest.classes
    assert any(f"{name!r} may stand for a missing label" in note for note in manifest.notes)
    classes(tmp_path / "near", "review_paper", "dog", "mosaic")
    assert not any("missing label" in note for note in scan(tmp_path / "near").notes)


def test_bottles_with_and_without_a_label_are_two_classes(tmp_path):
    classes(tmp_path, "with_label", "no_label")
    manifest = scan(tmp_path)
    assert manifest.classes == ("no_label", "with_label")
    assert any("'no_label'" in note for note in manifest.notes)


def test_folders_around_the_classes_are_entered(tmp_path):
    classes(tmp_path, "archive/PetImages/Cat", "archive/PetImages/Dog")
    text(tmp_path, "archive/readme.txt", "pets")
    manifest = scan(tmp_path)
    assert manifest.classes == ("Cat", "Dog")
    assert "archive/PetImages" in manifest.layout


def test_a_preview_beside_the_one_folder_changes_nothing(tmp_path):
    classes(tmp_path, "PetImages/Cat", "PetImages/Dog")
    put(tmp_path, "preview.jpg")
    assert counts(scan(tmp_path)) == {"Cat": 3, "Dog": 3}


def test_folders_within_one_of_the_classes_are_asked_about(tmp_path):
    classes(tmp_path, "PetImages/Cat", "PetImages/Dog", "figures")
    manifest = scan(tmp_path)
    assert manifest.classes == ("PetImages", "figures")
    assert any("--label-regex" in note for note in manifest.notes)


def test_a_single_class_folder_is_not_entered(tmp_path):
    classes(tmp_path, "cat")
    assert scan(tmp_path).classes == ("cat",)


def test_class_folders_that_hold_folds(tmp_path):
    split(tmp_path, "cat", "dog", names=("train", "test"))
    unused = scan(tmp_path)
    assert unused.classes == ("cat", "dog")
    assert any("ready split, which is not used" in note for note in unused.notes)
    assert folds(scan(tmp_path, ReadOptions(given="folders"))) == {"train": 6, "test": 6}


def test_nested_classes_are_asked_about(tmp_path):
    classes(tmp_path, "animal/cat", "animal/dog", "plant/fern", "plant/moss")
    manifest = scan(tmp_path)
    assert manifest.classes == ("animal", "plant")
    [note] = manifest.notes
    assert "--label-regex '([^/]+)/[^/]+$'" in note
    assert scan(tmp_path, ReadOptions(label_regex="([^/]+)/[^/]+$")).classes == ("cat", "dog", "fern", "moss")


def test_a_single_folder_in_each_class_folder_is_asked_about_where_it_may_be_the_class(tmp_path):
    classes(tmp_path / "kinds", "insects/flying/bees", "insects/ground/ants")
    manifest = scan(tmp_path / "kinds")
    assert manifest.classes == ("flying", "ground")
    [note] = manifest.notes
    assert "such as flying/bees" in note
    assert scan(tmp_path / "kinds", ReadOptions(label_regex="([^/]+)/[^/]+$")).classes == ("ants", "bees")
    classes(tmp_path / "plain", "insects/flying/images", "insects/ground/images")
    assert not scan(tmp_path / "plain").notes


def test_colour_variants_of_the_same_pictures_are_named(tmp_path):
    split(tmp_path, "color", "grayscale", "segmented")
    with pytest.raises(GroupwiseError, match=r"same pictures in several forms.*such as .*/color"):
        scan(tmp_path)


@pytest.mark.parametrize(
    ("folders", "first"),
    [
        (
            ("Augmented Images/Pox_augmented", "Augmented Images/Others_augmented", "Original Images/Pox"),
            "Or",
        ),
        (("Original Images/Pox", "Augmented Images/Pox_a", "Fold1/Train/Pox", "Fold1/Test/Pox"), "Original"),
        (("64x64/cat", "64x64/dog", "128x128/cat", "128x128/dog"), "128x128"),
    ],
)
def test_further_forms_of_the_same_pictures_are_no_classes(tmp_path, folders, first):
    classes(tmp_path, *folders)
    with pytest.raises(GroupwiseError, match=rf"in several forms.*such as .*/{first}"):
        scan(tmp_path)
    assert len(scan(tmp_path, ReadOptions(layout="classes")).classes) > 1


def test_pictures_beside_a_further_form_of_them_are_said(tmp_path):
    put(tmp_path, *[f"{c}/{i}{end}.jpg" for c in "ab" for i in range(3) for end in ("", "_crop")])
    put(tmp_path, *[f"a/thumbs/{i}.jpg" for i in range(3)])
    assert any("9 images are called as others and a word more" in note for note in scan(tmp_path).notes)
    put(tmp_path / "near", *[f"{c}/{n}.jpg" for c in "ab" for n in ("x", "y", "z_crop", "small", "crop_1")])
    assert not any("a word more" in note for note in scan(tmp_path / "near").notes)


def test_a_table_of_the_same_images_beside_class_folders_is_said(tmp_path):
    classes(tmp_path, "cat", "dog")
    table(tmp_path, "labels.csv", "path,label,patient", ((f"cat/{i:03}.jpg", "dog", "p") for i in range(3)))
    assert any("labels.csv lists these images, and is not read" in note for note in scan(tmp_path).notes)
    table(tmp_path, "labels.csv", "path,label", ((f"x/y{i}.jpg", "dog") for i in range(3)))
    assert not any("labels.csv" in note for note in scan(tmp_path).notes)


def test_numbers_of_classes_in_two_forms_are_asked_about(tmp_path):
    put(tmp_path, *[f"{i}.jpg" for i in range(4)])
    cells = zip([f"{i}.jpg" for i in range(4)], ["0", "0.0", "1", "10"], strict=True)
    file = table(tmp_path, "l.csv", "path,label", cells)
    found = [note for note in scan(file).notes if "differ only in spelling" in note]
    assert found == ["The classes '0' and '0.0' differ only in spelling: are they one?"]


def test_the_table_of_answers_is_not_pointed_at(tmp_path):
    put(tmp_path, *numbered("train_images"), "test_images/9.jpg")
    table(tmp_path, "sample_submission.csv", "image_id,label", [("9.jpg", "4")])
    table(tmp_path, "train.csv", "image_id,label", [("000.jpg", "1"), ("001.jpg", "2")])
    with pytest.raises(GroupwiseError, match=r"give .*/train\.csv as DATA"):
        scan(tmp_path)


def test_classes_in_file_names(tmp_path):
    put(tmp_path, "images/Abyssinian_1.jpg", "images/Abyssinian_2.jpg", "images/beagle_1.jpg")
    assert scan(tmp_path, ReadOptions(label_regex=r"/(\w+?)_\d")).classes == ("Abyssinian", "beagle")
    with pytest.raises(UsageError, match="--label-regex: 'x9' finds no class"):
        scan(tmp_path, ReadOptions(label_regex="x9"))
    with pytest.raises(UsageError, match="--label-column"):
        scan(table(tmp_path, "t.csv", "path,label", []), ReadOptions(label_regex="x"))


def test_a_fold_without_class_folders_beside_one_with_them(tmp_path):
    classes(tmp_path, "train/n01/images", "train/n02/images")
    put(tmp_path, *numbered("val/images"))
    assert scan(tmp_path, ReadOptions(given="pool")).classes == ("n01", "n02")


@pytest.mark.parametrize("parts", [("images", "labels"), ("images", "annotations"), ("images", "masks")])
def test_boxes_are_no_classes(tmp_path, parts):
    split(tmp_path, "train", "val", names=parts[:1])
    text(tmp_path, f"train/{parts[1]}/1.txt", "0 .5 .5 .1 .1")
    with pytest.raises(GroupwiseError, match="boxes or masks"):
        scan(tmp_path, ReadOptions(given="folders"))


@pytest.mark.parametrize("folder", ["images", "photos"])
def test_a_table_beside_a_flat_folder_is_pointed_at(tmp_path, folder):
    put(tmp_path, *numbered(folder))
    listing = table(
        tmp_path, "labels.csv", "path,label", ((f"{folder}/00{i}.jpg", "ab"[i % 2]) for i in range(3))
    )
    try:
        told = " ".join(scan(tmp_path).notes)
    except GroupwiseError as error:
        told = str(error)
    assert f"give {listing}" in told
    assert scan(listing).classes == ("a", "b")


class TestMasks:
    def test_a_folder_of_masks_in_each_class(self, tmp_path):
        for name in ("COVID", "Normal"):
            put(tmp_path, *numbered(f"{name}/images", suffix=".png"))
            put(tmp_path, *numbered(f"{name}/masks", suffix=".png"), draw=mask)
        manifest = scan(tmp_path)
        assert counts(manifest) == {"COVID": 3, "Normal": 3}
        assert "6 masks left out" in manifest.layout

    def test_masks_by_the_ends_of_their_names(self, tmp_path):
        for name in ("benign", "malignant"):
            put(tmp_path, *(f"{name}/{name} ({i}).png" for i in range(3)))
            put(tmp_path, *(f"{name}/{name} ({i})_mask.png" for i in range(3)), draw=mask)
            put(tmp_path, f"{name}/{name} (1)_mask_1.png", draw=mask)
        assert counts(scan(tmp_path)) == {"benign": 3, "malignant": 3}

    @pytest.mark.parametrize("folder", ["segmentations", "cat", "drawings"])
    def test_masks_by_the_beginning_of_their_names(self, tmp_path, folder):
        put(tmp_path, *(f"{name}/{name}_{i}.jpg" for name in ("cat", "dog") for i in range(3)))
        put(tmp_path, *(f"{folder}/mask_cat_{i}.png" for i in range(3)), draw=mask)
        manifest = scan(tmp_path)
        assert counts(manifest) == {"cat": 3, "dog": 3}
        assert "3 masks left out" in manifest.layout
        put(tmp_path / "faces", *(f"{name}/mask_{name}_{i}.jpg" for name in ("on", "off") for i in range(3)))
        assert counts(scan(tmp_path / "faces")) == {"on": 3, "off": 3}

    def test_a_mask_beside_each_picture(self, tmp_path):
        for name in ("blowhole", "crack"):
            put(tmp_path, *numbered(name, suffix=".jpg"))
            put(tmp_path, *numbered(name, suffix=".png"), draw=mask)
        manifest = scan(tmp_path)
        assert counts(manifest) == {"blowhole": 3, "crack": 3}
        assert "6 masks" in manifest.layout

    def test_a_top_folder_of_masks(self, tmp_path):
        classes(tmp_path, "images/cat", "images/dog", suffix=".png")
        for name in ("cat", "dog"):
            put(tmp_path, *numbered(f"masks/{name}", suffix=".png"), draw=mask)
        assert counts(scan(tmp_path)) == {"cat": 3, "dog": 3}

    def test_mvtec(self, tmp_path):
        classes(tmp_path, "train/good", "test/good", "test/broken_large", suffix=".png")
        put(tmp_path, *(f"ground_truth/broken_large/00{i}_mask.png" for i in range(3)), draw=mask)
        with pytest.raises(GroupwiseError, match="already split"):
            scan(tmp_path)
        assert counts(scan(tmp_path, ReadOptions(given="pool"))) == {"good": 6, "broken_large": 3}

    def test_people_in_masks_are_pictures(self, tmp_path):
        classes(tmp_path, "mask", "no_mask", "with_mask")
        assert counts(scan(tmp_path)) == {"mask": 3, "no_mask": 3, "with_mask": 3}

    def test_the_same_picture_in_two_formats_is_no_mask(self, tmp_path):
        for suffix in (".jpg", ".png"):
            classes(tmp_path, "cat", "dog", suffix=suffix)
        assert counts(scan(tmp_path)) == {"cat": 6, "dog": 6}


def table_of(kind: str, root: Path) -> Path:
    """One of the tables that people have of `PETS`."""
    make: dict[str, Any] = {
        "semicolons": lambda: table(root, "t.csv", "path;label", PETS, ";"),
        "tabs": lambda: table(root, "t.tsv", "path\tlabel", PETS, "\t"),
        "tabs in a csv": lambda: table(root, "t.csv", "path\tlabel", PETS, "\t"),
        "bom": lambda: text(root, "t.csv", "\ufeffpath,label\n" + "".join(f"{p},{c}\n" for p, c in PETS)),
        "sep line": lambda: table(root, "t.csv", "sep=;\npath;label", PETS, ";"),
        "old mac": lambda: text(root, "t.csv", "path,label\r" + "".join(f"{p},{c}\r" for p, c in PETS)),
        "capital columns": lambda: table(root, "t.csv", "Image,Label", PETS),
        "excel unicode": lambda: text(
            root, "t.csv", "path\tlabel\n" + "".join(f"{p}\t{c}\n" for p, c in PETS), "utf-16"
        ),
        "hub metadata": lambda: table(root, "metadata.csv", "file_name,label", PETS),
        "hub lines": lambda: lines(root, "metadata.jsonl", ({"file_name": p, "label": c} for p, c in PETS)),
        "no ending": lambda: table(root, "t.csv", "image_id,dx", ((p[4:-4], c) for p, c in PETS)),
        "capital ending": lambda: table(root, "t.csv", "path,label", ((p[:-4] + ".JPG", c) for p, c in PETS)),
        "urls": lambda: table(root, "t.csv", "path,label", ((f"https://x.org/a/{p}", c) for p, c in PETS)),
        "windows": lambda: table(
            root, "t.csv", "path,label", (("C:\\data\\" + p.replace("/", "\\"), c) for p, c in PETS)
        ),
        "another machine": lambda: table(
            root, "t.csv", "path,label", ((f"/content/drive/MyDrive/pets/{p}", c) for p, c in PETS)
        ),
        "no header": lambda: table(root, "t.csv", "", PETS),
        "vertex": lambda: table(root, "t.csv", "", (("TRAIN", f"gs://bucket/{p}", c) for p, c in PETS)),
        "vertex lines": lambda: lines(
            root,
            "t.jsonl",
            ({"imageGcsUri": f"gs://b/{p}", "classificationAnnotation": {"displayName": c}} for p, c in PETS),
        ),
        "sagemaker": lambda: lines(
            root,
            "t.manifest",
            ({"source-ref": f"s3://b/{p}", "pets": 0, "pets-metadata": {"class-name": c}} for p, c in PETS),
        ),
        "one-hot": lambda: table(
            root,
            "_classes.csv",
            "filename, cat, dog",
            ((p, f" {int(c == 'cat')}", f" {int(c == 'dog')}") for p, c in PETS),
        ),
        "isic": lambda: table(
            root,
            "GroundTruth.csv",
            "image,cat,dog,none",
            ((p[4:-4], f"{float(c == 'cat')}", f"{float(c == 'dog')}", "0.0") for p, c in PETS),
        ),
        "label studio": lambda: table(
            root,
            "project-1.csv",
            "annotation_id,annotator,choice,created_at,id,image,lead_time,updated_at",
            (
                ("1", "1", c, "2024", str(i), f"/data/upload/1/{i:08x}-{p[4:]}", "3.1", "2024")
                for i, (p, c) in enumerate(PETS)
            ),
        ),
        "label studio json-min": lambda: text(
            root,
            "project-1.json",
            json.dumps([{"id": 1, "image": f"/data/local-files/?d=pets/{p}", "choice": c} for p, c in PETS]),
        ),
        "label studio json": lambda: text(
            root,
            "project-1.json",
            json.dumps(
                [
                    {
                        "id": 1,
                        "data": {"image": f"/data/upload/1/0a1b2c3d-{p[4:]}"},
                        "annotations": [{"result": [{"type": "choices", "value": {"choices": [c]}}]}],
                    }
                    for p, c in PETS
                ]
            ),
        ),
        "via json": lambda: text(
            root,
            "via.json",
            json.dumps(
                {
                    f"{p}1": {"filename": p[4:], "size": 1, "regions": [], "file_attributes": {"pet": c}}
                    for p, c in PETS
                }
            ),
        ),
        "via csv": lambda: table(
            root,
            "via.csv",
            "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes",
            ((p[4:], "1", f'"{{""pet"":""{c}""}}"', "0", "0", '"{}"', '"{}"') for p, c in PETS),
        ),
        "coco": lambda: text(
            root,
            "coco.json",
            json.dumps(
                {
                    "images": [{"id": i, "file_name": p} for i, (p, _) in enumerate(PETS)],
                    "annotations": [
                        {"image_id": i, "category_id": c == "dog"} for i, (_, c) in enumerate(PETS)
                    ],
                    "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
                }
            ),
        ),
        "imagenet txt": lambda: (
            text(root, "synsets.txt", "cat\ndog\n"),
            text(root, "train.txt", "".join(f"{p} {int(c == 'dog')}\n" for p, c in PETS)),
        )[1],
        "names and classes": lambda: text(root, "t.json", json.dumps(dict(PETS))),
        "json by fold": lambda: text(
            root,
            "t.json",
            json.dumps(
                {
                    fold: [{"path": p, "label": c} for p, c in PETS[i::2]]
                    for i, fold in enumerate(("train", "test"))
                }
            ),
        ),
        "utf-16 without a mark": lambda: text(
            root, "t.csv", "path,label\n" + "".join(f"{p},{c}\n" for p, c in PETS), "utf-16-be"
        ),
    }
    file: Path = make[kind]()
    return file


TABLES = (
    *(
        "semicolons",
        "tabs",
        "tabs in a csv",
        "bom",
        "excel unicode",
        "hub metadata",
        "hub lines",
        "no ending",
    ),
    *(
        "sep line",
        "old mac",
        "capital columns",
        "capital ending",
        "urls",
        "windows",
        "another machine",
        "no header",
        "vertex",
        "vertex lines",
    ),
    *("sagemaker", "one-hot", "isic", "label studio", "label studio json-min", "label studio json"),
    *("via json", "via csv", "coco", "imagenet txt", "names and classes", "json by fold"),
    "utf-16 without a mark",
)


@pytest.mark.parametrize("kind", TABLES)
def test_tables_are_read_as_they_are_meant(pets, kind):
    manifest = scan(table_of(kind, pets))
    assert {sample.path: sample.label for sample in manifest.usable} == dict(PETS)
    assert manifest.layout


@pytest.mark.parametrize("kind", ["hub metadata", "no ending", "label studio", "isic"])
def test_columns_that_were_guessed_are_said(pets, kind):
    assert any("--path-column" in note for note in scan(table_of(kind, pets)).notes)


def test_several_image_folders_and_a_lesion(tmp_path):
    put(tmp_path, "part_1/ISIC_1.jpg", "part_1/ISIC_2.jpg", "part_2/ISIC_3.jpg", "part_2/ISIC_4.jpg")
    rows = [("L1", "ISIC_1", "nv"), ("L1", "ISIC_2", "nv"), ("L2", "ISIC_3", "mel"), ("L3", "ISIC_4", "mel")]
    manifest = scan(table(tmp_path, "HAM10000_metadata.csv", "lesion_id,image_id,dx", rows))
    assert counts(manifest) == {"nv": 2, "mel": 2}
    assert any("--group-column lesion_id" in note for note in manifest.notes)
    assert not any(sample.group for sample in manifest.samples)  # proposed, not bound


def test_a_name_that_two_files_bear_is_not_guessed(tmp_path):
    put(tmp_path, "a/1.jpg", "b/1.jpg", "b/2.jpg")
    manifest = scan(table(tmp_path, "t.csv", "path,label", [("1", "cat"), ("2", "dog")]))
    assert [sample.codes for sample in manifest.samples] == [("ambiguous",), ()]


def test_names_composed_here_and_decomposed_there(tmp_path):
    put(tmp_path, "e\N{COMBINING ACUTE ACCENT}1.jpg", "2.jpg")
    manifest = scan(table(tmp_path, "t.csv", "path,label", [("é1.jpg", "cat"), ("2.jpg", "dog")]))
    assert counts(manifest) == {"cat": 1, "dog": 1}


def test_two_columns_of_one_name_are_refused(pets):
    with pytest.raises(GroupwiseError, match="2 columns are called 'label'"):
        scan(table(pets, "t.csv", "path,label,label", ((p, c, "x") for p, c in PETS)))


def test_columns_that_nobody_can_guess_name_the_options(pets):
    with pytest.raises(GroupwiseError, match=r"--path-column and --label-column"):
        scan(table(pets, "t.csv", "a,b", (("nowhere", c) for _, c in PETS)))
    with pytest.raises(GroupwiseError, match=r"with --label-column.*may stand in 'b' \(2 values\)"):
        scan(table(pets, "t.csv", "a,b", PETS))
    assert scan(pets / "t.csv", ReadOptions(path_column="a", label_column="b")).classes == ("cat", "dog")
    assert scan(pets / "t.csv", ReadOptions(label_column="b")).classes == ("cat", "dog")


@pytest.mark.parametrize("ending", [".jpg", ""])
def test_paths_are_known_by_where_they_lead(pets, ending):
    rows = [("7", p[4:-4] + ending, c) for p, c in PETS]
    manifest = scan(table(pets, "t.csv", "weight,pet_of_the_day,label", rows))
    assert {sample.path: sample.label for sample in manifest.usable} == dict(PETS)
    with pytest.raises(GroupwiseError, match=r"--label-column.*may stand in 'sort' \(2 values\)"):
        scan(table(pets, "u.csv", "weight,pet_of_the_day,sort", rows))


@pytest.mark.parametrize("cell", ["nan", "NaN", "<NA>", "", "#N/A"])
def test_a_missing_label_is_no_class(pets, cell):
    rows = [(p, cell if i in (0, 3) else c) for i, (p, c) in enumerate(PETS)]
    manifest = scan(table(pets, "t.csv", "path,label", rows))
    assert counts(manifest) == {"cat": 2, "dog": 2}


def test_several_labels_in_a_cell_are_said_or_refused(pets):
    rows = [(p, f"{c} indoor" if i in (1, 4) else c) for i, (p, c) in enumerate(PETS)]
    assert any("several labels" in note for note in scan(table(pets, "t.csv", "path,label", rows)).notes)
    rows = [(p, "cat|dog" if i in (1, 4) else c) for i, (p, c) in enumerate(PETS)]
    assert counts(scan(table(pets, "u.csv", "path,label", rows), ReadOptions(labels="one"))) == {
        "cat": 2,
        "dog": 2,
    }


def test_parquet_without_pyarrow_says_what_it_needs(pets, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (pets / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match=r"pip install 'groupwise\[parquet\]'"):
        scan(pets / "t.parquet")


class FakeParquet:
    """What of pyarrow.parquet is called, over a schema and rows."""

    def __init__(self, types: dict[str, str], rows: list[dict[str, Any]]) -> None:
        self.types, self.rows = types, rows

    def read_schema(self, file: Path) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name, type=kind) for name, kind in self.types.items()]

    def read_table(self, file: Path, columns: list[str]) -> FakeParquet:
        return FakeParquet(self.types, [{name: row[name] for name in columns} for row in self.rows])

    def to_pylist(self) -> list[dict[str, Any]]:
        return self.rows


def give_parquet(monkeypatch: pytest.MonkeyPatch, fake: FakeParquet) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", SimpleNamespace(parquet=fake))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", fake)


def test_parquet_of_names_is_read(pets, monkeypatch):
    rows = [{"file_name": p, "label": c, "thumbnail": b"x"} for p, c in PETS]
    give_parquet(
        monkeypatch,
        FakeParquet(dict.fromkeys(("file_name", "label"), "string") | {"thumbnail": "binary"}, rows),
    )
    (pets / "metadata.parquet").touch()
    assert {s.path: s.label for s in scan(pets / "metadata.parquet").usable} == dict(PETS)


class TestRoot:
    def test_images_that_all_lie_elsewhere_are_taken_from_there(self, pets, tmp_path_factory):
        mine = tmp_path_factory.mktemp("mine")
        absolute = table(mine, "a.csv", "path,label", ((f"{pets}/{p}", c) for p, c in PETS))
        (mine / "link").symlink_to(pets)
        linked = table(mine, "l.csv", "path,label", ((f"link/{p}", c) for p, c in PETS))
        relative = table(mine, "r.csv", "path,label", PETS)
        above = os.path.relpath(pets, mine)
        upward = table(mine, "u.csv", "path,label", ((f"{above}/{p}", c) for p, c in PETS))
        for listing in (absolute, linked, upward):
            manifest = scan(listing)
            assert {sample.path: sample.label for sample in manifest.usable} == dict(PETS)
            assert f"are taken from {pets}, as by --root" in manifest.notes[0]
        shutil.copy(pets / PETS[0][0], mine / "own.jpg")
        mixed = table(
            mine, "m.csv", "path,label", [("own.jpg", "cat"), *((f"{pets}/{p}", c) for p, c in PETS)]
        )
        manifest = scan(mixed)
        assert [sample.path for sample in manifest.usable] == ["own.jpg"]
        assert any(f"--root {pets}" in note for note in manifest.notes)
        with pytest.raises(GroupwiseError, match="--root"):
            scan(relative)
        for listing in (absolute, linked, relative):
            manifest = scan(listing, ReadOptions(root=pets))
            assert {sample.path: sample.label for sample in manifest.usable} == dict(PETS)
            assert manifest.root == pets

    def test_links_of_a_folder_are_followed_into_the_root_alone(self, pets, tmp_path_factory):
        mine = tmp_path_factory.mktemp("mine")
        (mine / "cat").symlink_to(pets / "cat")
        (mine / "dog").mkdir()
        for i in range(3):
            (mine / f"dog/{i}.jpg").symlink_to(pets / f"dog/dog{i}.jpg")
        (mine / "dog/secret.jpg").symlink_to("/etc/hostname")
        assert not scan(mine).usable  # nothing but the whole disk is above all of them
        manifest = scan(mine, ReadOptions(root=pets))
        assert counts(manifest) == {"cat": 3, "dog": 3}
        assert Counter(sample.codes for sample in manifest.samples)[("link-outside",)] == 1

    def test_folders_of_links_are_followed_where_all_lead_to_one_place(self, pets, tmp_path_factory):
        mine = tmp_path_factory.mktemp("mine")
        for name in ("cat", "dog"):
            (mine / name).symlink_to(pets / name)
        (mine / "README.md").write_text("links alone")
        manifest = scan(mine)
        assert (counts(manifest), manifest.root) == ({"cat": 3, "dog": 3}, mine)
        assert f"are taken from {pets}" in manifest.notes[0]

    def test_what_is_absent_below_a_root_is_missing_and_not_outside(self, pets, tmp_path_factory):
        mine = tmp_path_factory.mktemp("mine")
        rows = [*PETS, ("cat/gone.jpg", "cat"), ("../gone.jpg", "cat")]
        manifest = scan(table(mine, "g.csv", "path,label", rows), ReadOptions(root=pets))
        assert counts(manifest) == {"cat": 3, "dog": 3}
        wrong = [sample.codes for sample in manifest.samples if sample.status == "quarantined"]
        assert wrong == [("missing",), ("outside-root",)]

    def test_a_root_that_is_not_there_is_refused(self, pets):
        with pytest.raises(UsageError, match="--root"):
            scan(pets, ReadOptions(root=pets / "nowhere"))


class TestGivenColumn:
    def test_a_column_of_folds_is_named_and_used_when_asked(self, pets):
        rows = [(p, c, "Training" if i % 3 else "Test") for i, (p, c) in enumerate(PETS)]
        listing = table(pets, "t.csv", "path,label,subset", rows)
        assert any("--split.given subset" in note for note in scan(listing).notes)
        assert folds(scan(listing, ReadOptions(given="subset"))) == {"train": 4, "test": 2}
        assert not any("--split.given" in note for note in scan(listing, ReadOptions(given="subset")).notes)

    @pytest.mark.parametrize(
        ("column", "cells"),
        [
            ("Usage", ("Training", "PrivateTest")),
            ("is_test", ("0", "1")),
            ("is_train", ("True", "False")),
            ("fold", ("train", "eval")),
        ],
    )
    def test_flags_are_folds(self, pets, column, cells):
        rows = [(p, c, cells[i % 3 == 0]) for i, (p, c) in enumerate(PETS)]
        found = folds(scan(table(pets, "t.csv", f"path,label,{column}", rows), ReadOptions(given=column)))
        assert found == {"train": 4, "test": 2}

    def test_a_column_called_as_ours_binds_nothing_until_it_is_named(self, pets):
        rows = [(p, c, "train" if i % 3 else "validation") for i, (p, c) in enumerate(PETS)]
        listing = table(pets, "t.csv", "path,label,given_fold", rows)
        manifest = scan(listing)
        assert set(folds(manifest)) == {""}
        assert manifest.samples[0].extra == {"user_given_fold": "validation"}
        assert folds(scan(listing, ReadOptions(given="given_fold"))) == {"train": 4, "val": 2}

    def test_a_column_without_folds_is_refused(self, pets):
        listing = table(pets, "t.csv", "path,label,site", ((p, c, "Bonn") for p, c in PETS))
        with pytest.raises(UsageError, match="names no folds"):
            scan(listing, ReadOptions(given="site"))
        with pytest.raises(UsageError, match="no column 'fold'"):
            scan(listing, ReadOptions(given="fold"))


class TestProposals:
    def test_names_in_series_propose_a_pattern_that_works_and_bind_nothing(self, tmp_path):
        put(
            tmp_path, *(f"{c}/p{c[0]}{p}_{i}.jpg" for c in ("cat", "dog") for p in range(3) for i in range(3))
        )
        manifest = scan(tmp_path)
        [note] = manifest.notes
        assert not any(sample.group for sample in manifest.samples)
        pattern = note.partition("--group-regex '")[2].rpartition("'")[0]
        assert len({sample.group for sample in scan(tmp_path, ReadOptions(group_regex=pattern)).usable}) == 6

    def test_settings_that_many_images_share_are_proposed_as_no_groups(self, tmp_path):
        put(
            tmp_path / "a",
            *(f"{c}/exp_{c}{i}_{k}.jpg" for c in ("cat", "dog") for i in range(9) for k in (1, 2)),
        )
        assert any("--group-regex" in note for note in scan(tmp_path / "a").notes)
        put(
            tmp_path / "b",
            *(f"{c}/exp{e}_{i}.jpg" for c in ("cat", "dog") for e in range(6) for i in range(12)),
        )
        assert not any("--group-regex" in note for note in scan(tmp_path / "b").notes)

    @pytest.mark.parametrize("name", ["{c}/{c}_{i}.jpg", "{c}/{i}.jpg", "{c}/IMG_{i}.jpg", "{c}/x{i}y.jpg"])
    def test_names_that_only_count_propose_nothing(self, tmp_path, name):
        put(tmp_path, *(name.format(c=c, i=i) for c in ("cat", "dog") for i in range(9)))
        assert scan(tmp_path).notes == ()


def test_the_picture_of_a_mask_is_named_without_a_second_code(tmp_path):
    put(tmp_path, *(f"{c}/p; q: {i}.jpg" for c in ("cat", "dog") for i in range(3)))
    put(tmp_path, *(f"{c}/p; q: {i}_mask.png" for c in ("cat", "dog") for i in range(3)), draw=mask)
    aside = [sample for sample in scan(tmp_path).samples if sample.status == "ignored"]
    assert [sample.codes for sample in aside] == [("mask",)] * 6
    assert aside[0].reason == "mask: drawn over the picture cat/p, q: 0.jpg"


def test_pictures_differ() -> None:
    assert len({picture(str(i)) for i in range(20)}) == 20


class TestFolderTables:
    @pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
    def test_hub_metadata_among_the_images(self, tmp_path, name):
        put(tmp_path, *(f"{i}.jpg" for i in range(4)))
        records = [
            {"file_name": f"{i}.jpg", "label": ("cat", "dog")[i % 2], "person": f"p{i // 2}"}
            for i in range(4)
        ]
        if name.endswith("csv"):
            table(tmp_path, name, "file_name,label,person", (record.values() for record in records))
        else:
            lines(tmp_path, name, records)
        manifest = scan(tmp_path)
        assert counts(manifest) == {"cat": 2, "dog": 2}
        assert name in manifest.layout
        assert any("--group-column person" in note for note in manifest.notes)
        assert {sample.group for sample in scan(tmp_path, ReadOptions(group_column="person")).usable} == {
            "p0",
            "p1",
        }
        with pytest.raises(UsageError, match="no column 'patient'"):
            scan(tmp_path, ReadOptions(group_column="patient"))

    def test_captions_leave_the_classes_to_the_folders(self, tmp_path):
        classes(tmp_path, "cat", "dog")
        table(tmp_path, "metadata.csv", "file_name,text", [("cat/000.jpg", "a cat")])
        assert scan(tmp_path).classes == ("cat", "dog")

    def test_columns_that_are_named_are_taken_or_refused(self, tmp_path):
        put(tmp_path, *(f"{i}.jpg" for i in range(4)))
        rows = [(f"{i}.jpg", f"{i % 2}.jpg", "ab"[i % 2], "xy"[i // 2]) for i in range(4)]
        table(tmp_path, "metadata.csv", "file_name,other,label,breed", rows)
        assert scan(tmp_path, ReadOptions(label_column="breed")).classes == ("x", "y")
        named = scan(tmp_path, ReadOptions(path_column="other"))
        assert {sample.path for sample in named.usable} == {"0.jpg", "1.jpg"}
        with pytest.raises(GroupwiseError, match=r"metadata\.csv: no column 'kind' among"):
            scan(tmp_path, ReadOptions(label_column="kind"))

    @pytest.mark.parametrize("option", ["label_column", "path_column"])
    def test_columns_of_class_folders_are_refused(self, tmp_path, option):
        classes(tmp_path, "cat", "dog")
        with pytest.raises(UsageError, match=rf"--{option.replace('_', '-')}: .*has no columns"):
            scan(tmp_path, ReadOptions(**{option: "breed"}))
        assert scan(tmp_path, ReadOptions(label_column="label", path_column="path")).classes == ("cat", "dog")

    def test_a_table_of_the_classes_leaves_them_to_the_folders(self, tmp_path):
        classes(tmp_path, "cat", "dog")
        table(tmp_path, "metadata.csv", "class_id,name,text", [("0", "cat", "purrs"), ("1", "dog", "barks")])
        assert counts(scan(tmp_path)) == {"cat": 3, "dog": 3}

    def test_a_table_of_images_that_are_not_there_is_named(self, tmp_path):
        put(tmp_path, "0.jpg", "1.jpg")
        table(tmp_path, "metadata.csv", "file_name,label", [("x0.jpg", "a"), ("x1.jpg", "b")])
        with pytest.raises(GroupwiseError, match="none of the 2 files that it names exists"):
            scan(tmp_path)

    @pytest.mark.parametrize("root", [None, "images"])
    def test_tables_of_folds_lead_to_images_elsewhere(self, tmp_path, root):
        put(tmp_path, *(f"images/{i}.jpg" for i in range(6)))
        start = "../images/" if root is None else ""
        for fold, numbers in (("test", range(2)), ("train", range(1, 6))):
            rows = [(f"{start}{i}.jpg", "ab"[i % 2]) for i in numbers]
            table(tmp_path, f"{fold}/metadata.csv", "file_name,label", rows)
        options = ReadOptions(given="folders", root=None if root is None else tmp_path / root)
        manifest = scan(tmp_path, options)
        assert folds(manifest) == {"test": 2, "train": 4}
        assert all(manifest.file(sample).is_file() for sample in manifest.usable)
        assert [sample.codes for sample in manifest.samples].count(("listed-twice",)) == 1

    def test_a_fold_whose_table_names_no_class_is_listed(self, tmp_path):
        put(tmp_path, *(f"{top}/{i}.jpg" for top in ("train", "test", "valid", "docs") for i in range(4)))
        table(
            tmp_path, "train/metadata.csv", "file_name,label", ((f"{i}.jpg", "ab"[i % 2]) for i in range(4))
        )
        table(tmp_path, "test/metadata.csv", "file_name,size", ((f"{i}.jpg", "9") for i in range(4)))
        manifest = scan(tmp_path, ReadOptions(given="folders"))
        assert Counter(sample.codes for sample in manifest.samples) == {(): 4, ("no-label",): 8}
        assert any("test/metadata.csv is not used (no column 'label'" in note for note in manifest.notes)

    def test_roboflow_with_one_column_a_class_in_each_fold(self, tmp_path):
        for fold in ("train", "valid", "test"):
            put(tmp_path, f"{fold}/a.jpg", f"{fold}/b.jpg")
            table(
                tmp_path,
                f"{fold}/_classes.csv",
                "filename, cat, dog",
                [("a.jpg", " 1", " 0"), ("b.jpg", " 0", " 1")],
            )
        with pytest.raises(GroupwiseError, match="already split"):
            scan(tmp_path)
        used = scan(tmp_path, ReadOptions(given="folders"))
        assert counts(used) == {"cat": 3, "dog": 3}
        assert folds(used) == {"train": 2, "val": 2, "test": 2}


class TestArchives:
    @pytest.fixture
    def packed(self, tmp_path: Path) -> Path:
        split(tmp_path / "pets", "archive", names=("cat", "dog"))
        return tmp_path / "pets"

    @pytest.mark.parametrize("kind", ["zip", "tar", "gztar", "bztar", "xztar"])
    def test_are_read_in_place(self, tmp_path, packed, kind):
        archive = Path(shutil.make_archive(str(tmp_path / "packed"), kind, packed))
        before = sorted(tmp_path.iterdir())
        manifest, plain = scan(archive), scan(packed)
        assert [(s.path, s.label, s.sha256) for s in manifest.usable] == [
            (s.path, s.label, s.sha256) for s in plain.usable
        ]
        assert read_file(manifest.file(manifest.usable[0])) == plain.file(plain.usable[0]).read_bytes()
        assert sorted(tmp_path.iterdir()) == before

    def test_stand_for_the_folder_of_their_images(self, tmp_path, packed):
        archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", packed))
        listing = table(tmp_path, "t.csv", "path,label", PETS)
        assert [images_root(data) for data in (archive, listing, packed, None)] == [
            archive,
            tmp_path,
            packed,
            None,
        ]

    def test_one_archive_a_class(self, tmp_path, packed):
        for name in ("cat", "dog"):
            shutil.make_archive(str(tmp_path / f"all/{name}-samples"), "zip", packed / "archive" / name)
        assert counts(scan(tmp_path / "all")) == {"cat": 3, "dog": 3}

    def test_what_cannot_be_read_in_place_is_to_be_unpacked(self, tmp_path, packed):
        for name in ("packed.7z", "packed.tar.zst", "packed.rar"):
            (tmp_path / name).write_bytes(b"7z")
            with pytest.raises(GroupwiseError, match="Unpack it"):
                scan(tmp_path / name)

    @pytest.mark.parametrize("kind", ["gztar", "bztar", "xztar"])
    def test_a_compressed_tar_that_ends_early_is_named(self, tmp_path, packed, kind):
        archive = Path(shutil.make_archive(str(tmp_path / "packed"), kind, packed))
        content = archive.read_bytes()
        for damaged in (content[: len(content) // 2], b"no archive"):
            archive.write_bytes(damaged)
            with pytest.raises(GroupwiseError, match="not a readable archive"):
                scan(archive)

    def test_an_archive_in_a_folder_of_its_own_is_pointed_at(self, tmp_path, packed):
        (tmp_path / "download").mkdir()
        archive = Path(shutil.make_archive(str(tmp_path / "download/pets"), "zip", packed))
        with pytest.raises(GroupwiseError, match=rf"read in place: give .*download/{archive.name} as DATA"):
            scan(tmp_path / "download")

    def test_an_archive_left_beside_the_classes_changes_nothing(self, tmp_path):
        classes(tmp_path, "cat", "dog")
        for name in ("a.zip", "b.zip", "c.tar.gz"):
            (tmp_path / name).write_bytes(b"PK")
        assert counts(scan(tmp_path)) == {"cat": 3, "dog": 3}

    def test_a_damaged_archive_is_named(self, tmp_path):
        (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 no archive")
        with pytest.raises(GroupwiseError, match="not a readable archive"):
            scan(tmp_path / "x.zip")

    def test_names_that_lead_out_are_left(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
            for name in ("cat/1.jpg", "dog/1.jpg", "../evil.jpg", "/abs.jpg"):
                file.writestr(name, picture(name, ".jpg"))
        manifest = scan(tmp_path / "x.zip")
        assert counts(manifest) == {"cat": 1, "dog": 1}
        assert Counter(sample.codes for sample in manifest.samples)[("unsafe-name",)] == 2


def test_folders_are_not_classes_and_folds_at_once():
    with pytest.raises(UsageError, match=r"--layout classes: --split\.given folders takes some"):
        ReadOptions(layout="classes", given="folders")
    ReadOptions(layout="classes", given="pool")  # which says that no split is meant
