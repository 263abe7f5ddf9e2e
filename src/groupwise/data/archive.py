"""Files within zip and tar archives, read in place: a path leads through an archive as through a folder."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import posixpath
import shutil
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Protocol

from groupwise.data.parquet_images import PARQUET, ParquetImages
from groupwise.errors import GroupwiseError

ZIP, TAR = ".zip", ".tar"
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
READ_IN_PLACE = (ZIP, TAR, *COMPRESSED)
_PACKED = (".tar.zst", ".7z", ".rar", ".gz")
_NO_ARCHIVE = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)


class _Archive(Protocol):
    """Names of the files in an archive with their sizes, and the content of each."""

    sizes: dict[str, int]

    def read(self, name: str) -> bytes: ...


def is_archive(path: Path) -> bool:
    """Whether a path is a file that is read as a folder; raises `GroupwiseError` for one that cannot be."""
    name = path.name.lower()
    if name.endswith(_PACKED) and not name.endswith(COMPRESSED) and path.is_file():
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


def archive_around(path: Path) -> Path | None:
    """The archive that a path is, or leads into; None where it is or leads into none."""
    for place in (path, *path.parents):
        if place.is_file():
            return place if place.name.lower().endswith(READ_IN_PLACE) else None
    return None


def is_there(path: Path) -> bool:
    """Whether a file lies at `path`, in a folder or in an archive."""
    if path.is_file():
        return True
    try:
        size_in_archive(path)
    except OSError:
        return False
    return True


def size_in_archive(path: Path) -> int:
    """The size that an archive declares of a file in it; raises `OSError`."""
    archive, name = _take_apart(path)
    return _open(archive).sizes[name]


def _take_apart(path: Path) -> tuple[Path, str]:
    archive = next((parent for parent in path.parents if parent.is_file()), None)
    if archive is None or not archive.name.lower().endswith((*READ_IN_PLACE, PARQUET)):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    name = path.relative_to(archive).as_posix()
    if name not in _open(archive).sizes:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return archive, name


def _open(archive: Path) -> _Archive:
    status = archive.stat()
    try:
        return _opened(archive, status.st_mtime_ns, status.st_size)
    except _NO_ARCHIVE as error:
        raise GroupwiseError(
            f"not a readable archive ({error})", place=archive, remedy="Download or pack it again."
        ) from None


@lru_cache(maxsize=32)
def _opened(archive: Path, changed_ns: int, size: int) -> _Archive:  # noqa: ARG001  # what it is cached by
    if archive.name.lower().endswith(PARQUET):
        return ParquetImages(archive)
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
            except (*_NO_ARCHIVE, RuntimeError, NotImplementedError) as error:  # damaged, locked, unknown
                raise OSError(errno.EIO, str(error), f"{self._archive}/{name}") from None


class _Tar:
    """A tar archive; of its links those that lead to a file of it are this file.

    What leads to none, or is no file, has its name here and cannot be read, so that nothing is passed over.
    A compressed one can only be read from its beginning, so it is unpacked once, into a temporary file
    without a name that goes with this process.
    """

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._file = _uncompress(archive) if archive.name.lower().endswith(COMPRESSED) else None
        with tarfile.open(archive, "r:", fileobj=self._file) as file:
            members = {m.name.removeprefix("./"): m for m in file if not m.isdir()}
        found = {name: _follow(name, members) for name in members}
        self._places = {name: (m.offset_data, m.size) if m else None for name, m in found.items()}
        self.sizes = {name: place[1] if place else 0 for name, place in self._places.items()}

    def read(self, name: str) -> bytes:
        found = self._places[name]
        if found is None:
            raise OSError(
                errno.ENOENT, "no file, and no link to one in the archive", f"{self._archive}/{name}"
            )
        place, size = found
        if self._file is not None:
            return os.pread(self._file.fileno(), size, place)  # which threads and forks may do at once
        with self._archive.open("rb") as file:
            file.seek(place)
            return file.read(size)


def _follow(name: str, members: Mapping[str, tarfile.TarInfo]) -> tarfile.TarInfo | None:
    """The ordinary file that a member of a tar is or leads to; None where there is none."""
    passed: set[str] = set()
    while name in members and name not in passed:
        member = members[name]
        if member.isreg():
            return member
        passed.add(name)
        folder = posixpath.dirname(name) if member.issym() else ""  # a hard link names its file from the top
        name = posixpath.normpath(posixpath.join(folder, member.linkname))
    return None


def _uncompress(archive: Path) -> IO[bytes]:
    """The content of a compressed file as a temporary one."""
    opener: Any = {"gz": gzip.open, "z2": bz2.open, "xz": lzma.open}[archive.name.lower()[-2:]]
    target = tempfile.TemporaryFile()  # noqa: SIM115  # it stays open as long as the archive is known
    try:
        with opener(archive) as source:
            shutil.copyfileobj(source, target, 1 << 20)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise tarfile.ReadError(str(error)) from None
        raise GroupwiseError(
            "there is no space to unpack it",
            place=archive,
            remedy=f"Free some in {tempfile.gettempdir()}, name another folder by TMPDIR, or unpack it.",
        ) from None
    target.flush()
    target.seek(0)
    return target
