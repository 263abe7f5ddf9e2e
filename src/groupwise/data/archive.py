"""Files within zip and tar archives, read in place: a path leads through an archive as through a folder."""

from __future__ import annotations

import errno
import os
import tarfile
import threading
import zipfile
from functools import lru_cache
from pathlib import Path

from groupwise.errors import GroupwiseError

READ_IN_PLACE = ZIP, TAR = ".zip", ".tar"
_PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".7z", ".rar", ".gz")


def is_archive(path: Path) -> bool:
    """Whether a path is a file that can be read as a folder; raises `GroupwiseError` for one that cannot be.

    A compressed tar can only be read from its beginning, so it has to be unpacked.
    """
    name = path.name.lower()
    if name.endswith(_PACKED) and path.is_file():
        raise GroupwiseError(
            "an archive whose images cannot be read one by one",
            place=path,
            remedy="Unpack it, or pack it as .zip or .tar, which are read in place.",
        )
    return name.endswith(READ_IN_PLACE) and path.is_file()


def images_root(data: Path | None) -> Path | None:
    """Where images lie that are given as DATA: beside a table, or in a folder or an archive."""
    return data.parent if data is not None and data.is_file() and not is_archive(data) else data


def list_members(archive: Path) -> list[str]:
    """The names of the files in an archive, as they stand there."""
    return list(_open(archive).sizes)


def read_file(path: Path) -> bytes:
    """The content of a file that lies in a folder or in an archive; raises `OSError`."""
    try:
        return path.read_bytes()
    except NotADirectoryError:
        archive, name = _take_apart(path)
        return _open(archive).read(name)


def size_in_archive(path: Path) -> int:
    """The size that an archive declares of a file in it; raises `OSError`."""
    archive, name = _take_apart(path)
    return _open(archive).sizes[name]


def _take_apart(path: Path) -> tuple[Path, str]:
    archive = next((parent for parent in path.parents if parent.is_file()), None)
    if archive is None or not archive.name.lower().endswith(READ_IN_PLACE):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    name = path.relative_to(archive).as_posix()
    if name not in _open(archive).sizes:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return archive, name


def _open(archive: Path) -> _Zip | _Tar:
    status = archive.stat()
    try:
        return _opened(archive, status.st_mtime_ns, status.st_size)
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise GroupwiseError(
            f"not a readable archive ({error})", place=archive, remedy="Download or pack it again."
        ) from None


@lru_cache(maxsize=32)
def _opened(archive: Path, changed_ns: int, size: int) -> _Zip | _Tar:  # noqa: ARG001  # what it is cached by
    return _Zip(archive) if archive.name.lower().endswith(ZIP) else _Tar(archive)


class _Zip:
    """A zip archive that several threads read; names as they stand, without folders."""

    def __init__(self, archive: Path) -> None:
        self._archive, self._lock = archive, threading.Lock()
        with zipfile.ZipFile(archive) as file:
            self._members = {info.filename: info for info in file.infolist() if not info.is_dir()}
        self.sizes = {name: info.file_size for name, info in self._members.items()}
        self._file: zipfile.ZipFile | None = None
        self._process = 0

    def read(self, name: str) -> bytes:
        with self._lock:
            if self._file is None or self._process != os.getpid():  # a fork would share the place in the file
                self._file, self._process = zipfile.ZipFile(self._archive), os.getpid()
            try:
                return self._file.read(self._members[name])
            except (
                zipfile.BadZipFile,
                RuntimeError,
                NotImplementedError,
            ) as error:  # damaged, locked, unknown
                raise OSError(errno.EIO, str(error), f"{self._archive}/{name}") from None


class _Tar:
    """A tar archive without compression; only its ordinary files."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        with tarfile.open(archive, "r:") as file:
            self._places = {m.name.removeprefix("./"): (m.offset_data, m.size) for m in file if m.isreg()}
        self.sizes = {name: size for name, (_, size) in self._places.items()}

    def read(self, name: str) -> bytes:
        place, size = self._places[name]
        with self._archive.open("rb") as file:
            file.seek(place)
            return file.read(size)
