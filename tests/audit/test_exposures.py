"""Copies of one exposure are told from shots of one scene by their grain, and words follow that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from groupwise.audit.audit import Audit, audit
from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.verify import Pair
from groupwise.audit.copy_findings import _contradicting
from groupwise.audit.exposures import SAME_GRAIN, Exposures, correlate_grain, look_closely
from groupwise.data.scan import scan
from groupwise.stats.arrays import Pixels

Scene = Callable[..., Pixels]
SAME = np.eye(2, 3)
NOW = datetime(2024, 5, 1, 12)


def _expose(scene: Pixels, seed: int, offset: float = 0.0) -> Pixels:
    """A shot of a scene that does not move: its own grain, and another exposure."""
    grain = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 12, scene.shape), (0, 0), 1.0)
    return np.clip(cv2.GaussianBlur(scene, (0, 0), 1.0) * 0.9 + offset + grain, 0, 255).astype(np.uint8)


def _grey(rgb: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def test_the_grain_of_a_copy_agrees_and_that_of_a_second_shot_does_not(scene: Scene) -> None:
    first = _grey(_expose(scene(1), 1))
    mirrored = np.ascontiguousarray(first[:, ::-1])
    assert correlate_grain(first, mirrored, np.array([[-1.0, 0, 159], [0, 1, 0]])) > SAME_GRAIN
    small = np.asarray(cv2.resize(first, (120, 120), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    assert correlate_grain(first, small, np.array([[4 / 3, 0, 1 / 6], [0, 4 / 3, 1 / 6]])) > SAME_GRAIN
    lighter = np.clip(first * 0.8 + 20, 0, 255).astype(np.uint8)
    assert correlate_grain(first, lighter, SAME) > SAME_GRAIN
    assert correlate_grain(first, _grey(_expose(scene(1), 2, 10)), SAME) < 0.7


def test_files_without_grain_prove_nothing() -> None:
    flat = np.full((160, 160), 90, np.uint8)
    assert correlate_grain(flat, flat, SAME) == 0


@pytest.mark.parametrize(("angle", "shown"), [(40, "copies"), (2, "alike")])
def test_a_blurred_picture_is_a_copy_only_where_it_was_turned(scene: Scene, angle: float, shown: str) -> None:
    first = _grey(_expose(scene(1), 1))
    turn = cv2.getRotationMatrix2D((80, 80), angle, 1.0)
    blurred = np.asarray(cv2.warpAffine(cv2.GaussianBlur(first, (0, 0), 2), turn, (160, 160)), np.uint8)
    back = np.vstack([cv2.invertAffineTransform(turn), [0, 0, 1]])
    pair = Pair(0, 1, Evidence(0.95, 0.95, 0.9, 0.0, 0.9, back), 0.95)
    found = look_closely(
        [[0, 1]], [7], [pair], [None, None], [first, blurred].__getitem__, [(160, 160)] * 2, workers=1
    )
    assert found.shown == {7: shown}


def test_a_print_at_an_angle_is_a_copy_though_it_is_not_turned(scene: Scene) -> None:
    first = _grey(_expose(scene(1), 1))
    tilted = np.array([[1.0, 0, 0], [0, 1.0, 0], [0.003, 0, 1]])  # the right side a third smaller
    pair = Pair(0, 1, Evidence(0.9, 0.9, 0.9, 0.0, 0.9, np.linalg.inv(tilted)), 0.9)
    blurred = np.asarray(
        cv2.warpPerspective(cv2.GaussianBlur(first, (0, 0), 2), tilted, (160, 160)), np.uint8
    )
    found = look_closely(
        [[0, 1]], [7], [pair], [None, None], [first, blurred].__getitem__, [(160, 160)] * 2, workers=1
    )
    assert found.shown == {7: "copies"}


def test_times_tell_shots_apart_without_a_look(scene: Scene) -> None:
    def never(_: int) -> Pixels:
        raise AssertionError("was opened")

    pair = Pair(0, 1, Evidence(1.0, 1.0, 1.0, 0.0, 1.0, np.eye(3)), 1.0)
    sizes = [(128, 128)] * 2
    later = NOW + timedelta(seconds=2)
    assert look_closely([[0, 1]], [0], [pair], [NOW, later], never, sizes, workers=1).shown == {0: "shots"}
    # Equal content has no pair, and a copy bears the time of its original.
    assert look_closely([[0, 1]], [0], [], [NOW, NOW], never, sizes, workers=1).shown == {0: "copies"}


def test_a_pair_between_two_sets_says_nothing_of_either() -> None:
    def never(_: int) -> Pixels:
        raise AssertionError("was opened")

    bridge = Pair(1, 2, Evidence(0.5, 0.5, 0.5, 0.0, 0.5, np.eye(3)), 0.5)
    found = look_closely([[0, 1], [2, 3]], [0, 1], [bridge], [None] * 4, never, [(128, 128)] * 4, workers=1)
    assert found.shown == {0: "copies", 1: "copies"}


def test_sets_that_were_not_looked_at_are_called_as_most_are() -> None:
    assert Exposures({0: "copies", 1: "copies", 2: "alike"}).of(9) == "copies"
    assert Exposures({0: "copies", 1: "alike", 2: "alike"}).of(9) == "alike"
    assert Exposures({}).mostly_copies


def _audit_of(folder: Path, scene: Scene, second: Callable[[Pixels, int], Pixels]) -> Audit:
    """Twelve scenes in two classes, and of four of them a second picture, two of those in the other class."""
    for k in range(12):
        first = _expose(scene(300 + k), k)
        pictures = {f"{'ab'[k % 2]}/{chr(97 + k)}leaf.png": first}
        if k < 4:
            other = "ab"[(k + (k < 2)) % 2]
            pictures[f"{other}/{chr(97 + k)}twig.png"] = second(
                scene(300 + k) if second is _shot else first, k
            )
        for path, pixels in pictures.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / path)
    return audit(scan(folder), seed=0)


def _shot(scene: Pixels, k: int) -> Pixels:
    return _expose(scene, 900 + k, 8)


def _mirrored(first: Pixels, _: int) -> Pixels:
    return np.ascontiguousarray(first[:, ::-1])


def test_shots_that_were_joined_are_not_called_one_photograph(tmp_path: Path, scene: Scene) -> None:
    found = _audit_of(tmp_path, scene, _shot)
    titles = [one.title for one in found.findings]
    assert sum(title.startswith("One photograph or scene stands under 2 labels") for title in titles) == 2
    assert not found.facts["mostly_copies"]
    assert any("different scenes" in title for title in titles)
    assert len(found.conflicts) == 4


def test_copies_are_still_called_so(tmp_path: Path, scene: Scene) -> None:
    found = _audit_of(tmp_path, scene, _mirrored)
    titles = [one.title for one in found.findings]
    assert sum(title.startswith("One photograph stands under 2 labels") for title in titles) == 2
    assert found.facts["sets_shown"] == {"copies": 4}
    assert any("different photographs" in title for title in titles)


def _stretches(folder: Path, scene: Scene, labels: str) -> Audit:
    """Stretches of one strip, each under its label and 0.55 of a frame further, and other scenes."""
    strip = np.concatenate([scene(360, 192)[:160], scene(361, 192)[:160], scene(362, 192)[:160]], axis=1)
    words = ("oak", "elm", "fir", "ash", "yew")
    pictures = {
        f"{label}/{word}.png": strip[:, 88 * k : 88 * k + 160]
        for k, (word, label) in enumerate(zip(words, labels, strict=False))
    }
    pictures |= {f"{'ab'[k % 2]}/{chr(97 + k)}seed.png": scene(370 + k) for k in range(8)}
    for path, pixels in pictures.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / path)
    return audit(scan(folder), seed=0)


@pytest.mark.parametrize(
    ("labels", "contradicting"),
    [
        # 0 to 3 overlap from each to the next, and 4 is equal to 2
        ("aaaaa", []),
        ("aaaab", [1, 2, 3, 4]),
        ("aaabb", [1, 2, 3, 4]),
        ("baaaa", [0, 1]),
    ],
)
def test_equal_files_among_views_contradict_one_another(labels: str, contradicting: list[int]) -> None:
    pairs = [Pair(i, i + 1, Evidence(0.9, 0.9, 0.9, 0.0, 0.9, np.eye(3)), 0.9) for i in range(3)]
    assert _contradicting(range(5), [0, 1, 2, 3, 2], pairs, labels) == contradicting


def test_views_that_overlap_are_bound_and_called_so(tmp_path: Path, scene: Scene) -> None:
    found = _stretches(tmp_path, scene, "aaabb")
    assert len({found.clusters[f"a/{word}.png"] for word in ("oak", "elm", "fir")}) == 1
    [views] = [one for one in found.findings if one.code == "overlapping-views"]
    assert views.title == "5 files are views that overlap in part, in 1 set"
    assert "may show nothing in common" in views.text
    assert views.picture is not None
    [conflict] = [one for one in found.findings if one.code == "copies-across-labels"]
    assert conflict.title == "Views of one scene stand under 2 labels: a, b"
    # Only the two that share a part and not a label; the ends of the strip contradict nothing.
    assert found.conflicts == ("a/fir.png", "b/ash.png")
