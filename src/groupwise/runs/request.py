"""What a training run is asked to do: which data, which recipe, and where to keep it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groupwise.data.manifest import Manifest
from groupwise.data.pixel_reading import Reading
from groupwise.data.reading import ReadOptions
from groupwise.errors import UsageError
from groupwise.recipe.recipe import Recipe
from groupwise.runs.deadline import Deadline

Scan = Callable[[Callable[[int, int], None]], Manifest]
"""Makes the manifest; it wants a function of how many files are done and of how many there are."""


@dataclass(frozen=True)
class CrossValidation:
    """How often the images are divided anew, and into how many folds that are held out in turn."""

    folds: int
    repeats: int = 1

    def __post_init__(self) -> None:
        if self.folds < 3:
            raise UsageError(
                f"{self.folds} is below 3: beside the fold held out, one has to choose and one to teach",
                place="--cv",
                remedy="Give at least 3, as in --cv 5.",
            )
        if self.repeats < 1:
            raise UsageError(f"{self.repeats} is below 1", place="--repeats", remedy="Give at least 1.")

    @property
    def shares(self) -> dict[str, float]:
        """The folds with their relative sizes; names sort as numbers do."""
        digits = len(str(self.folds))
        return {f"fold-{number:0{digits}}": 1.0 for number in range(1, self.folds + 1)}

    @property
    def models(self) -> tuple[str, ...]:
        """The folders of all fold models, in the order in which they are trained."""
        return tuple(
            self.model(repeat, fold) for repeat in range(1, self.repeats + 1) for fold in self.shares
        )

    @staticmethod
    def model(repeat: int, fold: str) -> str:
        """The folder of one of them; repeats are counted from 1."""
        return f"repeat-{repeat}/{fold}"


@dataclass(frozen=True)
class Planning:
    """That the recipe is to be suited to the data.

    `chosen` are the fields that the user set himself, which stay; `deadline` bounds the whole command.
    """

    chosen: frozenset[str] = frozenset()
    deadline: Deadline | None = None


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What to train on, where to keep it, and how.

    `data` is what the user named, and `scan` makes the manifest of it.
    `base` is the recipe that `recipe` changes; the report lists the changes. `cv` asks for cross-validation,
    `planning` for a recipe that suits the data, and `track` names the trackers that are told of every epoch.
    `workers` is how many of several networks are trained at once, `baselines` whether trivial models are
    fitted beside the network, and `refit` whether it goes on with all images once it is measured. A sweep
    trains `trials` networks. `reading` are the options by which `scan` reads the data, where they are not the
    usual ones.
    """

    data: Path
    scan: Scan
    folder: Path
    recipe: Recipe
    base: Recipe
    resume: bool = False
    cv: CrossValidation | None = None
    planning: Planning | None = None
    track: tuple[str, ...] = ()
    workers: int = 1
    trials: int = 1
    baselines: bool = True
    refit: bool = False
    reading: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(f"{self.workers} is below 1", place="--jobs", remedy="Give at least 1.")

    @property
    def trainings(self) -> int:
        """How many networks are trained."""
        return len(self.cv.models) if self.cv else self.trials

    @property
    def rounds(self) -> int:
        """How many of them one after another."""
        return rounds_of(self.trainings, self.workers)


def rounds_of(trainings: int, workers: int) -> int:
    """How many trainings follow one another, where so many `workers` train at once."""
    return -(-trainings // workers)


def scan_with(data: Path, options: ReadOptions, reading: Reading) -> Scan:
    """The scan of `data` with these options, and what is known of its pixels."""
    from groupwise.data.scan import scan

    return lambda progress: scan(data, options, reading=reading, progress=progress)


def request_run(
    data: Path, options: Mapping[str, Any], *, recipe: Recipe, base: Recipe, **rest: Any
) -> RunRequest:
    """The request for a run over `data`, read by the `ReadOptions` among `options`; `rest` are its fields."""
    wanted = ReadOptions.pick(options, recipe.split.given)
    scan = scan_with(data, wanted, recipe.data.wanted)
    return RunRequest(data=data, scan=scan, recipe=recipe, base=base, reading=wanted.unusual(), **rest)
