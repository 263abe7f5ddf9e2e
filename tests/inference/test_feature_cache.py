"""Features kept between commands by the digests of their images."""

import hashlib

import numpy as np
import pytest

from groupwise.inference.feature_cache import cache_folder, cached_features

DIGESTS = [hashlib.sha256(bytes([i])).hexdigest() for i in range(6)]


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A function of digests that says which of them had to be worked out, and checks what comes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def ask(digests, key="net"):
        seen = []

        def compute(rows):
            seen.extend(digests[row] for row in rows)
            return np.array([[int(digests[row][:4], 16), 1] for row in rows], np.float32)

        found, new = cached_features(key, digests, compute)
        assert [int(line[0]) for line in found] == [int(one[:4], 16) for one in digests]
        assert new == len(seen)
        return seen

    return ask


def test_each_image_is_worked_out_once(asked):
    assert asked(DIGESTS[:3]) == DIGESTS[:3]
    assert asked(DIGESTS[:3]) == []
    assert asked([DIGESTS[4], *DIGESTS[:2], DIGESTS[4], DIGESTS[5]]) == [DIGESTS[4], DIGESTS[5]]
    assert asked(DIGESTS[:2], key="other") == DIGESTS[:2]


def test_what_is_damaged_is_worked_out_again(asked):
    asked(DIGESTS)
    (file,) = cache_folder().rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-8])
    assert asked(DIGESTS) == DIGESTS
    assert asked(DIGESTS) == []


def test_a_cache_that_cannot_be_written_costs_time_alone(asked):
    cache_folder().parent.mkdir()
    cache_folder().write_text("a file where a folder should be")
    assert asked(DIGESTS) == DIGESTS
    assert asked(DIGESTS) == DIGESTS
