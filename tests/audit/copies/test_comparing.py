"""Pairs compared side by side are compared as one after another; packed photographs stay what they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from groupwise.audit.copies import comparing as module
from groupwise.audit.copies.comparing import comparing
from groupwise.audit.copies.packed import PackedPhotographs
from groupwise.audit.copies.verify import Candidate, Look, Photograph, Turned, reduce_photograph
from groupwise.stats.arrays import Pixels


@pytest.fixture
def photographs(scene: Callable[..., Pixels]) -> list[Photograph]:
    pictures = [scene(k) for k in range(5)]
    return [reduce_photograph(one) for one in (*pictures, pictures[0][:, ::-1], pictures[1][8:, 5:])]


def test_processes_see_what_one_alone_sees(photographs, monkeypatch):
    looks: list[Look] = [
        Candidate(i, j, mirror) for i in range(5) for j in (5, 6) for mirror in (False, True)
    ]
    looks += [Turned(0, 5, k) for k in range(8)]
    with comparing(photographs, 2) as compare:
        alone = compare(looks)
    monkeypatch.setattr(module, "LEAST_FOR_PROCESSES", 2)
    monkeypatch.setattr(module, "_PART", 5)
    with comparing(photographs, 2) as compare:
        beside = compare(looks)
        assert compare([]) == []
    assert [repr(one) for one in beside] == [repr(one) for one in alone]
    assert any(one is None for one in alone)
    assert max(one.fine for one in alone if one) > 0.9


def test_packed_photographs_are_the_same(photographs):
    packed = PackedPhotographs.of(photographs)
    assert len(packed) == len(photographs)
    for ours, theirs in zip(packed, photographs, strict=True):
        for name in ("grey", "hashes"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        for name in ("points", "descriptors"):
            np.testing.assert_array_equal(getattr(ours.features, name), getattr(theirs.features, name))
        assert ours.enlarged == theirs.enlarged
    assert packed[-1].grey.shape == photographs[-1].grey.shape
    assert [one.enlarged for one in packed[2:4]] == [one.enlarged for one in photographs[2:4]]
    with pytest.raises(IndexError):
        packed[len(photographs)]
