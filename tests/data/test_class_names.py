"""Folders of undecided pictures, and of pictures made of those of other classes, are asked about."""

from __future__ import annotations

import pytest

from groupwise.data.class_names import find_repeats, is_undecided
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from layout_case import classes, put


@pytest.mark.parametrize(
    "name",
    [
        *(
            "to_sort",
            "ToBeReviewed",
            "to be sorted",
            "_trash",
            "_old",
            "trash_",
            "~junk",
            "TO-CHECK",
            "Unsorted",
        ),
        *(
            "discarded",
            "do not use",
            "unbekannt",
            "zu_prüfen",
            "à trier",
            "sin clasificar",
            "待分类",
            "?",
            "n/a",
        ),
    ],
)
def test_names_that_say_that_nothing_was_decided(name):
    assert is_undecided(name)


@pytest.mark.parametrize(
    "name",
    ["trash", "garbage", "review_paper", "old", "sorted", "_cat", "unknown soldier", "checked"],
)
def test_names_of_classes(name):
    assert not is_undecided(name)


def named(folder: str, *stems: str, suffix: str = ".jpg") -> list[str]:
    return [f"{folder}/{stem}{suffix}" for stem in stems]


CATS = ("ISIC_0024306", "ISIC_0024307", "ISIC_0024308")
DOGS = ("ISIC_0034306", "ISIC_0034307", "ISIC_0034308")
REPEATS = {
    "a mixture": ("extra", named("extra", *CATS, *DOGS)),
    "of one class": ("extra", named("extra", "ISIC_0024306", "ISIC_0024307", "ISIC_0024308")),
    "another ending": ("gradcam", named("gradcam", *CATS, suffix=".png")),
    "a word before": ("segs", named("segs", *(f"mask_{stem}" for stem in (*CATS, *DOGS)), suffix=".png")),
    "a word behind": ("overlay2", named("overlay2", *(f"{stem}-cam" for stem in CATS))),
    "nearly all": ("small", named("small", *CATS, "other_thing")),
    "nothing shared, but the name": ("Heat-Maps", named("Heat-Maps", "h1", "h2", "h3")),
}


@pytest.mark.parametrize("kind", REPEATS)
def test_folders_made_of_others_are_found_and_the_others_are_not(kind):
    label, paths = REPEATS[kind]
    found = find_repeats({"cat": named("cat", *CATS), "dog": named("dog", *DOGS), label: paths})
    if kind == "of one class":  # which of the two is the other's is nobody's to know
        assert set(found) == {"cat", label}
    else:
        assert set(found) == {label}


NO_REPEATS = {
    "counts": {c: named(c, "001", "002", "003") for c in ("cat", "dog", "emu")},
    "a camera": {c: named(c, "IMG_0001", "IMG_0002", "IMG_0003") for c in ("cat", "dog", "emu")},
    "own names": {c: named(c, f"{c}_1", f"{c}_2", f"{c}_3") for c in ("cat", "dog")},
    "few shared": {"cat": named("cat", *CATS), "dog": named("dog", *DOGS, CATS[0])},
    "a class called small": {
        "small": named("small", "s1", "s2", "s3"),
        "large": named("large", "l1", "l2", "l3"),
    },
    "crops that are a class": {"crops": named("crops", *CATS), "weeds": named("weeds", *DOGS)},
}


@pytest.mark.parametrize("kind", NO_REPEATS)
def test_classes_whose_names_only_count_or_differ_are_no_repeats(kind):
    assert find_repeats(NO_REPEATS[kind]) == {}


def test_thumbnails_of_counted_pictures_are_asked_about_and_the_option_leaves_them_out(tmp_path):
    classes(tmp_path, "pets/cat", "pets/dog", "pets/thumbs", n=4)
    manifest = scan(tmp_path)
    assert manifest.classes == ("cat", "dog", "thumbs")
    [note] = manifest.notes
    assert "Most files of the class 'thumbs' are called as files of other classes" in note
    pattern = note.partition("--label-regex '")[2].partition("'")[0]
    assert scan(tmp_path, ReadOptions(label_regex=pattern)).classes == ("cat", "dog")
    assert scan(tmp_path / "pets", ReadOptions(layout="classes")).notes == ()


def test_copies_within_the_folds_of_a_split_are_asked_about(tmp_path):
    for fold in ("train", "test"):
        put(tmp_path, *(f"{fold}/{c}/{c}x{fold}{i}.jpg" for c in ("cat", "dog") for i in range(3)))
        put(tmp_path, *(f"{fold}/resized/{c}x{fold}{i}.jpg" for c in ("cat", "dog") for i in range(3)))
    [note] = scan(tmp_path, ReadOptions(given="folders")).notes
    pattern = note.partition("--label-regex '")[2].partition("'")[0]
    assert scan(tmp_path, ReadOptions(given="folders", label_regex=pattern)).classes == ("cat", "dog")


@pytest.mark.parametrize("name", ["ToBeReviewed", "_trash", "test"])
def test_the_option_for_an_undecided_folder_or_a_flat_fold_leaves_it_out(tmp_path, name):
    classes(tmp_path, "in/cat", "in/dog", f"in/{name}")
    [note] = scan(tmp_path).notes
    pattern = note.partition("--label-regex '")[2].partition("'")[0]
    assert scan(tmp_path, ReadOptions(label_regex=pattern)).classes == ("cat", "dog")


def test_the_printed_pattern_for_nested_classes_keeps_files_that_lie_higher(tmp_path):
    put(
        tmp_path,
        "animal/cat/1.jpg",
        "animal/cat/2.jpg",
        "animal/dog/x/1.jpg",
        "plant/fern/1.jpg",
        "plant/9.jpg",
    )
    [note] = [note for note in scan(tmp_path).notes if "If they are the classes" in note]
    pattern = note.partition("--label-regex '")[2].partition("'")[0]
    found = scan(tmp_path, ReadOptions(label_regex=pattern))
    assert [sample.label for sample in found.samples] == ["cat", "cat", "dog", "plant", "fern"]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["0.1", "1.6", "3", "4.6", "6.1", "7.6"], True),
        (["0,5", "1,5", "-2,5", "3,5", "4,5"], True),
        (["1.0", "2.0", "3.0", "4.0", "5.0", "6.0"], False),
        (["1.5", "2.5", "3.5", "4.5"], False),
        (["0.1", "1.6", "3.1", "4.6", "6.1", "none of them"], False),
        (["1", "2", "3", "4", "5", "6"], False),
    ],
)
def test_classes_that_may_be_measurements_are_said(tmp_path, labels, said):
    put(tmp_path, *(f"{i}.png" for i in range(2 * len(labels))))
    rows = [f'{i}.png,"{labels[i % len(labels)]}"' for i in range(2 * len(labels))]
    (tmp_path / "t.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    assert said == any("If they are a measurement" in note for note in scan(tmp_path / "t.csv").notes)
