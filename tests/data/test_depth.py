"""Folders below the class folders are said, with options that find what they promise."""

from __future__ import annotations

import re

import pytest

from groupwise.data.depth import note_depth
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from layout_case import put

FRUIT = [
    *("Fruit/Apple/Golden/1.jpg", "Fruit/Apple/Granny/1.jpg", "Fruit/Banana/1.jpg"),
    *("Milk/Oat/1.jpg", "Milk/Soy/Fresh/1.jpg"),
]
LETTERS = [f"{a}/{c}/1.jpg" for a, cs in (("Greek", "abc"), ("Latin", "abd")) for c in cs]


def note(*paths: str, around: int = 0) -> str:
    return " ".join(note_depth([tuple(path.split("/")) for path in paths], around))


def patterns(words: str) -> list[str]:
    return re.findall(r"'(\S*\)\S*)'", words)


def found(pattern: str, *paths: str) -> set[str]:
    return {match[1] for path in paths if (match := re.search(pattern, path))}


@pytest.mark.parametrize("around", [0, 1])
def test_the_folders_below_and_the_deepest_are_both_offered(around):
    paths = [f"{'train/' * around}{path}" for path in FRUIT]
    below, deepest, subject = patterns(note(*paths, around=around))
    assert found(below, *paths) == {"Apple", "Banana", "Oat", "Soy"}
    assert found(deepest, *paths) == {"Golden", "Granny", "Banana", "Oat", "Fresh"}
    assert found(subject, *paths) == {"Apple", "Banana", "Oat", "Soy"}


def test_the_deepest_are_not_offered_where_they_recur_or_are_the_same():
    zooms = [
        f"{kind}/{k}/{zoom}X/1.jpg" for kind, ks in (("a", "pq"), ("b", "rs")) for k in ks for zoom in (4, 9)
    ]
    assert [found(one, *zooms) for one in patterns(note(*zooms))] == [{*"pqrs"}, {*"pqrs"}]
    ragged = ["animal/cat/1.jpg", "animal/dog/1.jpg", "plant/1.jpg"]
    assert found(patterns(note(*ragged))[0], *ragged) == {"cat", "dog", "plant"}
    assert "images lie in" not in note(*ragged)


@pytest.mark.parametrize("around", [0, 2])
def test_equal_names_in_different_folders_are_counted_and_can_be_kept_apart(around):
    paths = [f"{'x/' * around}{path}" for path in LETTERS]
    words = note(*paths, around=around)
    joined, apart, groups, single = patterns(words)
    assert "4 in all, as equal names count as one" in words
    assert "keeps all 6 apart" in words
    assert found(joined, *paths) == {*"abcd"}
    assert found(apart, *paths) == {path.removesuffix("/1.jpg") for path in LETTERS}
    assert (groups, single) == (joined, apart)
    assert "equal names" not in note("Greek/a/1.jpg", "Greek/b/1.jpg", "Latin/c/1.jpg", "Latin/d/1.jpg")


def test_equal_names_deeper_down_can_be_kept_apart_too():
    paths = ["A/x/p/1.jpg", "A/y/p/1.jpg", "A/z/1.jpg", "B/x/q/1.jpg", "B/w/q/1.jpg", "C/1.jpg"]
    below, apart, *_ = patterns(note(*paths))
    assert found(below, *paths) == {*"xyzwC"}
    assert found(apart, *paths) == {"A/x", "A/y", "A/z", "B/x", "B/w", "C"}


def test_a_ready_split_is_asked_about_as_class_folders_are(tmp_path):
    put(tmp_path, *(f"{fold}/{path}" for fold in ("train", "test") for path in FRUIT))
    [said] = scan(tmp_path, ReadOptions(given="folders")).notes
    _, deepest, _ = patterns(said)
    manifest = scan(tmp_path, ReadOptions(given="folders", label_regex=deepest))
    assert manifest.classes == ("Banana", "Fresh", "Golden", "Granny", "Oat")


def test_a_ready_split_of_equal_names_is_kept_apart_across_its_folds(tmp_path):
    put(tmp_path, *(f"all/{fold}/{path}" for fold in ("train", "test") for path in LETTERS))
    [said] = scan(tmp_path, ReadOptions(given="pool")).notes
    apart = patterns(said)[1]
    manifest = scan(tmp_path, ReadOptions(given="pool", label_regex=apart))
    assert manifest.classes == ("Greek/a", "Greek/b", "Greek/c", "Latin/a", "Latin/b", "Latin/d")


def test_class_folders_of_a_split_without_folders_below_are_not_asked_about(tmp_path):
    put(tmp_path, *(f"{fold}/{c}/{fold}{c}.jpg" for fold in ("train", "test") for c in ("cat", "dog")))
    assert not any("class folders lie" in said for said in scan(tmp_path, ReadOptions(given="pool")).notes)
