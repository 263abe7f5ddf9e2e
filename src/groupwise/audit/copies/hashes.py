"""Perceptual hashes of 63 bits, digests of exact pixels, and the candidate pairs of both.

The bits are the signs of the lowest DCT coefficients (Zauner, "Implementation and benchmarking of
perceptual image hash functions", 2010). A turn or a mirror only transposes coefficients or flips their
signs, so one transform gives the hashes of all eight orientations. Norouzi et al., "Fast exact search in
Hamming space with multi-index hashing", PAMI 2014, finds near hashes without comparing all pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.clusters import cluster_ids
from groupwise.stats.arrays import Floats, Floats32, Pixels

Hashes = npt.NDArray[np.uint64]

RADIUS = 6
"""Largest Hamming distance that the search is sure to find; it takes one band more than this."""

_SIDE = 8
_BANDS = tuple(np.array_split(np.arange(63), RADIUS + 1))
_MAX_BUCKET = 64


def dihedral_hashes(grey: Pixels) -> Hashes:
    """Hashes (8,) of a grey image in the eight orientations of the square; entry 0 is the image as it stands.

    The bits of an orientation's number say what it does: transpose (4), then mirror in x (2) and in y (1).
    """
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_SIDE, :_SIDE]
    odd = np.where(np.arange(_SIDE) % 2, -1.0, 1.0)
    return np.array([_bits(_turned(low, odd, number)) for number in range(8)], dtype=np.uint64)


def _turned(low: Floats32, odd: Floats, number: int) -> Floats:
    transpose, flip_x, flip_y = number & 4, number & 2, number & 1
    block = (low.T if transpose else low).astype(float)
    block = block * odd if flip_x else block
    return block * odd[:, None] if flip_y else block


def orient_matrix(number: int, shape: tuple[int, int]) -> Floats:
    """Affine map (2, 3) of pixel centres that brings an image of `shape` (h, w) into an orientation.

    Numbers are those of `dihedral_hashes`.
    """
    matrix = np.array([[0.0, 1, 0], [1, 0, 0]]) if number & 4 else np.array([[1.0, 0, 0], [0, 1, 0]])
    height, width = shape[::-1] if number & 4 else shape
    if number & 2:
        matrix[0] = -matrix[0] + [0, 0, width - 1]
    if number & 1:
        matrix[1] = -matrix[1] + [0, 0, height - 1]
    return matrix


def _bits(block: Floats) -> int:
    return int("".join("1" if value > 0 else "0" for value in block.ravel()[1:]), 2)


def near_hashes(hashes: Hashes) -> list[tuple[int, int, int]]:
    """Triples (i, j, orientation), i < j, where j turned by `orientation` is within `RADIUS` of i, in order.

    `hashes` is (N, 8) from `dihedral_hashes`. In a bucket of more than 64 equal bands (blank or look-alike
    pictures) everyone meets only the first eight, which still ties equal hashes together and keeps the work
    linear in N.
    """
    found: set[tuple[int, int, int]] = set()
    for number, band in ((number, band) for band in _BANDS for number in range(8)):
        mask = np.uint64(sum(1 << int(bit) for bit in band))
        turned, plain = _collisions(hashes[:, number] & mask, hashes[:, 0] & mask)
        near = np.bitwise_count(hashes[turned, number] ^ hashes[plain, 0]) <= RADIUS
        found.update(
            (j, i, number) if i > j else (i, j, INVERSE[number])
            for i, j in zip(turned[near].tolist(), plain[near].tolist(), strict=True)
        )
    return sorted(found)


INVERSE = (0, 1, 2, 3, 4, 6, 5, 7)
"""The orientation that undoes each; only the two quarter turns are not their own way back."""


def _collisions(turned: Hashes, plain: Hashes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Places in both, not the same, where the values are equal."""
    order = np.argsort(plain, kind="stable")
    ordered = plain[order]
    first, last = (np.searchsorted(ordered, turned, side) for side in ("left", "right"))
    count = np.where(last - first <= _MAX_BUCKET, last - first, 8)
    mine = np.repeat(np.arange(len(turned)), count)
    within = np.arange(len(mine)) - np.repeat(np.cumsum(count) - count, count)
    other = order[first[mine] + within]
    return mine[mine != other], other[mine != other]


def pixel_digest(pixels: npt.NDArray[np.uint8]) -> str:
    """Hexadecimal SHA-256 of decoded pixels (H, W, C) together with their shape.

    The shape goes in first, so a 2x8 picture never equals the 4x4 picture with the same bytes.
    """
    digest = hashlib.sha256(repr((pixels.shape, pixels.dtype.str)).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def exact_copies(byte_digests: Sequence[str], pixel_digests: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, that tie every sample to the first one that it is equal to.

    Equal are those of the same bytes or the same pixels, and those that are equal to one and the same. Each
    argument has one digest a sample; an empty digest means "unknown" and equals nothing. A set of m equal
    samples gives m - 1 pairs, enough to connect them, so the list stays linear in the samples.
    """
    if len(byte_digests) != len(pixel_digests):
        raise ValueError(f"{len(byte_digests)} byte digests, {len(pixel_digests)} pixel digests")
    ties = [*_ties_to_first(byte_digests), *_ties_to_first(pixel_digests)]
    numbers = cluster_ids(len(byte_digests), ties).tolist()
    return sorted(_ties_to_first(numbers))


def _ties_to_first(values: Sequence[Hashable]) -> list[tuple[int, int]]:
    first: dict[Hashable, int] = {}
    ties = ((first.setdefault(value, i), i) for i, value in enumerate(values) if value != "")
    return [(i, j) for i, j in ties if i != j]
