"""Photographs as a few long arrays: to keep in a file, and to show to other processes uncopied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.features import Features
from groupwise.audit.copies.verify import Photograph

Array = npt.NDArray[Any]

PARTS: Mapping[str, Callable[[Photograph], Array]] = {
    "grey": lambda one: one.grey.ravel(),
    "shape": lambda one: np.array([one.grey.shape], np.int64),
    "points": lambda one: one.features.points,
    "count": lambda one: np.array([len(one.features.points)], np.int64),
    "descriptors": lambda one: one.features.descriptors,
    "hashes": lambda one: one.hashes[None],
    "enlarged": lambda one: np.array([one.enlarged]),
}
"""What each array holds of one photograph."""

ARRAYS = tuple(PARTS)


class PackedPhotographs(Sequence[Photograph]):
    """N photographs in seven `arrays`, of which each photograph is a view.

    `grey` (P,) uint8: the pixels of all, with `shape` (N, 2); `points` (K, 4) and `descriptors` (K, 128) of
    all, of which `count` (N,) belong to each; `hashes` (N, 8); `enlarged` (N,).
    """

    def __init__(self, arrays: Mapping[str, Array], folder: TemporaryDirectory[str] | None = None) -> None:
        self.arrays = dict(arrays)
        self.folder = folder  # of the files that the arrays map, if they do; it goes when nothing needs it
        self._pixels = np.append(0, np.cumsum(self.arrays["shape"].prod(axis=1)))
        self._rows = np.append(0, np.cumsum(self.arrays["count"]))

    def __reduce__(self) -> tuple[type[PackedPhotographs], tuple[Mapping[str, Array]]]:
        return PackedPhotographs, (self.arrays,)  # another process maps the files, and does not own them

    @classmethod
    def of(cls, photographs: Sequence[Photograph]) -> PackedPhotographs:
        """At least one photograph, packed."""
        return cls(
            {
                name: np.ascontiguousarray(np.concatenate(list(map(part, photographs))))
                for name, part in PARTS.items()
            }
        )

    def __len__(self) -> int:
        return len(self.arrays["shape"])

    @overload
    def __getitem__(self, place: int) -> PackedPhotograph: ...
    @overload
    def __getitem__(self, place: slice) -> list[PackedPhotograph]: ...
    def __getitem__(self, place: int | slice) -> PackedPhotograph | list[PackedPhotograph]:
        """One photograph, or those of a slice."""
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(len(self)))]
        k = range(len(self))[place]
        held, rows = self.arrays, slice(self._rows[k], self._rows[k + 1])
        grey = held["grey"][self._pixels[k] : self._pixels[k + 1]].reshape(held["shape"][k])
        features = Features(held["points"][rows], held["descriptors"][rows])
        return PackedPhotograph(grey, float(held["enlarged"][k]), held["hashes"][k], features, self, k)


@dataclass(frozen=True, eq=False)
class PackedPhotograph(Photograph):
    """A view of one photograph of a pack, and where it lies."""

    pack: PackedPhotographs
    row: int
