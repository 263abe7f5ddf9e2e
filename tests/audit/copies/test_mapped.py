"""Photographs that are kept in files for the search."""

from __future__ import annotations

import errno
import gc
import os
import tempfile
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from groupwise.audit.copies import mapped
from groupwise.audit.copies.features import Features
from groupwise.audit.copies.mapped import Together, pack_in_files
from groupwise.audit.copies.packed import PARTS
from groupwise.audit.copies.verify import Photograph, reduce_photograph
from groupwise.audit.copies.workers import applying
from groupwise.errors import GroupwiseError


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Three of different shapes and a flat one, which has no local features; `tmp_path` is where files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rng = np.random.default_rng(0)
    shapes = [(40, 60), (200, 90), (64, 64)]
    made = [reduce_photograph(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)) for shape in shapes]
    return [*made, reduce_photograph(np.full((50, 50, 3), 90, np.uint8))]


def parts(photograph: Photograph) -> list[tuple[object, ...]]:
    return [(part(photograph).dtype, part(photograph).tolist()) for part in PARTS.values()]


def shown(photographs, number):
    return parts(photographs[number])


def test_they_come_back_to_the_bit(photographs):
    kept = pack_in_files(photographs)
    assert [parts(one) for one in kept] == [parts(one) for one in photographs]
    assert not len(kept[3].features.points)


def test_none_is_none_and_leaves_no_files(photographs, tmp_path):
    assert len(pack_in_files([])) == 0
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_the_files_stay_while_a_photograph_of_them_is_held_and_then_go(photographs, tmp_path):
    one = pack_in_files(photographs)[1]
    gc.collect()
    assert len(list(tmp_path.glob("groupwise-*/*"))) == len(PARTS)
    assert parts(one) == parts(photographs[1])
    del one
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_only_flat_ones_hold_no_features(photographs):
    (one,) = pack_in_files(photographs[3:])
    assert one.features.points.shape == (0, 4)
    assert one.features.descriptors.shape == (0, 128)


def test_together_shows_those_in_files_where_they_lie_and_the_others_packed(photographs):
    kept = pack_in_files(photographs)
    none = Features(np.zeros((0, 4), np.float32), np.zeros((0, 128), np.uint8))
    loose = Photograph(photographs[0].grey, 1.0, photographs[0].hashes, none)
    mixed = [kept[2], loose, kept[0]]
    together = Together(mixed)
    assert [parts(one) for one in together] == [parts(one) for one in mixed]
    assert np.shares_memory(together[0].grey, kept[2].grey)
    assert not np.shares_memory(together[1].grey, loose.grey)
    assert [parts(one) for one in together[1:]] == [parts(one) for one in mixed[1:]]


def test_other_processes_see_the_same(photographs):
    together = Together([*pack_in_files(photographs), photographs[1]])
    with applying(2) as apply:
        seen = list(apply(shown, [(together, number) for number in range(len(together))]))
    assert seen == [parts(one) for one in together]


def test_a_full_disk_is_told_with_a_remedy(photographs, tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(mapped.np, "ascontiguousarray", Mock(side_effect=full))
    with pytest.raises(GroupwiseError, match="TMPDIR") as refused:
        pack_in_files(photographs)
    assert refused.value.place == str(Path(tmp_path))
    assert "No space left" in refused.value.fact


def test_no_temporary_folder_at_all_is_told_likewise(photographs, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    nowhere = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
    monkeypatch.setattr(tempfile, "_get_default_tempdir", Mock(side_effect=nowhere))
    with pytest.raises(GroupwiseError, match=r"No usable temporary directory.*TMPDIR"):
        pack_in_files(photographs)


def test_a_picture_that_cannot_be_read_is_no_want_of_room(photographs, tmp_path):
    gone = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "b/1.jpg")

    def read():
        yield photographs[0]
        raise gone

    with pytest.raises(FileNotFoundError) as raised:
        pack_in_files(read())
    assert raised.value is gone
    assert not list(tmp_path.iterdir())
