"""Folders that name a fold and a class each are asked about; others stay class folders."""

from __future__ import annotations

import pytest

from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.errors import GroupwiseError
from layout_case import classes

CROSSED = {
    "before": ("train_cat", "train_dog", "val_cat", "val_dog"),
    "after": ("cat-train", "dog-train", "cat-test", "dog-test"),
    "three folds": ("Train cat", "Train dog", "Val cat", "Val dog", "Test cat", "Test dog"),
    "a class not held out": ("train_cat", "train_dog", "train_emu", "test_cat", "test_dog"),
    "around": ("pets/train_cat", "pets/train_dog", "pets/val_cat", "pets/val_dog"),
}
NEAR = {
    "other classes": ("train_ride", "test_drive"),
    "kinds of training": ("train_day", "train_night", "tram_day", "tram_night"),
    "boards": ("dev_board", "dev_kit", "test_board", "test_kit"),
    "underscores": ("big_cat", "big_dog", "small_cat", "small_dog"),
}


@pytest.mark.parametrize("names", CROSSED.values(), ids=CROSSED)
def test_a_fold_and_a_class_in_each_name_are_asked_about(tmp_path, names):
    classes(tmp_path, *names)
    with pytest.raises(GroupwiseError, match=r"a fold and a class each.*such as .*--layout classes"):
        scan(tmp_path)
    assert len(scan(tmp_path, ReadOptions(layout="classes")).usable) == 3 * len(names)


@pytest.mark.parametrize("names", NEAR.values(), ids=NEAR)
def test_names_of_other_kinds_are_classes(tmp_path, names):
    classes(tmp_path, *names)
    assert scan(tmp_path).classes == tuple(sorted(names))


def test_a_folder_beside_them_changes_nothing(tmp_path):
    classes(tmp_path, *CROSSED["before"], "docs")
    with pytest.raises(GroupwiseError, match=r"train_cat.*a fold and a class each"):
        scan(tmp_path)
