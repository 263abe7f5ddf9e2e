"""The audit of a folder: planted copies, conflicts and shortcuts are named, clean photographs are not."""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from families import FAMILIES
from groupwise.audit.audit import Audit, audit
from groupwise.data.manifest import Manifest, Sample
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.stats.arrays import Pixels

Scene = Callable[..., Pixels]
SIGNS = Path(__file__).parents[2] / "../shared/data/sign-digits"


def _save(file: Path, rgb: Pixels) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, scene: Scene) -> Path:
    root = tmp_path_factory.mktemp("photographs")
    words = [
        a + b
        for a in ("oak", "elm", "fir", "ash", "yew")
        for b in ("leaf", "bark", "root", "twig", "seed", "bud")
    ]
    for k, word in enumerate(words):
        _save(root / "ab"[k % 2] / f"{word}.png", scene(k))
    rng = np.random.default_rng(0)
    _save(root / "b" / "turned.png", FAMILIES["rotate"](scene(0), rng))  # of a/oakleaf.png: a conflict
    _save(root / "a" / "mirrored.png", FAMILIES["mirror"](scene(2), rng))  # of a/oakroot.png
    (root / "a" / "again.png").write_bytes((root / "a" / "oakroot.png").read_bytes())
    return root


@pytest.fixture(scope="module")
def audited(folder: Path) -> Audit:
    return audit(scan(folder), seed=0)


def test_copies_share_a_cluster_and_others_do_not(audited: Audit) -> None:
    clusters = audited.clusters
    assert clusters["b/turned.png"] == clusters["a/oakleaf.png"]
    assert clusters["a/mirrored.png"] == clusters["a/oakroot.png"] == clusters["a/again.png"]
    assert len(clusters) == 33
    assert len(set(clusters.values())) == 30


def test_the_clusters_are_gathered_once_however_often_they_are_asked_for(audited: Audit) -> None:
    assert audited.clusters is audited.clusters  # else a split of n images takes n * n steps


def test_a_photograph_under_two_labels_stops_and_is_left_out(audited: Audit) -> None:
    [conflict] = [one for one in audited.findings if one.code == "copies-across-labels"]
    assert conflict.severity == "stop"
    assert set(conflict.paths) == {"a/oakleaf.png", "b/turned.png"} == set(audited.conflicts)
    assert conflict.picture is not None
    picture = cv2.imdecode(np.frombuffer(conflict.picture, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[0] == 192
    assert set(conflict.pictured) == set(conflict.paths)


def test_a_copy_without_any_difference_under_another_label_is_drawn(tmp_path: Path, scene: Scene) -> None:
    # Saved anew in another format, its evidence is perfect and yet its bytes are others.
    grey = scene(900).mean(axis=2, keepdims=True).repeat(3, axis=2).astype(np.uint8)
    _save(tmp_path / "a" / "owl.png", grey)
    _save(tmp_path / "b" / "owl.jpg", grey)
    for k, word in enumerate(("oak", "elm", "fir", "ash")):
        _save(tmp_path / "ab"[k % 2] / f"{word}.png", scene(910 + k))
    found = audit(scan(tmp_path), seed=0)
    assert found.conflicts == ("a/owl.png", "b/owl.jpg")
    [conflict] = [one for one in found.findings if one.code == "copies-across-labels"]
    assert conflict.pictured == found.conflicts


def test_copies_inside_a_class_are_counted(audited: Audit) -> None:
    [found] = [one for one in audited.findings if one.code == "copies-in-class"]
    assert found.title == "Class a: 17 files, but only 15 different photographs"
    assert set(found.paths) == {"a/oakroot.png", "a/mirrored.png", "a/again.png"}
    few = [one.title for one in audited.findings if one.code == "few-photographs"]
    assert "Class a has only 15 independent photographs" in few


def test_the_audit_states_its_own_recall_and_false_match_rate(audited: Audit) -> None:
    assert audited.facts["planted"] == 6
    assert audited.facts["planted_found"] >= 3
    by_depth = audited.facts["planted_by_depth"]
    assert [one["operations"] for one in by_depth] == [1, 2, 3, 4, 5, 6]
    assert sum(one["found"] for one in by_depth) == audited.facts["planted_found"]
    assert audited.facts["exact_copies"] == 1
    [quality] = [one for one in audited.findings if one.code == "audit-quality"]
    assert "copies that the audit made of your images" in quality.title
    assert "false-match rate below" in quality.text


def test_the_files_hold_what_the_audit_says(audited: Audit, tmp_path: Path) -> None:
    audited.write(tmp_path)
    with (tmp_path / "clusters.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"]: int(row["cluster"]) for row in rows} == audited.clusters
    assert {row["label"] for row in rows} == {"a", "b"}
    written = json.loads((tmp_path / "findings.json").read_text())
    assert [item["code"] for item in written] == [one.code for one in audited.findings]
    assert base64.b64decode(written[0]["picture"]) == audited.findings[0].picture
    assert written[0]["pictured"] == ["a/oakleaf.png", "b/turned.png"]
    assert written[-1]["pictured"] == []


def test_clean_photographs_give_no_warning_but_their_small_number(tmp_path: Path, scene: Scene) -> None:
    for k in range(40):
        _save(
            tmp_path / "ab"[k % 2] / f"{'pqrst'[k % 5]}{'uvwxyz'[k // 7]}{chr(97 + k % 26)}.png",
            scene(500 + k),
        )
    found = audit(scan(tmp_path), seed=0)
    assert len(set(found.clusters.values())) == 40
    assert {one.code for one in found.findings} == {"audit-quality"}


def _write_series(folder: Path, scene: Scene, light: Callable[[int], float]) -> Manifest:
    """Eight series of four numbers, each picture of a scene of its own in the light of its series."""
    for k in range(32):
        number = 10 * (k // 4) + k % 4
        pixels = np.clip(scene(700 + k, 64) * light(k // 4), 0, 255).astype(np.uint8)
        _save(folder / "ab"[k % 2] / f"IMG_{number:03}.png", pixels)
    return scan(folder)


def test_series_that_look_it_are_suspected_unless_the_user_gave_groups(tmp_path: Path, scene: Scene) -> None:
    manifest = _write_series(tmp_path, scene, lambda series: 0.3 + 0.1 * series)
    found = audit(manifest, seed=0)
    assert "suspected-groups-numbering" in [one.code for one in found.findings]
    found.write(tmp_path / "audit")
    with (tmp_path / "audit" / "series.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"]: row["series_numbering"] for row in rows}["a/IMG_072.png"] == "7"
    bound = scan(
        tmp_path / "audit" / "series.csv", ReadOptions(group_column="series_numbering", root=tmp_path)
    )
    assert len({sample.group for sample in bound.usable}) == 8
    few = tuple(replace(one, group="g") for one in manifest.samples[:6])
    assert audit(replace(manifest, samples=few), seed=0).facts["series_tested"] == []


def test_pictures_that_are_merely_numbered_are_not_suspected(tmp_path: Path, scene: Scene) -> None:
    found = audit(_write_series(tmp_path, scene, lambda _: 1.0), seed=0)
    assert not [one for one in found.findings if one.code.startswith("suspected")]
    [tested] = found.facts["series_tested"]
    assert tested["count"] == 8
    assert not found.series
    found.write(tmp_path / "audit")
    assert not (tmp_path / "audit" / "series.csv").exists()


def test_a_folder_that_gives_its_label_away_is_named(tmp_path: Path, scene: Scene) -> None:
    for k in range(40):
        image = scene(600 + k)
        if k % 2:
            image[:10] = image[-10:] = image[:, :10] = image[:, -10:] = 255
        _save(tmp_path / "ab"[k % 2] / f"{chr(97 + k % 26)}{'pq'[k // 26]}.png", image)
    codes = {one.code for one in audit(scan(tmp_path), seed=0).findings}
    assert "shortcut-border-colour" in codes


@pytest.mark.real
@pytest.mark.skipif(not SIGNS.exists(), reason=f"no trial photographs at {SIGNS}")
def test_neighbours_in_a_burst_are_not_copies() -> None:
    # Ten students, ten shots of each in a row: one hand, one background, another pose.
    files = [file for file in sorted(SIGNS.glob("*/IMG_*.JPG")) if 1118 <= int(file.stem[4:]) < 1218]
    samples = [Sample(f"{file.parent.name}/{file.name}", file.parent.name) for file in files]
    found = audit(Manifest(SIGNS, tuple(samples)), seed=0)
    assert len(samples) > 90
    assert len(set(found.clusters.values())) == len(samples)
    assert found.facts["planted_recall"] >= 0.6


def test_of_several_labels_only_other_sets_are_another_label(tmp_path: Path, scene: Scene) -> None:
    rng = np.random.default_rng(0)
    rows = [("owl", "beak|wing"), ("owl again", "wing|beak"), ("hen", "beak"), ("hen turned", "beak|wing")]
    for k, (name, _) in enumerate(rows):
        pixels = scene(940 + k // 2)
        _save(tmp_path / f"{name}.png", FAMILIES["rotate"](pixels, rng) if k % 2 else pixels)
    for k, word in enumerate(("oak", "elm", "fir", "ash")):
        _save(tmp_path / f"{word}.png", scene(950 + k))
        rows.append((word, ("beak", "wing", "beak|wing", "")[k]))
    with (tmp_path / "birds.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *((f"{name}.png", label) for name, label in rows)])
    found = audit(scan(tmp_path / "birds.csv"), seed=0)
    assert found.clusters["owl.png"] == found.clusters["owl again.png"]
    assert found.clusters["hen.png"] == found.clusters["hen turned.png"]
    assert set(found.conflicts) == {"hen.png", "hen turned.png"}


def test_a_picture_inside_another_is_bound_and_shown_and_no_conflict(tmp_path: Path, scene: Scene) -> None:
    for k, word in enumerate(("oak", "elm", "fir", "ash", "yew", "box")):
        _save(tmp_path / "ab"[k % 2] / f"{word}.png", scene(960 + k, 240))
    collage = scene(970, 240)
    collage[30:198, 40:208] = cv2.resize(scene(960, 240), (168, 168), interpolation=cv2.INTER_AREA)
    _save(tmp_path / "b" / "page.png", collage)
    found = audit(scan(tmp_path), seed=0)
    assert found.clusters["a/oak.png"] == found.clusters["b/page.png"]
    assert found.conflicts == ()
    [inset] = [one for one in found.findings if one.code == "insets"]
    assert inset.title == "1 pair of files where one is shown inside the other"
    assert inset.severity == "warning", "the labels differ"
    assert set(inset.pictured) == {"a/oak.png", "b/page.png"} == set(inset.paths)
    assert inset.picture is not None
    assert found.facts["inset_pairs"] == 1


def test_a_picture_with_a_piece_pasted_over_is_bound_and_no_conflict(tmp_path: Path, scene: Scene) -> None:
    for k, word in enumerate(("oak", "elm", "fir", "ash", "yew", "box")):
        _save(tmp_path / "ab"[k % 2] / f"{word}.png", scene(980 + k, 240))
    _save(tmp_path / "b" / "patched.png", _patched(scene(980, 240), scene(990, 48), 90))
    found = audit(scan(tmp_path), seed=0)
    assert found.clusters["a/oak.png"] == found.clusters["b/patched.png"]
    assert len(set(found.clusters.values())) == 6
    assert len(set(found.photographs)) == 7
    assert found.conflicts == ()
    [parted] = [one for one in found.findings if one.code == "parted"]
    assert parted.title == "1 pair of files that are one picture but for a part"
    assert set(parted.pictured) == {"a/oak.png", "b/patched.png"} == set(parted.paths)
    assert "1 of them stands under two labels" in parted.text
    assert found.facts["parted_pairs"] == 1
    assert found.facts["crowded_pairs"] == 0


def test_pictures_of_a_camera_that_stands_still_are_left_apart(tmp_path: Path, scene: Scene) -> None:
    for k in range(12):
        _save(tmp_path / "ab"[k % 2] / f"{k}.png", _patched(scene(980, 240), scene(1000 + k, 60), 80))
    for k in range(12):
        _save(tmp_path / "ab"[k % 2] / f"other{k}.png", scene(1020 + k, 240))
    found = audit(scan(tmp_path), seed=0)
    assert len(set(found.clusters.values())) == 24
    assert not any(one.code == "parted" for one in found.findings)
    [crowds] = [one for one in found.findings if one.code == "parted-crowds"]
    assert "are left apart" in crowds.text
    assert crowds.severity == "warning"


def _patched(pixels: Pixels, piece: Pixels, at: int) -> Pixels:
    pixels = pixels.copy()
    pixels[at : at + len(piece), at : at + len(piece)] = piece
    return pixels
