"""Photographs in files that are mapped: memory holds none twice, and processes read them where they lie."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import overload

import numpy as np

from groupwise.audit.copies.packed import PARTS, Array, PackedPhotograph, PackedPhotographs
from groupwise.audit.copies.verify import Photograph
from groupwise.errors import GroupwiseError


def pack_in_files(photographs: Iterable[Photograph]) -> Sequence[Photograph]:
    """The photographs, one by one written into files of a temporary folder, as views of these files.

    Raises `GroupwiseError` where they find no room.
    """
    with _room():
        folder = TemporaryDirectory(prefix="groupwise-", ignore_cleanup_errors=True)
    try:
        last = _write(photographs, Path(folder.name))
    except BaseException:  # whoever holds the error would hold the files
        folder.cleanup()
        raise
    if last is None:
        return []
    arrays = {name: _mapped(Path(folder.name, name), part(last)) for name, part in PARTS.items()}
    return PackedPhotographs(arrays, folder)


def _write(photographs: Iterable[Photograph], folder: Path) -> Photograph | None:
    """Each part of all of them into a file of its own; the last of them."""
    last = None
    with ExitStack() as open_files:
        with _room():
            files = {name: open_files.enter_context(Path(folder, name).open("wb")) for name in PARTS}
        for last in photographs:  # reading them may fail in its own ways
            with _room():
                for name, part in PARTS.items():
                    files[name].write(np.ascontiguousarray(part(last)).data)
        with _room():
            for file in files.values():
                file.flush()
    return last


@contextmanager
def _room() -> Iterator[None]:
    """Say what to do where no file can be written."""
    try:
        yield
    except OSError as error:
        raise GroupwiseError(
            f"the pictures could not be kept for the search: {error.strerror}",
            place=tempfile.tempdir or "temporary folder",
            remedy="They take some 40 kB each. Make room there, or name another folder in TMPDIR.",
        ) from error


def _mapped(file: Path, like: Array) -> Array:
    """The file as an array of the kind and, but for its length, of the shape of `like`."""
    if not file.stat().st_size:  # nothing can be mapped
        return np.zeros((0, *like.shape[1:]), like.dtype)
    return np.memmap(file, like.dtype, mode="r").reshape(-1, *like.shape[1:])


class Together(Sequence[Photograph]):
    """Photographs to show to other processes: those in files where they lie, the others packed."""

    def __init__(self, photographs: Sequence[Photograph]) -> None:
        packs: dict[int, PackedPhotographs] = {}
        loose: list[Photograph] = []
        places = []
        for one in photographs:
            if isinstance(one, PackedPhotograph) and one.pack.folder is not None:
                packs[id(one.pack)] = one.pack
                places.append((id(one.pack), one.row))
            else:
                places.append((0, len(loose)))
                loose.append(one)
        numbers = {name: number for number, name in enumerate(packs)} | {0: len(packs)}
        self._packs = [*packs.values(), *([PackedPhotographs.of(loose)] if loose else [])]
        self._places = np.array([(numbers[name], row) for name, row in places], np.int32).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Photograph: ...
    @overload
    def __getitem__(self, place: slice) -> list[Photograph]: ...
    def __getitem__(self, place: int | slice) -> Photograph | list[Photograph]:
        """One photograph, or those of a slice."""
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(len(self)))]
        pack, row = self._places[place]
        return self._packs[int(pack)][int(row)]
