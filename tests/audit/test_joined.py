"""What is joined after a search: one photograph, one inside another, and a lone pair between two sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from groupwise.audit.audit import Audit, audit
from groupwise.audit.copies.detect import Detection
from groupwise.audit.search import detect
from groupwise.data.scan import scan
from groupwise.report.audit_files import _by_photograph

Scene = Callable[..., npt.NDArray[np.uint8]]


def _audit(folder: Path, images: dict[str, npt.NDArray[np.uint8]]) -> Audit:
    for name, image in images.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), image)
    return audit(scan(folder), seed=0)


def test_a_pasted_picture_is_bound_to_its_host_and_is_not_one_photograph_with_it(
    tmp_path: Path, scene: Scene
) -> None:
    inner, host = scene(0, 192), scene(1, 192)
    host[60:156, 50:146] = cv2.resize(inner, (96, 96), interpolation=cv2.INTER_AREA)
    found = _audit(tmp_path, {"a/in.png": inner, "a/out.png": host, "a/mirrored.png": inner[:, ::-1]})
    assert len(set(found.clusters.values())) == 1
    shown = dict(zip(found.clusters, found.photographs, strict=True))
    assert shown["a/in.png"] == shown["a/mirrored.png"] != shown["a/out.png"]
    assert found.facts["photographs"] == 2
    found.write(tmp_path / "out")
    header = (tmp_path / "out" / "clusters.csv").read_text().splitlines()[0]
    assert header.startswith("path,label,cluster,photograph")


def test_the_page_of_an_older_audit_counts_by_cluster() -> None:
    assert _by_photograph({"path": "a", "cluster": "3", "photograph": "7"})["cluster"] == "7"
    assert _by_photograph({"path": "a", "cluster": "3"})["cluster"] == "3"


def test_a_lone_pair_between_two_sets_is_drawn_and_left_out(
    tmp_path: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_bridge(photographs, **options) -> Detection:
        found = detect(photographs, **options)
        known = {(pair.first, pair.second): pair for pair in found.copies}
        assert set(combinations(range(4), 2)) <= known.keys()
        unturned = replace(known[0, 1].evidence, matrix=np.eye(3))
        bridge = replace(known[0, 1], first=3, second=4, evidence=unturned, score=0.1)
        return replace(
            found, copies=tuple(sorted((*found.copies, bridge), key=lambda p: (p.first, p.second)))
        )

    monkeypatch.setattr("groupwise.audit.search.detect", with_bridge)
    turns = [None, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE]
    images = {
        f"a/{k}{turn}.png": scene(k, 128) if way is None else cv2.rotate(scene(k, 128), way)
        for k in range(2)
        for turn, way in enumerate(turns)
    }
    found = _audit(tmp_path, images)
    (bridge,) = [one for one in found.findings if one.code == "bridges"]
    assert bridge.pictured == ("a/03.png", "a/10.png")
    assert bridge.picture
    assert len(set(found.clusters.values())) == 2
    # It speaks against neither set, but for what it is counted as.
    assert found.facts["sets_shown"] == {"copies": 2}
    assert found.facts["transformed_pairs"] == 13
