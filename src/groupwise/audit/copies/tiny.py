"""Copies among tiny images: search in every pose, refine, correlate, weigh the crowd.

Few pixels are soon alike, so a correlation says little by itself: two scans of one digit reach 0.99. What
tells a copy is that it is far more alike than its neighbours are (the ratio test of Lowe, IJCV 2004).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from groupwise.audit.copies.align import enlarging
from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.grids import GRID, Laid, Tiny, between_grids, lay, whole
from groupwise.audit.copies.poses import SIDE, Alike, free_poses, rigid_poses, to_grid
from groupwise.audit.copies.score import MIN_OVERLAP
from groupwise.audit.copies.threshold import Threshold, find_threshold
from groupwise.audit.copies.verify import Pair, Photograph
from groupwise.audit.copies.workers import LEAST_FOR_PROCESSES, Apply, applying
from groupwise.stats.arrays import Floats32, Ints, Matrix

Progress = Callable[[int], None]

RIGID_PX = 12
"""Below this side an affine map makes look-alikes equal: only quarter turns, mirrors and shifts count."""

FREE_LINE, RIGID_LINE = (0.905, 0.915), (0.985, 0.988)
"""Where the line may lie for pairs compared freely, and for those with a side below `RIGID_PX`."""

_NEIGHBOURS = 8
_NEGATIVES = 200
_LEAST_TEXTURE = 2.0  # grey values; flatter images are compared by their hashes only
_SPREAD_OF_CROWD = 0.05  # with many copies the neighbours are copies too; a crowd is never taken for closer
_PART = 64  # images that search at once, in one process: what bounds the memory


@dataclass(frozen=True, eq=False)
class _Found:
    """K pairs: who asked (K,), the image that was met (K,), and how the image lies on who asked."""

    query: Ints
    image: Ints
    laid: Laid

    def __getitem__(self, rows: Ints) -> _Found:
        return _Found(self.query[rows], self.image[rows], self.laid[rows])


@dataclass(frozen=True, eq=False)
class _Search:
    """Images, the search for those like a query, and its poses as maps between grids, (P, 2, 3)."""

    images: Tiny
    alike: Alike
    poses: Matrix
    rigid: bool

    def ask(self, queries: Tiny, own: Ints) -> _Found:
        """The images most like each query, laid on it; `own` (Q,) is the query's number there, or -1."""
        met = self.alike.nearest(_small(queries), _NEIGHBOURS + int(own[0] >= 0))
        query, image, pose = met[own[met[:, 0]] != met[:, 1]].T
        laid = lay(queries[query], self.images[image], self.poses[pose], rigid=self.rigid)
        return _Found(query, image, laid)


def find_tiny_copies(
    photographs: Sequence[Photograph],
    numbers: Sequence[int],
    seed: int,
    workers: int,
    progress: Progress,
) -> tuple[list[Pair], list[Threshold]]:
    """Copies among the photographs with these `numbers`, and the lines that they passed.

    `progress` is called with how many of the numbers are settled.
    """
    if not numbers:
        return [], []
    seen = [(to_grid(one.grey, GRID), one.side) for one in map(photographs.__getitem__, numbers)]
    images = Tiny(np.stack([grid for grid, _ in seen]), np.array([side for _, side in seen]))
    live = images.grids.std(axis=(1, 2)) >= _LEAST_TEXTURE
    pairs, lines, settled = [], [], int((~live).sum())
    for rigid in (True, False):
        # Whoever is large enough to be compared freely meets only its like; thumbnails meet by their hashes.
        chosen = np.flatnonzero(live & ((images.sides < RIGID_PX) == rigid))
        if len(chosen) > 1:

            def tell(done: int, before: int = settled) -> None:
                progress(before + done)

            found, scores, null = _scores(images[chosen], rigid, seed, workers, tell)
            line = find_threshold(scores, null, RIGID_LINE if rigid else FREE_LINE)
            lines.append(line)
            for k in np.flatnonzero(scores >= line.score):
                asked, met = numbers[chosen[found.query[k]]], numbers[chosen[found.image[k]]]
                pairs.append(_pair(photographs, (asked, met), found.laid[k : k + 1], float(scores[k])))
        settled += len(chosen)
        progress(settled)
    return pairs, lines


def _scores(
    images: Tiny, rigid: bool, seed: int, workers: int, progress: Progress
) -> tuple[_Found, Matrix, Matrix]:
    """Pairs that met, each once, their scores (K,), and the scores that negatives reach."""
    poses = rigid_poses() if rigid else free_poses()
    search = _Search(images, Alike(_small(images), poses, seed), between_grids(poses), rigid)
    drawn = np.random.default_rng(seed).permutation(len(images))[:_NEGATIVES]
    negatives = Tiny(255 - images.grids[drawn], images.sides[drawn])
    with applying(workers if len(images) >= LEAST_FOR_PROCESSES else 1) as apply:
        found = _each_once(_ask_all(apply, search, images, np.arange(len(images)), progress))
        null = _ask_all(apply, search, negatives, np.full(len(drawn), -1), lambda _: None)
    crowd = _crowd(len(images), found, 0.0 if rigid else _SPREAD_OF_CROWD)
    asked = _Found(drawn[null.query], null.image, null.laid)
    return found, _score(found, crowd), _score(asked, crowd)


def _ask_all(apply: Apply, search: _Search, queries: Tiny, own: Ints, progress: Progress) -> _Found:
    starts = range(0, len(queries), _PART)
    parts = [(search, queries[start : start + _PART], own[start : start + _PART]) for start in starts]
    found = []
    for start, one in zip(starts, apply(_Search.ask, parts), strict=True):
        found.append(_Found(start + one.query, one.image, one.laid))
        progress(min(start + _PART, len(queries)))
    laid = [one.laid for one in found]
    return _Found(
        np.concatenate([one.query for one in found]),
        np.concatenate([one.image for one in found]),
        Laid(
            np.concatenate([one.correlation for one in laid]),
            np.concatenate([one.overlap for one in laid]),
            np.concatenate([one.matrix for one in laid]),
        ),
    )


def _each_once(met: _Found) -> _Found:
    """Pairs that met twice, each from its side, as they correlate more; of each, the lower number asks."""
    matrix = met.laid.matrix.copy()
    turned = met.query > met.image
    for k in np.flatnonzero(turned):
        matrix[k] = cv2.invertAffineTransform(matrix[k])
    query, image = np.minimum(met.query, met.image), np.maximum(met.query, met.image)
    ordered = _Found(query, image, Laid(met.laid.correlation, met.laid.overlap, matrix))
    order = np.lexsort((-met.laid.correlation, image, query))
    again = np.r_[False, (np.diff(query[order]) == 0) & (np.diff(image[order]) == 0)]
    return ordered[order[~again]]


def _crowd(n: int, found: _Found, least: float) -> Matrix:
    """How far the middle of its nearest neighbours is from each image, (n,): 1 less their correlation."""
    one, value = np.r_[found.query, found.image], np.r_[found.laid.correlation, found.laid.correlation]
    value = value[np.lexsort((value, one))]
    count = np.bincount(one, minlength=n)
    end, near = np.cumsum(count), np.minimum(count, _NEIGHBOURS)
    met = near > 0
    low, high = end - near + (near - 1) // 2, end - near + near // 2
    middle = np.zeros(n)
    middle[met] = (value[low[met]] + value[high[met]]) / 2
    return np.clip(1 - middle, max(least, 1e-4), 1)


def _score(found: _Found, crowd: Matrix) -> Matrix:
    """1 for equal pixels; less by what does not correlate, which weighs more in a close crowd."""
    spread = np.minimum(crowd[found.query], crowd[found.image])
    score = np.maximum(-1.0, 1 - (1 - found.laid.correlation) / np.sqrt(spread))
    return np.where(found.laid.overlap < MIN_OVERLAP, -1.0, score)


def _small(images: Tiny) -> Floats32:
    """Images as they come to the search, (N, SIDE, SIDE)."""
    return np.stack([to_grid(one, SIDE) for one in images.grids])


def _pair(photographs: Sequence[Photograph], numbers: tuple[int, int], laid: Laid, score: float) -> Pair:
    """The match in pixels of the working size, where pictures are drawn; of one pair that was `laid`."""
    to_first, to_second = (enlarging((GRID, GRID), photographs[number].grey.shape) for number in numbers)
    matrix = to_first @ whole(laid.matrix[0]) @ np.linalg.inv(to_second)
    value, overlap = float(laid.correlation[0]), float(laid.overlap[0])
    return Pair(*numbers, Evidence(value, value, value, 0.0, overlap, matrix), score)
