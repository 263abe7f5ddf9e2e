"""Lists every file below a folder of class folders, and judges by name and kind which may be opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from groupwise.data.manifest import Sample, Status
from groupwise.errors import GroupwiseError

SYSTEM_NAMES = ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "@eadir")

# A status and a reason; None means that the content decides.
Verdict = tuple[Status, str] | None


def walk(root: Path) -> list[Sample]:
    """Return one sample for each file below `root`, sorted by path; nothing is opened.

    The label is the name of the first folder below `root`. A sample of status "ok" and no size is still to be
    looked into. A folder gives no sample of its own, except where it cannot be entered: links to folders are
    not followed, because what they lead to is listed where it lies or lies elsewhere.
    """
    samples: list[Sample] = []
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                found = list(entries)
        except OSError as error:
            samples.append(_blame_folder(root, folder, error))
            continue
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                pending.append(Path(entry.path))
            else:
                samples.append(_to_sample(root, entry))
    return sorted(samples, key=lambda sample: sample.path)


def _blame_folder(root: Path, folder: Path, error: OSError) -> Sample:
    if folder == root:
        raise GroupwiseError(
            f"the folder cannot be read ({error.strerror})",
            place=root,
            remedy="Check the path and its permissions.",
        )
    parts = folder.relative_to(root).parts
    reason = f"unreadable: the folder cannot be opened ({error.strerror})"
    return Sample(_escape("/".join(parts)), _escape(parts[0]), status="quarantined", reason=reason)


def _to_sample(root: Path, entry: os.DirEntry[str]) -> Sample:
    parts = Path(entry.path).relative_to(root).parts
    path, label = _escape("/".join(parts)), _escape(parts[0]) if len(parts) > 1 else ""
    verdict = _judge_name(parts)
    if verdict is None and not entry.is_file(follow_symlinks=False):
        verdict = judge_kind(root, Path(entry.path))
    status, reason = verdict or ("ok", "")
    return Sample(path, label, status=status, reason=reason)


def _escape(name: str) -> str:
    # Python keeps the bytes of a name that is not UTF-8 as lone surrogates, which cannot be written.
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _judge_name(parts: tuple[str, ...]) -> Verdict:
    if any(part.startswith(".") for part in parts):
        return "ignored", "hidden: a hidden file or a file in a hidden folder"
    if any(part.casefold() in SYSTEM_NAMES for part in parts):
        return "ignored", "system-file: left behind by an operating system"
    try:
        "/".join(parts).encode()
    except UnicodeEncodeError:
        return "quarantined", "name-not-utf8: the name is not valid UTF-8, rename the file"
    return None


def judge_kind(root: Path, path: Path) -> Verdict:
    """Judge where a path leads, links resolved, without opening it; None for a file below `root`."""
    try:
        target = Path(os.path.realpath(path, strict=True))
        kind = target.stat().st_mode
    except OSError as error:
        return _judge_unreachable(path, error)
    if not target.is_relative_to(root):
        return "quarantined", "link-outside: a link that leads out of the data's folder"
    if stat.S_ISDIR(kind):
        if path.is_relative_to(target):
            return "quarantined", "link-loop: a link to a folder that it lies in"
        return "quarantined", "folder: a folder or a link to one, which is not followed"
    if not stat.S_ISREG(kind):
        return "quarantined", "special-file: a pipe, socket or device, which is never opened"
    return None


def _judge_unreachable(path: Path, error: OSError) -> Verdict:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if path.is_symlink():
            return "quarantined", "link-broken: a link to nothing"
        return "quarantined", "missing: no such file"
    if path.is_symlink() and not isinstance(error, PermissionError):
        return "quarantined", "link-loop: a link that leads back to itself"
    return "quarantined", f"unreadable: the file cannot be reached ({error.strerror})"
