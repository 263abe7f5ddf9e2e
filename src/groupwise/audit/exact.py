"""Turns digests of files and of pixels into the pairs of samples that are bit for bit the same picture."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def pixel_digest(pixels: npt.NDArray[np.uint8]) -> str:
    """Hexadecimal SHA-256 of decoded pixels (H, W, C) together with their shape.

    The shape goes in first, so a 2x8 picture never equals the 4x4 picture with the same bytes.
    """
    digest = hashlib.sha256(repr((pixels.shape, pixels.dtype.str)).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def exact_copies(byte_digests: Sequence[str], pixel_digests: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, that tie every sample to the first one with the same bytes or the same pixels.

    Each argument has one digest a sample; an empty digest means "unknown" and equals nothing. A set of m
    equal samples gives m - 1 pairs, enough to connect them, so the list stays linear in the samples.
    """
    if len(byte_digests) != len(pixel_digests):
        raise ValueError(f"{len(byte_digests)} byte digests, {len(pixel_digests)} pixel digests")
    pairs = {*_ties_to_first(byte_digests), *_ties_to_first(pixel_digests)}
    return sorted(pairs)


def _ties_to_first(digests: Sequence[str]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    ties = ((first.setdefault(digest, i), i) for i, digest in enumerate(digests) if digest)
    return [(i, j) for i, j in ties if i != j]
