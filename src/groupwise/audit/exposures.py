"""What joined files show: copies of one exposure, or shots of one scene that agree as copies do.

Two shots of a subject that does not move agree in every shape and differ in the grain: the noise of the
sensor is drawn anew by each exposure, and a copy keeps it (Lukas, Fridrich, Goljan, "Digital camera
identification from sensor pattern noise", 2006, look at the same residual). So the finest detail of the
flattest places decides, at the size of the files. Where it was blurred or compressed away, a picture that
was turned, mirrored, sheared or enlarged is still a copy, for nobody aims so twice; of one that stands as it
stood nothing is proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.align import enlarging
from groupwise.audit.copies.verify import Pair
from groupwise.audit.copies.views import overlap_in_part
from groupwise.audit.copies.workers import one_thread_a_worker
from groupwise.stats.arrays import Floats32, Matrix, Pixels

Load = Callable[[int], Pixels]

Shown = Literal["copies", "shots", "alike", "views"]
"""`copies`: of one exposure, proven; `shots`: taken at different times; `alike`: one or the other; `views`:
parts of one scene that overlap from each to the next."""

SAME_GRAIN = 0.93
"""Correlation of the finest detail of one exposure; of shots of one part under one lamp 0.66 to 0.92."""

MAX_PAIRS, PAIRS_A_CLUSTER = 60, 2
MOSTLY = 0.5
"""Share of the clusters looked at closely that must be copies for the others to be called so."""

STILL = 0.2
"""How far from the identity the linear part of a map may be that a second shot has, aimed a little off."""

_SIDE_PX = 384  # of the part that is looked at
_CELL = 16
_LEAST_CELLS = 6
_LIVE = 0.15  # variance of the finest detail, in grey values squared; below it a compression took it away
_STEPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-5)


@dataclass(frozen=True)
class Exposures:
    """What each cluster that was looked at closely shows, by its number."""

    shown: Mapping[int, Shown]

    @property
    def counts(self) -> dict[str, int]:
        """How many clusters show what."""
        return dict(Counter(self.shown.values()))

    @property
    def mostly_copies(self) -> bool:
        """Whether the sets of a data set may be called copies of one photograph."""
        copies = sum(one == "copies" for one in self.shown.values())
        return copies >= MOSTLY * len(self.shown)

    def of(self, cluster: int) -> Shown:
        """What a cluster shows; of one that was not looked at, what nearly all others do."""
        return self.shown.get(cluster, "copies" if self.mostly_copies else "alike")


def look_closely(
    groups: Sequence[Sequence[int]],
    numbers: Sequence[int],
    pairs: Sequence[Pair],
    taken: Sequence[datetime | None],
    grey: Load,
    sizes: Sequence[tuple[int, ...]],
    *,
    workers: int,
) -> Exposures:
    """What the clusters with these `numbers` show, each a group of samples, the first ones looked at first.

    `taken` is when each sample was exposed, `grey` its picture (H, W) in full, and `sizes` those (h, w) of
    the working pictures that the matrices of `pairs` belong to.
    """
    cluster_of = {i: number for number, group in zip(numbers, groups, strict=True) for i in group}
    known: dict[int, list[Pair]] = {number: [] for number in numbers}
    for pair in pairs:
        number = cluster_of.get(pair.first)
        if number is not None and number == cluster_of.get(pair.second):
            known[number].append(pair)
    shown: dict[int, Shown] = {}
    looked: list[tuple[int, Pair]] = []
    for number, group in zip(numbers, groups, strict=True):
        # Where the least sure are of one exposure, so are the others.
        least_sure = sorted(known[number], key=lambda pair: pair.score)[:PAIRS_A_CLUSTER]
        if overlap_in_part(group, known[number], sizes):
            shown[number] = "views"
        elif len({taken[i] for i in group} - {None}) > 1:
            shown[number] = "shots"
        elif not least_sure:
            shown[number] = "copies"  # of equal content, which needs no pair
        elif len(looked) + len(least_sure) <= MAX_PAIRS:
            looked += [(number, pair) for pair in least_sure]

    def agrees(item: tuple[int, Pair]) -> bool:
        pair = item[1]
        working = sizes[pair.first], sizes[pair.second]
        if not _stands_still(pair.evidence.matrix, *working):
            return True
        first, second = grey(pair.first), grey(pair.second)
        affine = _affine(pair.evidence.matrix, working[1])
        matrix = _in_full(affine, first.shape, second.shape, *working)
        return correlate_grain(first, second, matrix) >= SAME_GRAIN

    with one_thread_a_worker(), ThreadPoolExecutor(workers) as pool:
        for (number, _), same in zip(looked, pool.map(agrees, looked), strict=True):
            shown[number] = "copies" if same and shown.get(number, "copies") == "copies" else "alike"
    return Exposures(shown)


def _stands_still(matrix: Matrix, first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Whether a map (3, 3) between working pictures of sizes (h, w) hardly turns, shears, mirrors, enlarges.

    Nor tilts: in the corners it is the affine map of the middle.
    """
    # A working picture keeps its aspect, so a crop to another aspect is scaled along with it.
    area = (first[0] * first[1] / (second[0] * second[1])) ** 0.5
    affine = _affine(matrix, second)
    corners = np.array([[x, y, 1] for y in (0, second[0]) for x in (0, second[1])], dtype=np.float64)
    there = corners @ matrix.T
    tilt = np.abs(there[:, :2] / there[:, 2:] - corners @ affine.T).max() / max(first)
    return bool(max(np.abs(affine[:, :2] / area - np.eye(2)).max(), tilt) <= STILL)


def _affine(matrix: Matrix, size: tuple[int, ...]) -> Matrix:
    """The affine map (2, 3) that a projective one (3, 3) is in the middle of a picture of `size` (h, w)."""
    middle = np.array([size[1] / 2, size[0] / 2])
    x, y, w = matrix @ [*middle, 1]
    image = np.array([x, y]) / w
    linear = (matrix[:2, :2] - np.outer(image, matrix[2, :2])) / w
    return np.column_stack([linear, image - linear @ middle])


def correlate_grain(first: Pixels, second: Pixels, matrix: Matrix) -> float:
    """Correlation of the finest detail of two grey pictures (H, W), -1 to 1, in the flatter half of places.

    `matrix` (2, 3) maps the second's pixels onto the first's and is refined here. 0 where the files hold too
    little detail of that size to tell.
    """
    if abs(np.linalg.det(matrix[:, :2])) > 1:  # the coarser picture is the frame, so that none is enlarged
        first, second, matrix = second, first, cv2.invertAffineTransform(matrix)
    first, matrix = _middle(first, second.shape, matrix)
    shrunk = float(abs(np.linalg.det(matrix[:, :2]))) ** 0.5
    if shrunk < 0.7:
        second = cv2.GaussianBlur(second, (0, 0), 0.5 / max(shrunk, 0.05))
    matrix = _refined(first, second, matrix)
    size = first.shape[::-1]
    frame = cv2.warpAffine(np.ones(second.shape, np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    covered = _cells(cv2.erode(frame, np.ones((7, 7), np.uint8), borderValue=0)).all(axis=1)
    warped = cv2.warpAffine(second.astype(np.float32), matrix, size, flags=cv2.INTER_CUBIC)
    picture = first.astype(np.float32)
    ours, theirs = (_cells(one - cv2.GaussianBlur(one, (0, 0), 1.0))[covered] for one in (picture, warped))
    shapes = _cells(cv2.GaussianBlur(picture, (0, 0), 1.5) - cv2.GaussianBlur(picture, (0, 0), 6))[covered]
    live = (ours.var(axis=1) > _LIVE) & (theirs.var(axis=1) > _LIVE)
    if live.sum() < _LEAST_CELLS:
        return 0.0
    texture = shapes[live].std(axis=1)
    return float(np.median(_correlations(ours[live], theirs[live])[texture <= np.median(texture)]))


def _middle(first: Pixels, other: tuple[int, ...], matrix: Matrix) -> tuple[Pixels, Matrix]:
    """A part of the first around the middle of what both cover, and the map onto it."""
    height, width = other[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ matrix.T
    low, high = np.maximum(corners.min(axis=0), 0), np.minimum(corners.max(axis=0), first.shape[::-1])
    left, top = (int(max(0, value)) for value in ((low + high) / 2 - _SIDE_PX / 2).round())
    moved = matrix - np.array([[0, 0, left], [0, 0, top]])
    return np.ascontiguousarray(first[top : top + _SIDE_PX, left : left + _SIDE_PX]), moved


def _refined(first: Pixels, second: Pixels, matrix: Matrix) -> Matrix:
    """`matrix` refined by enhanced correlation (Evangelidis, Psarakis, PAMI 2008), unless that fails."""
    start = cv2.invertAffineTransform(matrix).astype(np.float32)
    whole = np.full(second.shape, 255, np.uint8)
    try:
        _, found = cv2.findTransformECC(first, second, start, cv2.MOTION_AFFINE, _STEPS, whole, 3)
    except cv2.error:
        return matrix
    return np.asarray(cv2.invertAffineTransform(found), dtype=np.float64)


def _in_full(
    matrix: Matrix,
    first: tuple[int, ...],
    second: tuple[int, ...],
    first_working: tuple[int, ...],
    second_working: tuple[int, ...],
) -> Matrix:
    """The map between pictures of full size, from that between working sizes, each (h, w)."""
    to_first, to_second = enlarging(first_working, first), enlarging(second_working, second)
    return np.asarray((to_first @ np.vstack([matrix, [0, 0, 1]]) @ np.linalg.inv(to_second))[:2])


def _cells(image: npt.NDArray[np.generic]) -> Floats32:
    """The square cells of an image, (K, `_CELL` ** 2); what is left over at two sides is dropped."""
    rows, columns = image.shape[0] // _CELL, image.shape[1] // _CELL
    whole = image[: rows * _CELL, : columns * _CELL].astype(np.float32)
    return whole.reshape(rows, _CELL, columns, _CELL).swapaxes(1, 2).reshape(-1, _CELL**2)


def _correlations(ours: Floats32, theirs: Floats32) -> Floats32:
    ours, theirs = (one - one.mean(axis=1, keepdims=True) for one in (ours, theirs))
    length = np.sqrt((ours**2).sum(axis=1) * (theirs**2).sum(axis=1))
    return np.asarray((ours * theirs).sum(axis=1) / np.maximum(length, 1e-6), dtype=np.float32)
