"""Inspection of one file: read once, decoded in full, usable or why not."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path, PurePosixPath

from groupwise.data.archive import read_file, size_in_archive
from groupwise.data.decode import Decoded, UndecodableImage, decode
from groupwise.data.file_notes import Note, join_notes, note_name, note_shape, to_plain
from groupwise.data.formats import FORMAT_OF_SUFFIX, HEAD_BYTES, detect_format
from groupwise.data.manifest import Sample, Status
from groupwise.data.pixel_reading import Reading
from groupwise.files import sha256_bytes

MAX_FILE_BYTES = 512 << 20
DEPTH_CODES = ("deep-integer", "float")
# Codes of files that are sound: what is wanted is another form of them.
UNREAD = ("unsupported-format", "several-channels", "several-planes", "unknown-depth", "decompression-bomb")


class _RefusedError(Exception):
    """The file is not decoded; carries its status and reason."""

    def __init__(self, status: Status, reason: str) -> None:
        self.status: Status = status
        self.reason = reason


def inspect(sample: Sample, root: Path, reading: Reading = Reading()) -> Sample:  # noqa: B008  # frozen
    """Fill in status, reason, size, mode and digest of a sample that is still to be looked into.

    A sample that was already judged comes back as it is. Whatever the file is, it raises nothing: one bad
    file never stops a scan.
    """
    if sample.status != "ok":
        return sample
    suffix = PurePosixPath(sample.path).suffix.lower()
    try:
        data = _read(root / sample.path, suffix)
    except _RefusedError as refused:
        return replace(sample, status=refused.status, reason=refused.reason)
    except (OSError, MemoryError) as error:
        reason = f"unreadable: the file cannot be read ({to_plain(getattr(error, 'strerror', '') or error)})"
        return replace(sample, status="quarantined", reason=reason)
    judged = replace(sample, sha256=sha256_bytes(data))
    try:
        # The smallest draft still reads every coefficient of a JPEG, at half the time.
        decoded = decode(data, place=sample.path, draft_px=1, reading=reading, facts_only=True)
    except UndecodableImage as error:
        return replace(judged, status="quarantined", reason=_say_why(error))
    return _accept(judged, decoded, suffix)


def _read(path: Path, suffix: str) -> bytes:
    """Read a regular image file whole, and of anything else only the head."""
    try:
        return _read_plain(path, suffix)
    except NotADirectoryError:  # in an archive, which declares the sizes of its files
        _refuse_size(size_in_archive(path))
        data = read_file(path)
        _refuse_content(data[:HEAD_BYTES], suffix)
        return data


def _refuse_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        limit = f"more than the {MAX_FILE_BYTES >> 20} MiB that are read"
        raise _RefusedError("quarantined", f"too-large: {size >> 20} MiB, {limit}")


def _read_plain(path: Path, suffix: str) -> bytes:
    # Without O_NONBLOCK a pipe that took the file's place would hang the scan.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123  # a descriptor, not a path
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _RefusedError(
                "quarantined", "special-file: a pipe, socket or device, which is never opened"
            )
        head = file.read(HEAD_BYTES)
        _refuse_content(head, suffix)
        _refuse_size(status.st_size)
        if status.st_size <= len(head):
            return head
        file.seek(0)  # to read the head again costs less than to join it to the rest
        return file.read(status.st_size)


def _refuse_content(head: bytes, suffix: str) -> None:
    """Refuse what no image is, in words that depend on whether its name says that it is one."""
    named_image = suffix in FORMAT_OF_SUFFIX
    if not head:
        if named_image:
            raise _RefusedError("quarantined", "zero-byte: the file is empty")
        raise _RefusedError("ignored", "not-an-image: an empty file")
    content = detect_format(head)
    if content.kind == "unsupported":
        raise _RefusedError("quarantined", f"unsupported-format: {content.name}: {to_plain(content.remedy)}")
    if content.kind == "other":
        if named_image:
            raise _RefusedError("quarantined", f"wrong-content: named {suffix} but holds {content.name}")
        raise _RefusedError("ignored", f"not-an-image: the file holds {content.name}")


def _say_why(error: UndecodableImage) -> str:
    """The code and the fact, and for a sound file of an unread kind what to do with it."""
    remedy = f": {to_plain(error.remedy)}" if error.code in UNREAD else ""
    return f"{error.code}: {to_plain(error.fact)}{remedy}"


def _accept(sample: Sample, decoded: Decoded, suffix: str) -> Sample:
    width, height = decoded.width, decoded.height
    status: Status = "quarantined"
    reason = "no-label: it lies in no class folder, or its cell is empty"
    if sample.label:
        # By which rule deep samples become levels is decided for all of them later, and said in a note.
        remarks = (*_without_rule(decoded), *note_name(decoded.format, suffix), *note_shape(width, height))
        status, reason = "warned" if remarks else "ok", join_notes(remarks)
    return replace(
        sample,
        status=status,
        reason=reason,
        width=width,
        height=height,
        mode=decoded.mode,
        depth=decoded.depth,
        channels=decoded.channels,
        group=sample.group or decoded.group,
    )


def _without_rule(decoded: Decoded) -> list[Note]:
    """The remarks, of which that on the depth tells the values alone."""
    depth = decoded.depth
    if depth is None:
        return list(decoded.warnings)
    declared = f", {depth.declared[0]:.10g} to {depth.declared[1]:.10g} declared" if depth.declared else ""
    words = f"values from {depth.low:.10g} to {depth.high:.10g}{declared}"
    return [(code, words if code in DEPTH_CODES else said) for code, said in decoded.warnings]
