"""Tiny images that look alike in some pose: a table of linear maps, searched in cells.

A pose is a turn, a mirror, a zoom and a shift. Sampling the middle of an image in one pose, taking out its
mean and slope and projecting it on a few principal components is linear, so all poses of all images are one
matrix product, and no image is warped.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.cluster import MiniBatchKMeans

from groupwise.stats.arrays import Floats32, Ints, Matrix

SIDE = 16
"""Images come to the search at SIDE x SIDE pixels."""

_RADIUS, _ACROSS = 0.37, 11  # of the disc that is sampled: in sides, in samples
_COMPONENTS, _WHITENING = 32, 0.3
_MOST_WITHOUT_CELLS = 4096
_CHUNK = 64  # images that pose at once: the table of poses is long, and read once a chunk


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


class Alike:
    """Images (N, SIDE, SIDE), searched for those that look like a query in some pose.

    Up to 4,096 images every one is compared, by matrix products; beyond that a query in one pose meets only
    the images of its own cell, of about the root of N cells.
    """

    def __init__(self, images: Floats32, poses: Sequence[Matrix], seed: int) -> None:
        basis = _basis(images, seed)
        self._table = _posing(basis, poses)
        self._poses = len(poses)
        known = _unit(images.reshape(len(images), -1) @ _posing(basis, [np.eye(2, 3)]))
        self._cells = _Cells(known, seed)

    def nearest(self, queries: Floats32, count: int) -> Ints:
        """Rows (query, image, pose): the `count` images most like each query, each in its best pose.

        The pose maps the image onto the query.
        """
        found = [np.zeros((0, 3), np.int64)]
        for start in range(0, len(queries), _CHUNK):
            chunk = queries[start : start + _CHUNK].reshape(-1, SIDE * SIDE)
            posed = _unit((chunk @ self._table).reshape(len(chunk) * self._poses, -1))
            for row, one in enumerate(posed.reshape(len(chunk), self._poses, -1), start):
                image, pose = self._cells.nearest(one, count)
                found.append(np.column_stack([np.full(len(image), row), image, pose]))
        return np.concatenate(found)


class _Cells:
    """Unit vectors (N, D), in k-means cells where they are many."""

    def __init__(self, known: Floats32, seed: int) -> None:
        self._known, self._image = known, np.arange(len(known))
        self._borders = np.array([0, len(known)])
        self._centres: Floats32 | None = None
        if len(known) > _MOST_WITHOUT_CELLS:
            count = int(len(known) ** 0.5)
            model = MiniBatchKMeans(count, batch_size=4096, n_init=1, max_iter=20, random_state=seed)
            model.fit(known)
            self._centres = _unit(np.asarray(model.cluster_centers_, dtype=np.float32))
            # Each image stands in its two nearest cells, because a pose is never quite right.
            cell = np.argsort(-(known @ self._centres.T), axis=1)[:, :2].ravel()
            self._image = np.argsort(cell, kind="stable") // 2
            self._known = known[self._image]
            self._borders = np.searchsorted(np.sort(cell), np.arange(count + 1))

    def nearest(self, rows: Floats32, count: int) -> tuple[Ints, Ints]:
        """The `count` images with the highest cosines to any of the `rows`, best first, and that row."""
        cell = np.zeros(len(rows), int) if self._centres is None else (rows @ self._centres.T).argmax(axis=1)
        parts = [self._in_cell(one, rows, np.flatnonzero(cell == one)) for one in np.unique(cell)]
        image, value, row = (np.concatenate(column) for column in zip(*parts, strict=True))
        best = np.argpartition(-value, 2 * count - 1)[: 2 * count] if 2 * count < len(value) else slice(None)
        image, value, row = image[best], value[best], row[best]
        order = np.argsort(-value, kind="stable")
        order = order[value[order] > 0]
        # Who stands in two cells may have been met twice.
        _, first = np.unique(image[order], return_index=True)
        order = order[np.sort(first)[:count]]
        return image[order], row[order]

    def _in_cell(self, cell: int, rows: Floats32, asked: Ints) -> tuple[Ints, Floats32, Ints]:
        """The images of a cell, each with its highest cosine to the rows `asked`, and that row."""
        inside = slice(self._borders[cell], self._borders[cell + 1])
        # One row an image: along a row numpy finds the largest seven times as fast as along a column.
        cosine = self._known[inside] @ rows[asked].T
        first = cosine.argmax(axis=1)
        return self._image[inside], cosine[np.arange(len(first)), first], asked[first]


def _disc() -> tuple[Floats32, Floats32, Floats32]:
    """Sample places (P, 3), homogeneous, the roots of their weights (P,), and a plane there (P, 3)."""
    line = np.linspace(-_RADIUS, _RADIUS, _ACROSS)
    x, y = (axis.ravel() for axis in np.meshgrid(line, line))
    inside = np.hypot(x, y) <= 1.03 * _RADIUS
    x, y = x[inside], y[inside]
    weight = np.exp(-(x**2 + y**2) / (2 * (0.7 * _RADIUS) ** 2))
    places = np.column_stack([x, y, np.ones(len(x))]).astype(np.float32)
    root = np.sqrt(weight.astype(np.float32))
    return places, root, np.linalg.qr(root[:, None] * places)[0]


def _posing(basis: Floats32 | None, poses: Sequence[Matrix]) -> Floats32:
    """The linear maps from pixels to components in each of Q poses, (SIDE * SIDE, Q * D), side by side.

    A component of `basis` (D, P) is of weighted samples without mean and slope; without a basis, each sample
    is one.
    """
    places, root, plane = _disc()
    basis = np.eye(len(places), dtype=np.float32) if basis is None else basis
    at = np.clip((places @ np.stack(poses).swapaxes(1, 2)) * SIDE + (SIDE - 1) / 2, 0, SIDE - 1.001)
    corner = np.floor(at).astype(int)
    x, y = np.moveaxis(at - corner, -1, 0)  # (Q, P)
    pixel = corner @ np.array([1, SIDE])
    values = np.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y]) * root
    pixels = pixel + np.array([0, 1, SIDE, SIDE + 1])[:, None, None]
    row = pixels * len(poses) + np.arange(len(poses))[:, None]
    column = np.broadcast_to(np.arange(len(places)), row.shape)
    shape = SIDE**2 * len(poses), len(places)
    # Few pixels make a sample: all poses at once take a fifth of the time of one dense matrix a pose.
    sampled = csr_array((values.ravel().astype(np.float32), (row.ravel(), column.ravel())), shape)
    level = basis - basis @ plane @ plane.T
    return np.asarray(sampled @ level.T, dtype=np.float32).reshape(SIDE**2, -1)


def _basis(images: Floats32, seed: int) -> Floats32:
    """Principal components of the samples, (D, P), the strong ones damped as they tell least."""
    drawn = np.random.default_rng(seed).permutation(len(images))[:3000]
    samples = _unit(images[drawn].reshape(len(drawn), -1) @ _posing(None, [np.eye(2, 3)]))
    _, spread, components = np.linalg.svd(samples, full_matrices=False)
    kept = int((spread[:_COMPONENTS] > 1e-3 * spread[0]).sum())
    damped = components[:kept] * (spread[:kept, None] / spread[0]) ** -_WHITENING
    return np.asarray(damped, dtype=np.float32)


def _unit(rows: Floats32) -> Floats32:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6))


def to_grid(grey: npt.NDArray[np.uint8] | Floats32, side: int) -> Floats32:
    """A grey image stretched to (side, side)."""
    return np.asarray(cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA), dtype=np.float32)
