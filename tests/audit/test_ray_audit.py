"""The audit on a Ray cluster: what one machine finds, by one worker and by four, across partitions."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

import groupwise
from families import FAMILIES
from groupwise.audit.audit import Audit, audit
from groupwise.audit.copies.index import PHOTOGRAPHS_AT_ONCE
from groupwise.audit.copies.short_list import CHUNK
from groupwise.audit.ray import search
from groupwise.audit.ray.blocks import partition_size
from groupwise.audit.search import Backend
from groupwise.data.scan import scan
from groupwise.errors import GroupwiseError


def _told(found: Audit) -> list[object]:
    facts = {name: value for name, value in found.facts.items() if name != "seconds"}
    findings = [one.to_json() for one in found.findings]
    return [found.rows, found.conflicts, findings, facts, found.series, found.worth, found.photographs]


def _write(folder: Path, scene: Callable[..., npt.NDArray[np.uint8]]) -> None:
    """More photographs than a partition holds; the last four are of the first: two copies, two new shots."""
    rng = np.random.default_rng(0)
    pictures = [scene(k, 64) for k in range(partition_size(1) + 20)]
    pictures += [FAMILIES["rotate"](scene(0, 64), rng), FAMILIES["mirror"](scene(1, 64), rng)]
    pictures += [np.where(rng.random((64, 64, 1)) < 0.5, scene(k, 64), scene(9000 + k, 64)) for k in (2, 3)]
    folder.mkdir()
    for k, pixels in enumerate(pictures):
        (folder / "ab"[k % 2]).mkdir(exist_ok=True)
        assert cv2.imwrite(str(folder / "ab"[k % 2] / f"{k:03}.png"), pixels)


@pytest.mark.timeout(900)  # two clusters are started, whose workers load everything anew
def test_ray_finds_what_one_machine_does(tmp_path, scene, monkeypatch):
    ray = pytest.importorskip("ray", reason="Ray, of the extra `scale`, is not installed")
    monkeypatch.setattr(search, "PHOTOGRAPHS_A_PART", partition_size(1))  # a part of the index each
    _write(tmp_path / "data", scene)
    manifest = scan(tmp_path / "data")
    expected = audit(manifest, seed=0)
    numbers = {Path(path).stem: cluster for path, cluster in expected.clusters.items()}
    n = len(numbers)
    assert numbers["000"] == numbers[f"{n - 4:03}"]
    assert numbers["001"] == numbers[f"{n - 3:03}"]
    assert len(set(numbers.values())) == n - 2
    for workers in (1, 4):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
            try:
                found = audit(manifest, seed=0, backend=replace(search.RAY, workers=workers))
                with pytest.raises(FileNotFoundError):  # as on one machine
                    audit(replace(manifest, root=tmp_path), seed=0, backend=search.RAY)
            finally:
                ray.shutdown()
        assert _told(found) == _told(expected)


def test_partitions_do_not_cut_what_is_read_or_asked_at_once():
    sizes = [partition_size(n) for n in (1, 255, 1_000, 100_000, 10_000_000)]
    assert all(size % PHOTOGRAPHS_AT_ONCE == 0 == size % CHUNK for size in sizes)
    assert sizes == sorted(sizes)
    assert sizes[-1] == 4096


def test_without_ray_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(GroupwiseError, match=r"Ray is not installed.*groupwise\[scale\]"):
        groupwise.audit_ray(tmp_path)


def test_it_takes_as_many_workers_as_it_is_told(tmp_path, monkeypatch):
    given: list[Backend] = []
    monkeypatch.setitem(sys.modules, "ray", object())
    monkeypatch.setattr("groupwise.notebook.audit_data", lambda data, *, backend: given.append(backend))
    groupwise.audit_ray(tmp_path, concurrency=5)
    assert given == [replace(search.RAY, workers=5)]
