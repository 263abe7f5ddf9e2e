"""Exact copies: equal bytes or equal pixels, and nothing that merely looks like it."""

from __future__ import annotations

import numpy as np
import pytest

from groupwise.audit.copies.hashes import exact_copies, pixel_digest


def test_bytes_or_pixels_tie_a_sample_to_the_first_equal_one() -> None:
    assert exact_copies(["a", "b", "a", "c", "a"], ["p", "q", "p", "q", "p"]) == [(0, 2), (0, 4), (1, 3)]


def test_m_equal_samples_make_one_pair_less_however_they_are_equal() -> None:
    # The third has the bytes of the second, and both the pixels of the first.
    assert exact_copies(["a", "b", "b"], ["p", "p", "p"]) == [(0, 1), (0, 2)]
    assert exact_copies(["a", "b", "b"], ["p", "p", ""]) == [(0, 1), (0, 2)]


def test_an_unknown_digest_equals_nothing() -> None:
    assert exact_copies(["", "", "a"], ["", "", ""]) == []


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="1 byte digests, 2 pixel digests"):
        exact_copies(["a"], ["p", "q"])


def test_the_digest_sees_one_changed_value_and_the_shape() -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    changed = pixels.copy()
    changed[3, 3, 2] ^= 1
    digests = {pixel_digest(pixels), pixel_digest(changed), pixel_digest(pixels.reshape(2, 8, 3))}
    assert len(digests) == 3
    assert pixel_digest(pixels) == pixel_digest(np.asfortranarray(pixels))
