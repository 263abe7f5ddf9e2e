"""The files of one run directory, checked; what is no run is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from groupwise.data.manifest import Sample, read_manifest
from groupwise.data.pixel_reading import Reading
from groupwise.data.reading import SEVERAL
from groupwise.data.split import Assignment, read_split
from groupwise.errors import GroupwiseError
from groupwise.files import read_csv, read_json
from groupwise.recipe.aim import Aim
from groupwise.runs.baselines import FILE as BASELINES
from groupwise.runs.baselines import Baselines, read_baselines
from groupwise.runs.external import External, read_external
from groupwise.runs.history import read_history
from groupwise.runs.probe import ProbeBeside, probe_beside, read_probe
from groupwise.stats.calibration import says_nothing
from groupwise.stats.estimate import SCHEMA, upgrade

Rows = list[dict[str, str]]

LOWEST = ("loss", "cost")
TEST = "test"


@dataclass(frozen=True)
class RunFiles:
    """What a run directory holds; a file that may be absent is empty or None here.

    `history` has the columns of `HISTORY_NUMBERS` as numbers; predictions and suspects are as in the files.
    """

    folder: Path
    ledger: dict[str, Any]
    recipe: dict[str, Any]
    recipe_text: str
    split: dict[str, Any]
    metrics: dict[str, Any]
    history: list[dict[str, float]]
    assignments: tuple[Assignment, ...]
    predictions: Rows
    manifest: tuple[Sample, ...]
    findings: list[dict[str, Any]] | None
    audit: dict[str, Any]
    environment: dict[str, Any]
    config: dict[str, Any]
    leakage: dict[str, Any]
    crossval: dict[str, Any]
    slices: dict[str, Any]
    robustness: dict[str, Any]
    label_errors: Rows
    heat_maps: dict[str, Path]
    baselines: Baselines | None = None
    cases: dict[str, Any] = field(default_factory=dict)
    training_fold: dict[str, Any] = field(default_factory=dict)
    learning_curve: dict[str, Any] = field(default_factory=dict)
    interval_width: dict[str, Any] = field(default_factory=dict)
    external: tuple[External, ...] = ()
    probe: dict[str, Any] = field(default_factory=dict)
    probe_beside: ProbeBeside | None = None

    @property
    def root(self) -> Path:
        """Where the images lay when the run was made."""
        return Path(self.ledger["root"])

    @property
    def reading(self) -> Reading:
        """How the samples of deep pictures became levels."""
        return Reading.from_facts(self.part("data"))

    @property
    def fold(self) -> str:
        """The fold whose number heads the report: the test fold, or else the one that was measured."""
        return headline_fold(self.metrics)

    @property
    def class_names(self) -> list[str]:
        """The classes in the order of the confusion matrix."""
        figures = self.metrics[self.fold]
        names = list(figures["per_class"])
        if not self.several and [len(row) for row in figures["confusion"]] != [len(names)] * len(names):
            raise GroupwiseError(
                f"the confusion matrix does not have the {len(names)} classes of `per_class`",
                place=self.folder / "metrics.json",
                remedy="Run `groupwise evaluate` again.",
            )
        return names

    @property
    def several(self) -> bool:
        """Whether images have sets of labels."""
        return bool(self.metrics[self.fold].get("labels") == SEVERAL)

    @property
    def skipped_columns(self) -> str:
        """Columns that were to be compared and could not be, each with the reason; empty where none was."""
        skipped = self.slices.get("skipped") or ()
        return "; ".join(f"{one['column']} ({one['reason']})" for one in skipped)

    @property
    def further_columns(self) -> list[str]:
        """The user's own columns of the manifest."""
        return list(self.manifest[0].extra) if self.manifest else []

    @property
    def single(self) -> str:
        """How commands that want one network name it: of a cross-validation, the first."""
        return "/".join(("RUN", *self.ledger.get("members", ())[:1]))

    @property
    def is_clueless(self) -> bool:
        """Whether the temperature is at its ceiling, where probabilities carry no information."""
        temperature = self.config.get("temperature")
        return isinstance(temperature, int | float) and says_nothing(temperature)

    @property
    def recipe_name(self) -> str:
        """What the recipe calls itself."""
        return str(self.recipe.get("name", "unnamed"))

    @property
    def select_fold(self) -> str:
        """The fold that chose the epoch."""
        return str(self.part("training").get("select_fold", "val"))

    @property
    def optimised_for(self) -> Aim:
        """What the run was optimised for; older runs, which do not say it, were for accuracy."""
        aim: Aim = self.part("training").get("optimise", "accuracy")
        return aim

    @property
    def looks(self) -> int:
        """Among how many epochs, or penalties of a probe, one was chosen; of fold models by the recipe."""
        if self.ledger.get("members") and not self.history:
            start = float(self.part("training").get("select_from", 0.0))
            return sum(epoch / self.epochs > start for epoch in range(1, self.epochs + 1))
        among = sum(row["may_be_chosen"] > 0 for row in self.history) or len(self.probe.get("penalties", ()))
        return among or self.epochs

    @property
    def epochs(self) -> int:
        """How many epochs were made, the last of them perhaps in part."""
        return len(self.history) or int(self.part("training").get("epochs", 1))

    @property
    def seed(self) -> int:
        """The seed of the recipe."""
        return int(self.recipe.get("seed", 0))

    def part(self, name: str) -> Mapping[str, Any]:
        """A part of the recipe, such as `training`; empty where it has none."""
        found = self.recipe.get(name)
        return found if isinstance(found, Mapping) else {}

    @property
    def chosen_epoch(self) -> int | None:
        """The epoch whose weights were kept."""
        if known := self.ledger.get("best_epoch"):
            return int(known)
        by = self.part("training").get("select_by", ["accuracy"])
        names = [by] if isinstance(by, str) else by
        scores = [
            [row["may_be_chosen"], *((-1 if n in LOWEST else 1) * row.get(f"select_{n}", 0.0) for n in names)]
            for row in self.history
        ]
        return int(self.history[scores.index(max(scores))]["epoch"]) if scores else None


def read_run(folder: Path) -> RunFiles:
    """Read the run in `folder`; raises GroupwiseError for an essential file that is missing or damaged."""
    ledger = _read_mapping(folder / "run.json", "root", "data", "created")
    recipe_text, recipe = _read_recipe(folder / "recipe.yaml")
    return RunFiles(
        folder=folder,
        ledger=ledger,
        recipe=recipe,
        recipe_text=recipe_text,
        split=_read_mapping(folder / "split.json", "folds", "sources", "spanning_sources"),
        metrics=read_metrics(folder / "metrics.json"),
        history=read_history(folder / "history.csv"),
        assignments=read_split(split).rows if (split := folder / "split.csv").exists() else (),
        predictions=_read_rows(folder / "predictions.csv", "path", "label", "fold", "predicted"),
        manifest=_read_samples(folder / "manifest.csv", Path(ledger["root"])),
        findings=_read_findings(folder / "findings.json"),
        audit=_read_optional_mapping(folder / "audit.json"),
        environment=_read_optional_mapping(folder / "environment.json"),
        config=_read_optional_mapping(folder / "config.json"),
        leakage=_read_optional_mapping(folder / "leakage.json", "known", "retrained"),
        crossval=upgrade(_read_optional_mapping(folder / "crossval.json")),
        slices=upgrade(_read_optional_mapping(folder / "slices.json", "fold", "columns", "skipped")),
        robustness=upgrade(
            _read_optional_mapping(folder / "robustness.json", "fold", "clean", "corruptions")
        ),
        label_errors=_read_rows(folder / "label_errors.csv", "path", "label", "suggested"),
        heat_maps=_read_heat_maps(folder / "explain"),
        baselines=read_baselines(folder / BASELINES),
        cases=upgrade(_read_optional_mapping(folder / "cases.json", "fold", "by", "figures", "rule")),
        training_fold=_read_optional_mapping(folder / "training_fold.json", "n", "sources", "accuracy"),
        learning_curve=_read_optional_mapping(folder / "learning_curve.json", "points", "fitted", "words"),
        interval_width=_read_optional_mapping(folder / "interval_width.json", "wanted", "words"),
        external=read_external(folder),
        probe=read_probe(folder),
        probe_beside=probe_beside(folder, ledger),
    )


def _read_mapping(path: Path, *required: str) -> dict[str, Any]:
    value = read_json(path)
    missing = [key for key in required if not isinstance(value, dict) or key not in value]
    if missing or not isinstance(value, dict):
        raise GroupwiseError(
            f"does not hold {', '.join(map(repr, missing)) or 'fields'}",
            place=path,
            remedy="Run the command that writes it again.",
        )
    return value


def _read_optional_mapping(path: Path, *required: str) -> dict[str, Any]:
    return _read_mapping(path, *required) if path.exists() else {}


def read_metrics(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise GroupwiseError(
            "no such file, so there is no number to report",
            place=path,
            remedy="Measure the run first: `groupwise evaluate RUN --fold test`.",
        )
    metrics = upgrade_metrics(_read_mapping(path))
    for fold, figures in metrics.items():
        several = isinstance(figures, dict) and figures.get("labels") == SEVERAL
        needed = {"n", "sources", "accuracy", "average_precision" if several else "confusion", "per_class"}
        if not isinstance(figures, dict) or not needed <= set(figures):
            fact = f"the figures of fold {fold!r} are incomplete"
            raise GroupwiseError(fact, place=path, remedy="Remove it, and run `groupwise evaluate` again.")
    if not metrics:
        raise GroupwiseError(
            "holds no fold", place=path, remedy="Remove it, and run `groupwise evaluate` again."
        )
    return metrics


def _read_recipe(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        recipe = yaml.safe_load(text)
    except FileNotFoundError:
        raise GroupwiseError("no such file", place=path, remedy="Give the folder of a whole run.") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        fact = f"not readable YAML ({' '.join(str(error).split())})"
        raise GroupwiseError(fact, place=path, remedy="Restore the file.") from None
    if not isinstance(recipe, dict):
        raise GroupwiseError("holds no fields", place=path, remedy="Restore the file.")
    return text, recipe


def _read_samples(path: Path, root: Path) -> tuple[Sample, ...]:
    return read_manifest(path, root).samples if path.exists() else ()


def _read_rows(path: Path, *required: str) -> Rows:
    return read_csv(path, required) if path.exists() else []


def _read_heat_maps(folder: Path) -> dict[str, Path]:
    """The overlay of each image that was explained, by the image's path."""
    listing = _read_optional_mapping(folder / "heatmaps.json")
    return {path: folder / Path(str(name)).name for path, name in listing.items()}


def _read_findings(path: Path) -> list[dict[str, Any]] | None:
    if not path.exists():
        return None
    findings = read_json(path)
    if not isinstance(findings, list) or not all(isinstance(item, dict) for item in findings):
        raise GroupwiseError("not a list of findings", place=path, remedy="Run `groupwise audit` again.")
    return findings


def upgrade_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of each fold as the newest schema holds them."""
    return {
        fold: upgrade({"schema": SCHEMA, **figures}) if isinstance(figures, dict) else figures
        for fold, figures in metrics.items()
    }


def headline_fold(metrics: Mapping[str, Any]) -> str:
    """The test fold, or else the first that was measured; `metrics` are those of `metrics.json`."""
    return TEST if TEST in metrics else next(iter(metrics))
