"""One training run as a folder of ordinary files, each with the digest of what it was made from."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import read_json, sha256_file, write_atomic, write_json
from groupwise.runs.lock import is_occupied, locked

if TYPE_CHECKING:
    from groupwise.data.manifest import Manifest
    from groupwise.data.split import Split

LEDGER = "run.json"


# What a run within another takes over, with what each was made from
SHARED = {
    "environment.json": (),
    "manifest.csv": (),
    "clusters.csv": ("manifest.csv",),
    "findings.json": ("manifest.csv",),
    "audit.json": ("manifest.csv",),
}


class Run:
    """A run directory and its ledger, `run.json`.

    The ledger names the data, notes what the user should know, counts the readings of the test fold, and
    keeps for each artefact its digest and those of its parents. Several commands may enter what they did at
    the same time: each change is made to what then lies on disk, alone, and `ledger` is as of the last one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger: dict[str, Any] = read_json(folder / LEDGER)

    @classmethod
    def create(
        cls, folder: Path, *, data: Path, root: Path, version: str, launches: Collection[str] = ()
    ) -> Run:
        """Begin a run in a new or empty folder; `launches` names who may go on with it unasked."""
        cls.refuse_occupied(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(
            folder / LEDGER,
            {
                "version": version,
                "data": str(data),
                "root": str(root),
                "working_directory": str(Path.cwd()),
                "created": _now(),
                "launches": sorted(launches),
                "artefacts": {},
                "test_readings": 0,
                "test_reading_log": [],
                "interrupted": False,
                "recipe_changes": [],
                "notes": [],
            },
        )
        return cls(folder)

    @staticmethod
    def refuse_occupied(folder: Path) -> None:
        """Raise `UsageError` unless `folder` is new or empty."""
        if folder.exists() and (not folder.is_dir() or is_occupied(folder)):
            raise UsageError(
                "already holds something" if folder.is_dir() else "is a file",
                place=folder,
                remedy="Give another --run, or add --resume to go on with the run that is there.",
            )

    @staticmethod
    def refuse_artefact(file: Path, place: str = "") -> None:
        """Raise `UsageError` where writing `file` would put another in the place of a run's own.

        `place` is what named it, before the path.
        """
        ledger = file.parent / LEDGER
        told = read_json(ledger) if ledger.is_file() else None
        if isinstance(told, dict) and file.name in told.get("artefacts", ()):
            raise UsageError(
                "belongs to a run, which could no longer be used with another in its place",
                place=f"{place}{file}",
                remedy="Give the name of another file, or that of a copy of it.",
            )

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Open an existing run."""
        if not (folder / LEDGER).is_file():
            raise UsageError(
                f"holds no run ({LEDGER} is missing)",
                place=folder,
                remedy="Give the folder that `groupwise train --run` wrote.",
            )
        return cls(folder)

    @property
    def is_ensemble(self) -> bool:
        """Whether it is a cross-validation, whose models answer together."""
        return "members" in self.ledger

    @property
    def members(self) -> list[Run]:
        """The runs of the models of a cross-validation, or the run itself."""
        return [Run.open(self.path(name)) for name in self.ledger["members"]] if self.is_ensemble else [self]

    @property
    def weights(self) -> list[str]:
        """The digest of the weights of every member."""
        return [member.ledger["artefacts"]["model.safetensors"]["sha256"] for member in self.members]

    @property
    def root(self) -> Path:
        """Where the images lay when the run was made."""
        return Path(self.ledger["root"])

    def find(self, named: str) -> Path | None:
        """Where the file or folder lies that the run began with as `named`; None if it is gone."""
        return next((base / named for base in self._bases() if (base / named).exists()), None)

    def began_with(self, named: str, now: str | Path) -> bool:
        """Whether `now`, given to this command, may be what the run began with as `named`."""
        return any((base / named).resolve() == Path(now).resolve() for base in self._bases())

    def _bases(self) -> Iterator[Path]:
        """Folders that relative paths of the run may count from, the likeliest first.

        That is where its command was given. Older runs have not kept it, and a run may have moved together
        with what it began with: then it is one that holds the run, or the one of this command.
        """
        if "working_directory" in self.ledger:
            yield Path(self.ledger["working_directory"])
        yield from (own := self.folder.resolve(), *own.parents)
        yield Path.cwd()

    def manifest(self, root: Path | None = None) -> Manifest:
        """The manifest; `root` is where the images lie if not where they lay during training."""
        from groupwise.data.manifest import read_manifest

        return read_manifest(self.require("manifest.csv"), root or self.root)

    def split(self) -> Split:
        """The split."""
        from groupwise.data.split import read_split  # brings scipy, which a reader of decisions spares

        return read_split(self.require("split.csv"))

    @property
    def class_numbers(self) -> dict[str, int]:
        """The number of each class among a network's answers, by its name."""
        return {name: number for number, name in enumerate(self.split().classes)}

    def path(self, name: str) -> Path:
        """Where the artefact lies or will lie."""
        return self.folder / name

    @property
    def is_measured(self) -> bool:
        """Whether training came to its end and was measured; what was interrupted can be measured as well."""
        return "metrics.json" in self.ledger["artefacts"] and not self.ledger["interrupted"]

    @contextmanager
    def _entry(self) -> Iterator[dict[str, Any]]:
        """The ledger as it now is on disk, written back after the block; other processes wait."""
        file = self.folder / LEDGER
        with locked(file):
            ledger = read_json(file)
            yield ledger
            write_json(file, ledger)
            self.ledger = ledger

    def note(self, **facts: Any) -> None:
        """Set entries of the ledger."""
        with self._entry() as ledger:
            ledger.update(facts)

    def record(self, name: str, made_from: Iterable[str] = ()) -> None:
        """Enter an artefact that was just written, with the digests of its parents."""
        with self._entry() as ledger:  # digests too: of two that write it, the last entry has what lies there
            ledger["artefacts"][name] = {
                "sha256": sha256_file(self.path(name)),
                "from": {parent: sha256_file(self.path(parent)) for parent in made_from},
            }

    def inherit_data(self, parent: Run) -> None:
        """Take over what `parent` knows of the data and of the machine: copies of its files, entered here."""
        for name, made_from in SHARED.items():
            write_atomic(self.path(name), parent.path(name).read_bytes())
            self.record(name, made_from)

    def require(self, name: str) -> Path:
        """The path of an artefact that is there, unchanged, and not older than what it was made from."""
        entry = self.ledger["artefacts"].get(name)
        if entry is None or not self.path(name).is_file():
            again = shlex.join(["refit", str(self.folder.parent)]) if self.is_refit else "train --resume"
            raise GroupwiseError(
                f"{name} is missing", place=self.folder, remedy=f"Finish the run with `groupwise {again}`."
            )
        for part, digest in [(name, entry["sha256"]), *entry["from"].items()]:
            if not self.path(part).is_file() or sha256_file(self.path(part)) != digest:
                raise GroupwiseError(
                    f"{part} changed after {name} was written" if part != name else f"{name} was changed",
                    place=self.folder,
                    remedy="Restore the file, or train again in a new run.",
                )
        return self.path(name)

    @property
    def is_refit(self) -> bool:
        """Whether its network went on with every image of a run that was measured."""
        return "refit_of" in self.ledger

    def refuse_untestable(self) -> None:
        """Raise `UsageError` for a cross-validation or a refit, which have no image left as a test."""
        if self.is_refit:
            raise UsageError(
                "a refit, which has learnt from every image: no fold is left to measure it or to decide by",
                place=self.folder,
                remedy=f"Name the run that was measured, {self.folder.parent}.",
            )
        if self.is_ensemble:
            raise UsageError(
                "a cross-validation, whose ensemble has learnt from every image",
                place=self.folder,
                remedy=f"Name one of its models, such as {self.path(self.ledger['members'][0])}.",
            )

    def count_test_reading(self, why: str) -> None:
        """Enter that the test fold was looked at; the report prints how often."""
        with self._entry() as ledger:
            ledger["test_readings"] += 1
            ledger["test_reading_log"].append({"when": _now(), "why": why})

    def count_external_reading(self, name: str, digest: str) -> None:
        """Enter that new data were measured; `digest` is that of their manifest."""
        with self._entry() as ledger:
            known = ledger.setdefault("external", {}).setdefault(name, {"digest": digest, "readings": []})
            known["readings"].append(_now())

    def count_study_readings(self, readings: int) -> None:
        """Enter how often networks that were trained to study the run looked at test folds of their own."""
        with self._entry() as ledger:
            ledger["study_test_readings"] = ledger.get("study_test_readings", 0) + readings


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
