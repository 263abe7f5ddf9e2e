"""One thing to do next, and its command: the same data, read as the run read them, into a new folder."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from groupwise.data.reading import reading_words
from groupwise.recipe.options import SHORT_NAMES
from groupwise.runs.files import RunFiles

LONGER = 2  # times the time that training had
# Fields that mean nothing beside an option, or would contradict it
DECIDES = {
    "--budget": ("training.epochs", "training.budget_minutes"),
    "--cv": ("split.extend",),
    "--weights": ("model.preset", "model.overrides", "data.image_size_px"),
}


@dataclass(frozen=True)
class Step:
    """One thing to do: what, why by the figures of this run, and the command that does it."""

    what: str
    reason: str
    command: str

    @property
    def sentence(self) -> str:
        """All of it, as the terminal says it."""
        return f"{self.what} ({self.reason}): `{self.command}`"


def on_run(verb: str, folder: str, *words: str) -> str:
    """The command that asks something of a run."""
    return shlex.join(["groupwise", verb, folder, *words])


def audit_again(files: RunFiles) -> str:
    """The command that audits the same data into a new folder."""
    given = given_split(files)
    as_given = [] if given is None else ["--split.given", given]
    words = ["groupwise", "audit", str(files.ledger["data"]), *_reading(files), *as_given]
    return shlex.join([*words, "--out", f"{files.folder}-audit"])


def given_split(files: RunFiles) -> str | None:
    """Where the split lies that the data bring and the run used, as `--split.given` says it."""
    given = files.part("split").get("given")
    return None if given is None else str(given)


def leaves_untested(files: RunFiles) -> bool:
    """Whether classes of few sources were to be learnt and not tested, which a cross-validation refuses."""
    split = files.part("split")
    return split.get("rare") == "train" and bool(split.get("min_sources"))


def train_again(files: RunFiles, name: str, *options: str, planned: bool = False) -> str:
    """The command that trains on the same data into a new folder; by the same recipe if that was given.

    Where it was planned the fields that the user set himself stay, unless it is to be `planned` as usual.
    """
    recipe = [] if planned or "plan" in files.ledger else ["--recipe", str(files.folder / "recipe.yaml")]
    if not recipe and "--weights" not in options and (named := files.ledger.get("pretrained")):
        recipe = ["--weights", named["name"]]
    refit = ["--refit"] * bool(files.ledger.get("refit"))
    words = [str(files.ledger["data"]), *_reading(files), *recipe, *options, *refit]
    if "plan" in files.ledger and not planned:
        words += _chosen(files, words)
    return shlex.join(["groupwise", "train", *words, "--run", f"{files.folder}-{name}"])


def _chosen(files: RunFiles, words: Sequence[str]) -> list[str]:
    """The fields that the user set himself, as options, but for those that `words` decide anew."""
    chosen = dict(files.ledger.get("chosen") or {})
    if chosen.get("seed") == 0:
        del chosen["seed"]
    for option, fields in DECIDES.items():
        if option in words:
            chosen = {name: value for name, value in chosen.items() if name not in fields}
    named = {name: SHORT_NAMES.get(name, f"--{name}") for name in chosen}
    return [
        word
        for name, value in chosen.items()
        if not {named[name], f"--{name}"} & {*words}
        for word in (named[name], value if isinstance(value, str) else json.dumps(value))
    ]


def cross_validated(files: RunFiles) -> tuple[str, ...]:
    """The option by which another training is measured as this one was."""
    return ("--cv", str(files.ledger["cv"]["folds"])) if files.crossval and "cv" in files.ledger else ()


def train_longer(files: RunFiles) -> str:
    """The command that gives training twice the time."""
    repeated = cross_validated(files)
    if "plan" in files.ledger:
        audit_s = float(files.audit.get("seconds") or 0)  # which a budget holds as well
        seconds = (files.ledger.get("budget") or {}).get("seconds") or training_s(files) + audit_s
        minutes = max(2, round(LONGER * seconds / 60))
        return train_again(files, "longer", *repeated, "--budget", f"{minutes}min")
    training = files.part("training")
    longer = ["--training.epochs", str(LONGER * int(training.get("epochs") or max(len(files.history), 1)))]
    if minutes := training.get("budget_minutes"):  # of a plan that was written down
        longer += ["--training.budget_minutes", f"{LONGER * minutes:.3g}"]
    return train_again(files, "longer", *repeated, *longer)


def training_s(files: RunFiles) -> float:
    """How long the epochs took, or the features and the head of a probe; of fold models, by their plan."""
    if members := files.ledger.get("members"):
        return len(members) * float(files.ledger.get("plan", {}).get("seconds") or 0)
    return float(files.probe.get("seconds") or sum(row["seconds"] for row in files.history))


def again_s(files: RunFiles, trainings: int) -> float:
    """How long so many trainings take, each as long as this run's, with their scores and a refit."""
    plan, epochs_s = files.ledger.get("plan") or {}, training_s(files)
    share = float((plan.get("after_training") or {}).get("refit_share") or 0)
    return trainings * max(epochs_s, float(plan.get("seconds") or 0)) + share * epochs_s


def ended_by_clock(files: RunFiles) -> bool:
    """Whether it was the time that ended training; of fold models, whether it was to bound it."""
    choices = files.ledger.get("plan", {}).get("choices", ())
    bounded = any(choice["field"] == "training.budget_minutes" for choice in choices)
    return bool(files.ledger.get("stopped")) or bool(files.crossval and bounded)


def _reading(files: RunFiles) -> list[str]:
    """The options that read the data as this run did."""
    return reading_words(files.ledger.get("reading") or {})


def is_probe(files: RunFiles) -> bool:
    """Whether the run is a probe of frozen features."""
    return files.part("model").get("features") is not None
