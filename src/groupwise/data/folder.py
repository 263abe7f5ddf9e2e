"""Every file below a folder of class folders, and which of them may be opened."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from groupwise.data.archive import READ_IN_PLACE, list_members
from groupwise.data.formats import FORMAT_OF_SUFFIX
from groupwise.data.manifest import Sample, Status
from groupwise.data.parquet_images import PARQUET
from groupwise.errors import GroupwiseError
from groupwise.files import sha256_bytes, sha256_file

# Of Teachable Machine, whose archives of one class each are called so.
_SAMPLES = re.compile(r"[ _-]*(samples|images)?\.(zip|tar(\.(gz|bz2|xz))?|tgz|tbz2|txz)$", re.IGNORECASE)
TABLES_IN_FOLDERS = ("metadata.csv", "metadata.jsonl", "metadata.parquet", "_classes.csv")
"""Of HuggingFace's imagefolder, and Roboflow's classes of an image."""
SYSTEM_NAMES = ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "@eadir")

_IMAGE_ENDINGS = tuple(FORMAT_OF_SUFFIX)
_NO_MEMBER = "unsafe-name: a name that leads out of the archive, or is written in an unusual way"

# A status and a reason.
Verdict = tuple[Status, str]


def list_files(root: Path, also: Path | None = None) -> list[Sample]:
    """Return one sample for each file below `root`, sorted by path; nothing is opened.

    The label is the name of the first folder below `root`. A sample of status "ok" and no size is still to be
    looked into. A folder gives no sample of its own, except where it cannot be entered: links to folders are
    not followed, because what they lead to is listed where it lies or lies elsewhere. Links that lead to
    below `also` are followed, and each folder there is entered once.
    """
    samples: list[Sample] = []
    pending = [root]
    entered: set[str] = set()
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                found = list(entries)
        except OSError as error:
            samples.append(_blame_folder(root, folder, error))
            continue
        for entry in found:
            if _is_folder(entry) or _leads_into(entry, also, entered):
                pending.append(Path(entry.path))
            else:
                samples.append(_to_sample(root, entry, also))
    return sorted(samples, key=lambda sample: sample.path)


def list_archive(archive: Path, within: str = "") -> list[Sample]:
    """As `list_files`, for an archive; `within` is its path below the root, if it is not the root itself."""
    samples = []
    for name in list_members(archive):
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if not parts or ".." in parts or "/".join(parts) != name:
            samples.append(Sample(_escape(name), "", status="ignored", reason=_NO_MEMBER))
            continue
        status, reason = _judge_name(parts) or ("ok", "")
        label = _escape(parts[0]) if len(parts) > 1 else ""
        path, label = (f"{within}/{name}", label_of_archive(within)) if within else (name, label)
        samples.append(Sample(_escape(path), label, status=status, reason=reason))
    return sorted(samples, key=lambda sample: sample.path)


def digest_folder(root: Path, besides: Path) -> tuple[str, str]:
    """SHA-256 of which images and class tables lie below a folder, and of what holds many images in one file.

    What lies below `besides`, such as a run that is kept among the images, is passed over. Contents of images
    are not looked at: each has its digest in the manifest. Archives and Parquet files have the second digest.
    """
    root, inner = root.resolve(), besides.resolve()
    listing, packed = list[str](), list[str]()
    for sample in list_files(root):
        file = root / sample.path
        if sample.status == "ignored" or file.is_relative_to(inner):
            continue
        if file.name in TABLES_IN_FOLDERS and sample.status == "ok":
            listing.append(f"{sample.path}\0{sha256_file(file)}")
        elif file.suffix.lower() in FORMAT_OF_SUFFIX:
            listing.append(sample.path)
        if sample.status == "ok" and sample.path.lower().endswith((*READ_IN_PLACE, PARQUET)):
            packed.append(f"{sample.path}\0{sha256_file(file)}")
    return _digest(listing), _digest(packed)


def _digest(lines: Sequence[str]) -> str:
    return sha256_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))


def enter_archives(root: Path, samples: list[Sample]) -> list[Sample]:
    """Where a folder holds two archives or more, one for each class, and no images: what lies in them."""
    names = [s.path for s in samples if s.status == "ok" and s.path.lower().endswith(READ_IN_PLACE)]
    images = any(sample.path.lower().endswith(_IMAGE_ENDINGS) for sample in samples)
    if len(names) < 2 or images or any("/" in name for name in names):
        return samples
    inside = [sample for name in names for sample in list_archive(root / name, name)]
    return sorted(inside, key=lambda sample: sample.path)


def label_of_archive(name: str) -> str:
    """The class of which an archive holds the samples: `Class 1-samples.zip` those of `Class 1`."""
    return _SAMPLES.sub("", name)


def list_class_folders(root: Path) -> list[str]:
    """Return the names of the folders directly below `root` that stand for a class, sorted."""
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if _is_folder(entry) and _judge_name((entry.name,)) is None]
    return sorted(names)


def _leads_into(entry: os.DirEntry[str], also: Path | None, entered: set[str]) -> bool:
    """Whether a link leads to a folder below `also` that no other link has led to."""
    if also is None or not entry.is_symlink():
        return False
    target = os.path.realpath(entry.path)
    if not (Path(target).is_relative_to(also) and os.path.isdir(target)):  # noqa: PTH112  # as in `scan`
        return False
    is_new = target not in entered
    entered.add(target)
    return is_new


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except (
        OSError
    ):  # some file systems have to ask the disk; `judge_kind` will meet the same failure and say so
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:  # as above
        return False


def _blame_folder(root: Path, folder: Path, error: OSError) -> Sample:
    if folder == root:
        raise GroupwiseError(
            f"the folder cannot be read ({error.strerror})",
            place=root,
            remedy="Check the path and its permissions.",
        )
    parts = folder.relative_to(root).parts
    unreadable: Verdict = ("quarantined", f"unreadable: the folder cannot be opened ({error.strerror})")
    status, reason = _judge_name(parts) or unreadable
    return Sample(_escape("/".join(parts)), _escape(parts[0]), status=status, reason=reason)


def _to_sample(root: Path, entry: os.DirEntry[str], also: Path | None) -> Sample:
    parts = Path(entry.path).relative_to(root).parts
    path, label = _escape("/".join(parts)), _escape(parts[0]) if len(parts) > 1 else ""
    verdict = _judge_name(parts)
    if verdict is None and not _is_file(entry):
        verdict = judge_kind(root, Path(entry.path), also)
    status, reason = verdict or ("ok", "")
    return Sample(path, label, status=status, reason=reason)


def _escape(name: str) -> str:
    # Python keeps the bytes of a name that is not UTF-8 as lone surrogates, which cannot be written.
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _judge_name(parts: tuple[str, ...]) -> Verdict | None:
    if any(part.startswith(".") for part in parts):
        return "ignored", "hidden: a hidden file or a file in a hidden folder"
    if any(part.casefold() in SYSTEM_NAMES for part in parts):
        return "ignored", "system-file: left behind by an operating system"
    try:
        "/".join(parts).encode()
    except UnicodeEncodeError:
        return "quarantined", "name-not-utf8: the name is not valid UTF-8, rename the file"
    return None


def judge_kind(root: Path, path: Path, also: Path | None = None) -> Verdict | None:
    """Judge where a path leads, links resolved, without opening it; None for a file below either root."""
    try:
        target = Path(os.path.realpath(path, strict=True))
        kind = target.stat().st_mode
    except OSError as error:
        return _judge_unreachable(path, error)
    if not (target.is_relative_to(root) or (also is not None and target.is_relative_to(also))):
        return "quarantined", "link-outside: a link that leads out of the data's folder"
    if stat.S_ISDIR(kind):
        if path != target and path.is_relative_to(target):
            return "quarantined", "link-loop: a link to a folder that it lies in"
        return "quarantined", "folder: a folder or a link to one, which is not followed"
    if not stat.S_ISREG(kind):
        return "quarantined", "special-file: a pipe, socket or device, which is never opened"
    return None


def _judge_unreachable(path: Path, error: OSError) -> Verdict:
    is_link = os.path.islink(path)  # noqa: PTH114  # Path.is_symlink raises on a name that is too long
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if is_link:
            return "quarantined", "link-broken: a link to nothing"
        return "quarantined", "missing: no such file"
    if is_link and not isinstance(error, PermissionError):
        return "quarantined", "link-loop: a link that leads back to itself"
    return "quarantined", f"unreadable: the file cannot be reached ({error.strerror})"
