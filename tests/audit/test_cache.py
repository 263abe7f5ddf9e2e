"""The cache of the audit: known files are not read again, and nothing in it can change what is found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from families import FAMILIES
from groupwise.audit.audit import Audit, audit
from groupwise.audit.cache import MAX_FILES, cache_file, known_names, read_cache, write_cache
from groupwise.audit.copies.compared import draw
from groupwise.audit.search import LOCAL
from groupwise.audit.shortcuts import Shortcut
from groupwise.data.scan import scan
from groupwise.files import sha256_bytes

Scene = Callable[..., npt.NDArray[np.uint8]]


@pytest.fixture
def folder(tmp_path: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    images = [scene(k, 96) for k in range(14)]
    root = tmp_path / "photographs"
    for k, image in enumerate([*images, FAMILIES["rotate"](images[0], rng), 255 - images[1]]):
        file = root / "ab"[k % 2] / f"{'zyxwvutsrqponmlk'[k]}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(file), image)
    return root


def _said(found: Audit) -> object:
    facts = {name: value for name, value in found.facts.items() if name != "seconds"}
    findings = [one.to_json() for one in found.findings]
    return found.rows, found.conflicts, findings, facts, found.series, found.worth


def test_a_folder_that_gained_files_is_audited_as_without_a_cache(
    folder: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = audit(scan(folder), seed=0, cached=True)
    assert first.cache is not None
    assert (first.cache.known, first.cache.kept) == (0, True)
    # One new picture and one copy of an old one, at places between the old ones.
    assert cv2.imwrite(str(folder / "a" / "q1.png"), scene(99, 96))
    turned = cv2.rotate(cv2.imread(str(folder / "b" / "w.png")), cv2.ROTATE_90_CLOCKWISE)
    assert cv2.imwrite(str(folder / "a" / "w1.png"), turned)
    manifest = scan(folder)
    plain = audit(manifest, seed=0)
    read: list[Path] = []
    monkeypatch.setattr("groupwise.audit.search.measure", _counting(read))
    second = audit(manifest, seed=0, cached=True, backend=replace(LOCAL, workers=1))
    assert {file.name for file in read} == {"q1.png", "w1.png"}
    assert second.clusters["a/w1.png"] == second.clusters["b/w.png"]
    assert _said(second) == _said(plain)
    read.clear()
    with monkeypatch.context() as nothing_new:
        nothing_new.setattr("groupwise.audit.search.detect", _not_again)
        nothing_new.setattr("groupwise.audit.audit.find_shortcuts", _not_again)
        third = audit(manifest, seed=0, cached=True)
    assert not read
    assert third.cache is not None
    assert third.cache.known == len(manifest.usable)
    assert _said(third) == _said(plain)


def _not_again(*_: object, **__: object) -> None:
    raise AssertionError("worked out anew")


def test_other_labels_change_what_gives_them_away_and_no_copies(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = scan(folder)
    first = audit(manifest, seed=0, cached=True)
    relabelled = replace(manifest, samples=tuple(replace(one, label="c") for one in manifest.samples))
    monkeypatch.setattr("groupwise.audit.search.detect", _not_again)
    asked: list[object] = []
    told = [Shortcut("file size", 0.9, 0.8, 0.5)]
    monkeypatch.setattr("groupwise.audit.audit.find_shortcuts", lambda *_, **__: asked.append(1) or told)
    second = audit(relabelled, seed=0, cached=True)
    assert second.clusters == first.clusters
    again = audit(relabelled, seed=0, cached=True)
    assert len(asked) == 1
    assert _said(again) == _said(second) != _said(first)


def _counting(read: list[Path]) -> Callable[..., object]:
    from groupwise.audit.measure import measure

    def count(file: Path, *arguments: object) -> object:
        read.append(file)
        return measure(file, *arguments)  # type: ignore[arg-type]

    return count


def test_a_damaged_cut_or_foreign_cache_counts_as_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = scan(folder)
    audit(manifest, seed=0, cached=True)
    file = cache_file(manifest)
    content = file.read_bytes()
    assert len(known_names(file, manifest)) == 16
    assert known_names(file, manifest) == read_cache(file, manifest).measured.keys()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    resigned = b"{}" + content[66:]
    for spoilt in (
        bytes(flipped),
        content[:-5],
        content[:40],
        b"",
        b"PK\3\4 something else",
        sha256_bytes(resigned).encode() + resigned,  # its digest is right, its content no tensors
    ):
        file.write_bytes(spoilt)
        assert not read_cache(file, manifest).measured
        assert not known_names(file, manifest)
    file.unlink()
    os.mkfifo(file)
    assert not read_cache(file, manifest).measured
    file.unlink()
    file.write_bytes(content)
    assert read_cache(file, manifest).pairs
    with monkeypatch.context() as another:
        another.setattr("os.getuid", lambda: file.stat().st_uid + 1)
        assert not read_cache(file, manifest).measured
    monkeypatch.setattr("groupwise.audit.cache._code", lambda: "of another version")
    assert not read_cache(file, manifest).measured


def test_a_file_that_changed_under_its_name_is_read_again(folder: Path, scene: Scene) -> None:
    audit(scan(folder), seed=0, cached=True)
    assert cv2.imwrite(str(folder / "a" / "x.png"), scene(77, 96))
    manifest = scan(folder)
    found = audit(manifest, seed=0, cached=True)
    assert found.cache is not None
    assert found.cache.known == len(manifest.usable) - 1
    assert found.worth["sharpest"] == audit(manifest, seed=0).worth["sharpest"]


def test_what_stays_is_bounded_and_a_folder_that_cannot_be_written_is_no_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = scan(folder)
    audit(manifest, seed=0, cached=True)
    file = cache_file(manifest)
    for k in range(MAX_FILES + 3):
        shutil.copy(file, file.with_name(f"{k}.bin"))
    known = read_cache(file, manifest)
    assert write_cache(file, manifest, known)
    assert len(list(file.parent.glob("*.bin"))) == MAX_FILES
    assert file.exists()
    assert file.parent.stat().st_mode & 0o077 == 0  # it shows the pictures
    monkeypatch.setattr("groupwise.audit.cache.MAX_BYTES", 2 * file.stat().st_size + 1)
    (file.parent / ".half.bin.partial").write_bytes(b"what a crash left")
    os.utime(file.parent / ".half.bin.partial", (0, 0))
    assert write_cache(file, manifest, known)
    assert file in set(file.parent.iterdir())
    assert len(list(file.parent.iterdir())) == 3  # the words of made scenes are there too
    file.unlink()
    file.mkdir()
    assert not write_cache(file, manifest, known)
    shutil.rmtree(file.parent)
    file.parent.write_text("in the way")
    assert not write_cache(file, manifest, known)
    for home in ("/dev/null", "/proc"):
        monkeypatch.setenv("XDG_CACHE_HOME", home)
        found = audit(manifest, seed=0, cached=True)
        assert found.cache is not None
        assert (found.cache.known, found.cache.kept) == (0, False)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", _homeless)
    assert not write_cache(cache_file(manifest), manifest, known)


def _homeless() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_names_that_come_in_change_about_their_share_of_a_draw() -> None:
    names = [f"file {k}" for k in range(2000)]
    before = {names[k] for k in draw(names, 200, 3)}
    grown = [*names[:700], *(f"new {k}" for k in range(20)), *names[700:]]
    after = {grown[k] for k in draw(grown, 200, 3)}
    assert 190 <= len(before & after) < 200
    assert before != {names[k] for k in draw(names, 200, 4)}
    assert len({names[k] for k in draw(names, 5000, 3)}) == 2000
