"""The data of a report, `report.json`: all that its page says.

schema          2; raised when a key changes its meaning or goes
run, data, created, version, recipe
verdict         number, baseline, optimised, standing (beats, not_shown, loses; null without any), trust,
                trusted, short_of_time (sentences), next_steps [{what, reason, command}], and text, all of
                it as the terminal ends
baselines       `baselines.json`; null where absent
headline        fold, n, sources, sentence, interval (in words), baseline (in words), optimised (in words),
                doubtful, and the figure `accuracy` as in `metrics.json`; where images have sets of labels
                `average_precision` as well, which `sentence` and `interval` are of
optimised_for   accuracy, balanced, auroc, average_precision or cost
refit           where the network that went on with all images lies, in words; empty where there is none
hidden, cautions [{title, text, remedy}]: what makes it untrue, what asks for care
not_said, unchecked   sentences
figures         `metrics.json`: every figure of every fold
split           `split.json`
findings        those of the audit without their pictures; null where it was not run
leakage, crossval, slices, robustness, cases, training_fold, learning_curve, interval_width   the files of
                those names; null where absent
external        for each set of new data its `external.json`, and its `figures` as in `metrics.json`
label_errors    rows of `label_errors.csv`; null where there is none
history         rows of `history.csv`
checklist       [{topic, question, claim, tripod_ai, reforms, stard_ai, neurips, state, text, where}], where
                being the section of the page that holds what the answer rests on, empty where it needs you
ledger          `run.json`
environment     `environment.json`
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from groupwise.report.checklist.checklist import Answered, answer_all
from groupwise.report.sections.number import headline
from groupwise.report.sections.unchecked import not_said, unchecked
from groupwise.report.validity import hidden_faults, notes
from groupwise.report.verdict import verdict
from groupwise.runs.files import RunFiles
from groupwise.text import NBSP

SCHEMA = 2


def as_data(files: RunFiles) -> dict[str, Any]:
    """What `report.json` holds."""
    hidden = hidden_faults(files)
    return {
        "schema": SCHEMA,
        "run": files.folder.name,
        "data": files.ledger["data"],
        "created": files.ledger["created"],
        "version": files.ledger.get("version"),
        "recipe": files.recipe,
        "verdict": {**asdict(said := verdict(files)), "text": said.text},
        "baselines": files.baselines and files.baselines.as_json(),
        "optimised_for": files.optimised_for,
        "refit": headline(files).refit.replace(NBSP, " "),
        "headline": _headline(files) | {"doubtful": bool(hidden)},
        "hidden": [asdict(note) for note in hidden],
        "cautions": [asdict(note) for note in notes(files)],
        "not_said": list(not_said(files)),
        "unchecked": unchecked(files),
        "figures": files.metrics,
        "split": files.split,
        "findings": files.findings and [finding | {"picture": None} for finding in files.findings],
        "leakage": files.leakage or None,
        "crossval": files.crossval or None,
        "slices": files.slices or None,
        "robustness": files.robustness or None,
        "cases": files.cases or None,
        "training_fold": files.training_fold or None,
        "learning_curve": files.learning_curve or None,
        "interval_width": files.interval_width or None,
        "external": [one.as_json() for one in files.external],
        "label_errors": files.label_errors or None,
        "history": files.history,
        "checklist": [_item(one) for one in answer_all(files)],
        "ledger": files.ledger,
        "environment": files.environment,
    }


def _headline(files: RunFiles) -> dict[str, Any]:
    said, measured = headline(files), files.metrics[files.fold]
    return {
        "fold": said.fold,
        "n": measured["n"],
        "sources": measured["sources"],
        "accuracy": measured["accuracy"],
        **({"average_precision": measured["average_precision"]} if files.several else {}),
        "sentence": said.sentence.replace(NBSP, " "),
        "interval": said.interval.replace(NBSP, " "),
        "baseline": said.baseline.replace(NBSP, " "),
        "optimised": said.optimised.replace(NBSP, " "),
    }


def _item(one: Answered) -> dict[str, str]:
    item, answer = one.item, one.answer
    return {
        "topic": item.topic,
        "question": item.question,
        "claim": item.claim,
        "tripod_ai": item.tripod,
        "reforms": item.reforms,
        "stard_ai": item.stard,
        "neurips": item.neurips,
        "state": answer.state,
        "text": answer.text.replace(NBSP, " "),
        "where": item.where,
    }
