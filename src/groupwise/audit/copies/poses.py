"""Tiny images that look alike in some pose: a table of linear maps, searched in cells.

A pose is a turn, a mirror, a zoom and a shift. Sampling the middle of an image in one pose, taking out its
mean and slope and projecting it on a few principal components is linear, so all poses of all images are one
matrix product, and no image is warped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

FloatArray = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

SIDE = 16
"""Images come to the search at SIDE x SIDE pixels."""

_RADIUS, _ACROSS = 0.37, 11  # of the disc that is sampled: in sides, in samples
_COMPONENTS, _WHITENING = 32, 0.3
_MOST_WITHOUT_CELLS = 4096
_CHUNK = 8  # images whose poses are compared at once, which bounds the memory


def free_poses() -> list[Matrix]:
    """Turns by 15 degrees, mirrored or not, at two zooms and nine shifts; upright ones with wider shifts."""
    return [*_poses(24, (1.0, 1.25), 0.12, 1), *_poses(4, (1.0,), 0.11, 2)]


def rigid_poses() -> list[Matrix]:
    """The eight orientations of the square, shifted by at most an eighth of the side."""
    return _poses(4, (1.0,), 0.125, 1)


def _poses(turns: int, zooms: tuple[float, ...], step: float, steps: int) -> list[Matrix]:
    """Maps (2, 3) between frames whose centre is 0 and whose side is 1."""
    shifts = np.arange(-steps, steps + 1) * step
    found = []
    for sign, turn, zoom, x, y in product((1.0, -1.0), range(turns), zooms, shifts, shifts):
        angle = 2 * np.pi * turn / turns
        turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found.append(np.column_stack([turned @ np.diag([sign, 1.0]) / zoom, [x, y]]))
    return found


def find_alike(
    images: FloatArray, queries: FloatArray, poses: list[Matrix], count: int, *, seed: int
) -> Iterator[tuple[int, int, int]]:
    """Triples (query, image, pose): the `count` images (N, SIDE, SIDE) most like each query in its best pose.

    The pose maps the image onto the query. Up to 4,096 images every one is compared, by matrix products;
    beyond that a query in one pose meets only the images of its own cell, of about the root of N cells.
    """
    basis = _basis(images, seed)
    known = _unit(images.reshape(len(images), -1) @ (basis @ _sampler(np.eye(2, 3))).T)
    table = np.concatenate([basis @ _sampler(pose) for pose in poses])
    cells = _Cells(known, seed)
    for start in range(0, len(queries), _CHUNK):
        chunk = queries[start : start + _CHUNK].reshape(-1, SIDE * SIDE)
        posed = _unit((chunk @ table.T).reshape(len(chunk) * len(poses), -1))
        for row, (score, pose) in enumerate(cells.best(posed, len(poses))):
            nearest = (
                np.argpartition(-score, count - 1)[:count] if count < len(score) else np.arange(len(score))
            )
            ordered = nearest[np.argsort(-score[nearest], kind="stable")]
            yield from ((start + row, int(k), int(pose[k])) for k in ordered if score[k] > 0)


class _Cells:
    """Unit vectors (N, D), in k-means cells where they are many."""

    def __init__(self, known: FloatArray, seed: int) -> None:
        self._known = known
        self._members = [np.arange(len(known))]
        self._centres: FloatArray | None = None
        if len(known) > _MOST_WITHOUT_CELLS:
            count = int(len(known) ** 0.5)
            model = MiniBatchKMeans(count, batch_size=4096, n_init=1, max_iter=20, random_state=seed)
            model.fit(known)
            self._centres = _unit(np.asarray(model.cluster_centers_, dtype=np.float32))
            # Each image stands in its two nearest cells, because a pose is never quite right.
            nearest = np.argsort(-(known @ self._centres.T), axis=1)[:, :2]
            self._members = [np.flatnonzero((nearest == cell).any(axis=1)) for cell in range(count)]

    def best(self, posed: FloatArray, poses: int) -> Iterator[tuple[FloatArray, npt.NDArray[np.int64]]]:
        """Of each query, given as `poses` rows: every image's best cosine and the pose that reaches it."""
        for rows in posed.reshape(-1, poses, posed.shape[1]):
            if self._centres is None:
                cosine = rows @ self._known.T
                pose = cosine.argmax(axis=0)
                yield cosine[pose, np.arange(len(self._known))], pose
            else:
                yield self._best_in_cells(rows, (rows @ self._centres.T).argmax(axis=1))

    def _best_in_cells(
        self, rows: FloatArray, cell: npt.NDArray[np.int64]
    ) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        score = np.full(len(self._known), -1, np.float32)
        pose = np.zeros(len(self._known), np.int64)
        for one in np.unique(cell):
            asked, members = np.flatnonzero(cell == one), self._members[one]
            if not len(members):
                continue
            cosine = rows[asked] @ self._known[members].T
            first = cosine.argmax(axis=0)
            value = cosine[first, np.arange(len(members))]
            better = value > score[members]
            score[members[better]] = value[better]
            pose[members[better]] = asked[first[better]]
        return score, pose


@cache  # asked for once a pose
def _disc() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sample places (P, 3), homogeneous, the roots of their weights (P, 1), and a plane there (P, 3)."""
    line = np.linspace(-_RADIUS, _RADIUS, _ACROSS)
    x, y = (axis.ravel() for axis in np.meshgrid(line, line))
    inside = np.hypot(x, y) <= 1.03 * _RADIUS
    x, y = x[inside], y[inside]
    weight = np.exp(-(x**2 + y**2) / (2 * (0.7 * _RADIUS) ** 2))
    places = np.column_stack([x, y, np.ones(len(x))]).astype(np.float32)
    root = np.sqrt(weight.astype(np.float32))[:, None]
    return places, root, np.linalg.qr(root * places)[0]


def _sampler(pose: Matrix) -> FloatArray:
    """The linear map (P, SIDE * SIDE) from pixels to weighted samples in `pose`, without mean and slope."""
    places, root, plane = _disc()
    at = np.clip((places @ pose.T) * SIDE + (SIDE - 1) / 2, 0, SIDE - 1.001)
    whole = np.floor(at).astype(int)
    share = at - whole
    sample = np.zeros((len(places), SIDE * SIDE))
    for right, down in product((0, 1), (0, 1)):
        part = np.abs(1 - right - share[:, 0]) * np.abs(1 - down - share[:, 1])
        sample[np.arange(len(places)), (whole[:, 1] + down) * SIDE + whole[:, 0] + right] += part
    sample *= root
    return np.asarray(sample - plane @ (plane.T @ sample), dtype=np.float32)


def _basis(images: FloatArray, seed: int) -> FloatArray:
    """Principal components of the samples, (D, P), the strong ones damped as they tell least."""
    drawn = np.random.default_rng(seed).permutation(len(images))[:3000]
    samples = _unit(images[drawn].reshape(len(drawn), -1) @ _sampler(np.eye(2, 3)).T)
    _, spread, components = np.linalg.svd(samples, full_matrices=False)
    kept = int((spread[:_COMPONENTS] > 1e-3 * spread[0]).sum())
    damped = components[:kept] * (spread[:kept, None] / spread[0]) ** -_WHITENING
    return np.asarray(damped, dtype=np.float32)


def _unit(rows: FloatArray) -> FloatArray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6))


def to_grid(grey: npt.NDArray[np.uint8] | FloatArray, side: int) -> FloatArray:
    """A grey image stretched to (side, side)."""
    return np.asarray(cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA), dtype=np.float32)
