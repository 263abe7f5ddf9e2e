"""`--label-regex` finds the classes; folds, masks and unlabelled folders are cared for as without it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from groupwise.data.manifest import GIVEN_FOLD, Manifest
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.errors import GroupwiseError, UsageError
from layout_case import classes, mask, put, split

BY_FOLDER = "([^/]+)/[^/]+$"


def counts(manifest: Manifest) -> dict[str, int]:
    return dict(Counter(sample.label for sample in manifest.usable))


def folds(manifest: Manifest) -> dict[str, int]:
    return dict(Counter(sample.extra.get(GIVEN_FOLD, "") for sample in manifest.usable))


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    classes(tmp_path, "cat", "dog")
    return tmp_path


def test_folds_are_asked_about_and_used(tmp_path):
    split(tmp_path, "train", "test")
    with pytest.raises(GroupwiseError, match=r"already split.*--split\.given folders.*pool"):
        scan(tmp_path, ReadOptions(label_regex=BY_FOLDER))
    used = scan(tmp_path, ReadOptions(label_regex=BY_FOLDER, given="folders"))
    plain = scan(tmp_path, ReadOptions(given="folders"))
    assert (counts(used), folds(used)) == (counts(plain), folds(plain))
    for options in ({"given": "pool"}, {"layout": "classes"}):
        pooled = scan(tmp_path, ReadOptions(label_regex=BY_FOLDER, **options))
        assert set(folds(pooled)) == {""}
        assert counts(pooled) == counts(plain)


def test_folds_without_class_folders(tmp_path):
    put(
        tmp_path,
        *(f"{fold}/{c}_{i}.jpg" for fold in ("train", "val") for c in ("cat", "dog") for i in range(3)),
    )
    with pytest.raises(GroupwiseError, match="already split"):
        scan(tmp_path, ReadOptions(label_regex="(cat|dog)_"))
    with pytest.raises(GroupwiseError, match="already split"):
        scan(tmp_path, ReadOptions(label_regex=BY_FOLDER))
    used = scan(tmp_path, ReadOptions(label_regex="(cat|dog)_", given="folders"))
    assert folds(used) == {"train": 6, "val": 6}


def test_folds_that_the_pattern_leaves_out_are_no_mixture(tmp_path):
    split(tmp_path, "train", "test")
    found = scan(tmp_path, ReadOptions(label_regex="^train/([^/]+)/"))
    assert {sample.path.split("/")[0] for sample in found.usable} == {"train"}


@pytest.mark.parametrize("given", ["folders", "pool"])
def test_what_lies_beside_the_folds_is_left_out_as_without_the_pattern(tmp_path, given):
    split(tmp_path, "train", "test")
    classes(tmp_path, "icons/cat", "icons/dog")
    put(tmp_path, "cover/1.jpg", "loose.jpg")
    plain = scan(tmp_path, ReadOptions(given=given))
    used = scan(tmp_path, ReadOptions(label_regex=BY_FOLDER, given=given))
    assert (counts(used), folds(used)) == (counts(plain), folds(plain))
    assert (
        used.notes == plain.notes == ("Left out, because beside the folders of the split: 'cover', 'icons'.",)
    )
    ready = tmp_path / "train"
    assert not any("Left out" in note for note in scan(ready, ReadOptions(label_regex=BY_FOLDER)).notes)


def test_folds_that_are_not_there_are_refused(pets):
    with pytest.raises(UsageError, match="no folders called train"):
        scan(pets, ReadOptions(label_regex=BY_FOLDER, given="folders"))


def test_folds_below_the_classes_are_said(tmp_path):
    put(
        tmp_path,
        *(f"{c}/{f}/{c}{f}{i}.jpg" for c in ("cat", "dog") for f in ("train", "test") for i in range(3)),
    )
    assert any(
        "--split.given folders" in note for note in scan(tmp_path, ReadOptions(label_regex="^([^/]+)/")).notes
    )
    used = scan(tmp_path, ReadOptions(label_regex="^([^/]+)/", given="folders"))
    assert folds(used) == {"train": 6, "test": 6}


@pytest.mark.parametrize(
    ("path", "name"),
    [("train/cat", "test"), ("train/cat", "predict"), ("cat", "predict"), ("cat", "unlabeled")],
)
def test_a_folder_without_labels_is_no_class(tmp_path, path, name):
    put(tmp_path, *(f"{path}/{i}.jpg" for i in range(3)), *(f"{path[:-3]}dog/{i}.jpg" for i in range(3)))
    put(tmp_path, *(f"{name}/{i}.jpg" for i in range(3)))
    found = scan(tmp_path, ReadOptions(label_regex=BY_FOLDER))
    assert counts(found) == {"cat": 3, "dog": 3}
    assert any(f"The folder {name!r}" in note and "without a class" in note for note in found.notes)


def test_a_class_in_the_file_name_stays_in_such_a_folder(tmp_path):
    put(tmp_path, *(f"predict/{c}_{i}.jpg" for c in ("cat", "dog") for i in range(3)))
    assert counts(scan(tmp_path, ReadOptions(label_regex="(cat|dog)_"))) == {"cat": 3, "dog": 3}


def test_masks_are_set_aside(tmp_path):
    for c in ("cat", "dog"):
        put(tmp_path, *(f"{c}_{i}.jpg" for i in range(3)))
        put(tmp_path, *(f"{c}_{i}_mask.png" for i in range(3)), draw=mask)
    found = scan(tmp_path, ReadOptions(label_regex="^([^_]+)_"))
    assert counts(found) == {"cat": 3, "dog": 3}
    assert "6 masks left out" in found.layout


@pytest.mark.parametrize("option", ["group_regex", "label_regex"])
def test_a_pattern_that_captures_two_things_is_refused(pets, option):
    with pytest.raises(UsageError, match="captures 2 things, and the first alone would count"):
        scan(pets, ReadOptions(**{option: r"(cat|dog).*?(\d+)"}))
    assert scan(pets, ReadOptions(**{option: r"((?:cat|dog)).*?"})).usable
