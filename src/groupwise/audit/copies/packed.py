"""Photographs as a few long arrays: to keep in a file, and to show to other processes uncopied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.features import Features
from groupwise.audit.copies.verify import Photograph

ARRAYS = ("grey", "shape", "points", "count", "descriptors", "hashes", "enlarged")


class PackedPhotographs(Sequence[Photograph]):
    """N photographs in seven `arrays`, of which each photograph is a view.

    `grey` (P,) uint8: the pixels of all, with `shape` (N, 2); `points` (K, 4) and `descriptors` (K, 128) of
    all, of which `count` (N,) belong to each; `hashes` (N, 8); `enlarged` (N,).
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.arrays = dict(arrays)
        self._pixels = np.cumsum([0, *arrays["shape"].prod(axis=1)])
        self._rows = np.cumsum([0, *arrays["count"]])

    @classmethod
    def of(cls, photographs: Sequence[Photograph]) -> PackedPhotographs:
        """At least one photograph, packed."""
        features = [one.features for one in photographs]
        arrays = (
            np.concatenate([one.grey.ravel() for one in photographs]),
            np.array([one.grey.shape for one in photographs], np.int64),
            np.concatenate([one.points for one in features]),
            np.array([len(one.points) for one in features], np.int64),
            np.concatenate([one.descriptors for one in features]),
            np.stack([one.hashes for one in photographs]),
            np.array([one.enlarged for one in photographs]),
        )
        return cls(dict(zip(ARRAYS, map(np.ascontiguousarray, arrays), strict=True)))

    def __len__(self) -> int:
        return len(self.arrays["shape"])

    @overload
    def __getitem__(self, place: int) -> Photograph: ...
    @overload
    def __getitem__(self, place: slice) -> list[Photograph]: ...
    def __getitem__(self, place: int | slice) -> Photograph | list[Photograph]:
        """One photograph, or those of a slice."""
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(len(self)))]
        k = range(len(self))[place]
        held, rows = self.arrays, slice(self._rows[k], self._rows[k + 1])
        grey = held["grey"][self._pixels[k] : self._pixels[k + 1]].reshape(held["shape"][k])
        features = Features(held["points"][rows], held["descriptors"][rows])
        return Photograph(grey, float(held["enlarged"][k]), held["hashes"][k], features)
