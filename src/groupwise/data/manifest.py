"""The list of every file below a root with its label, group, status and reason, as a CSV file and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from groupwise.data.file_notes import list_codes
from groupwise.data.levels import Depth
from groupwise.data.pixel_reading import Reading
from groupwise.data.targets import all_names
from groupwise.errors import GroupwiseError
from groupwise.files import read_csv, sha256_bytes, write_csv

Status = Literal["ok", "warned", "quarantined", "ignored"]
COLUMNS = ("path", "label", "group", "status", "reason", "width", "height", "mode", "sha256")
USABLE: tuple[Status, ...] = ("ok", "warned")
GIVEN_FOLD = "given_fold"
"""The further column that holds the fold which the user's own split gives a file, where it is to be used."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One file.

    `path` is relative to the manifest's root, with forward slashes; a name that is not UTF-8 has its odd
    bytes escaped by backslashes. `label` and `group` are "" where there is none; several labels
    are written as `data.targets` says. `reason` is "" or one or
    more "code: sentence", joined by "; ". `width` and `height` are in pixels as a viewer shows the image,
    after orientation, and 0 where it was not decoded; `mode` is the file's own. `extra` holds the further
    columns of the user's CSV. `depth` is what a scan found of the samples of a deep picture, and `channels`
    how many a file has from which some were chosen; neither is written.
    """

    path: str
    label: str
    group: str = ""
    status: Status = "ok"
    reason: str = ""
    width: int = 0
    height: int = 0
    mode: str = ""
    sha256: str = ""
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)
    depth: Depth | None = field(default=None, compare=False, repr=False)
    channels: int = field(default=0, compare=False, repr=False)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of `reason` alone, in its order."""
        return list_codes(self.reason)


@dataclass(frozen=True)
class Manifest:
    """Every file below `root` exactly once (or every row of a CSV), sorted as found.

    `notes` are sentences about the whole, such as an empty class, `layout` says in words what the data were
    taken for, and `reading` is by which rule the samples of its pictures become levels; none of them is
    written to the file.
    """

    root: Path
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    layout: str = ""
    reading: Reading = Reading()  # noqa: RUF009  # frozen

    @property
    def usable(self) -> tuple[Sample, ...]:
        """The samples that can be trained on: `ok` and `warned`."""
        return tuple(sample for sample in self.samples if sample.status in USABLE)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels of the usable samples, or the names in their sets, sorted."""
        return tuple(sorted(set(all_names(sample.label for sample in self.usable))))

    def file(self, sample: Sample) -> Path:
        """Where the sample lies on this machine."""
        return self.root / sample.path

    @property
    def digest(self) -> str:
        """Hexadecimal SHA-256 over what decides a result: path, label, group, status and content, in order.

        The root, the wording of a reason and the user's further columns do not enter, so a moved folder
        keeps its digest.
        """
        rows = [(s.path, s.label, s.group, s.status, s.sha256) for s in self.samples]
        return sha256_bytes(json.dumps(rows, separators=(",", ":")).encode())

    def write(self, path: Path) -> None:
        """Write `COLUMNS` and then the user's further columns, one row a sample."""
        further = list(dict.fromkeys(name for sample in self.samples for name in sample.extra))
        write_csv(path, [*COLUMNS, *further], (_to_row(sample, further) for sample in self.samples))


def read_manifest(path: Path, root: Path) -> Manifest:
    """Read what `Manifest.write` wrote; the files themselves are not looked at.

    Raises GroupwiseError where a column is missing, or a status or a size is not one.
    """
    rows = read_csv(path, COLUMNS)
    samples = tuple(_from_row(row, path, number) for number, row in enumerate(rows, start=1))
    return Manifest(root, samples)


def _to_row(sample: Sample, further: list[str]) -> list[object]:
    own: list[object] = [getattr(sample, name) for name in COLUMNS]
    return own + [sample.extra.get(name, "") for name in further]


def _from_row(row: Mapping[str, str], path: Path, number: int) -> Sample:
    status = row["status"]
    if status not in get_args(Status):
        raise GroupwiseError(
            f"row {number} has the status {status!r}, which is none of {', '.join(get_args(Status))}",
            place=path,
            remedy="Run `groupwise scan` again.",
        )
    return Sample(
        path=row["path"],
        label=row["label"],
        group=row["group"],
        status=status,  # type: ignore[arg-type]  # checked above
        reason=row["reason"],
        width=_to_pixels(row["width"], path, number),
        height=_to_pixels(row["height"], path, number),
        mode=row["mode"],
        sha256=row["sha256"],
        extra={name: value for name, value in row.items() if name not in COLUMNS},
    )


def _to_pixels(cell: str, path: Path, number: int) -> int:
    if not (cell.isascii() and cell.isdigit()):
        raise GroupwiseError(
            f"row {number} has {cell!r} where a number of pixels belongs",
            place=path,
            remedy="Run `groupwise scan` again.",
        )
    return int(cell)
