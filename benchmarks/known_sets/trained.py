"""The page's command for a set, run to its end: what the network scored, beside what, and at which cost."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from groupwise.runs.baselines import read_baselines
from groupwise.runs.files import read_metrics
from groupwise.runs.run import Run

from .published import KnownSet, write_list

FOLD, MEASURE, LIMITS = "test", "accuracy", ("value", "low", "high")


def train_as_printed(known: KnownSet, copy: Path, work: Path) -> dict[str, Any]:
    """List the copy and train on it in `work`, by the command that the page prints; ends where it fails."""
    listing = f"{known.name}.csv"
    write_list(known.list_pictures(copy), work / listing)
    command = known.command(listing, shlex.quote(str(copy.resolve())))
    print(command, flush=True)
    before = sum(os.times()[2:4])
    if code := subprocess.run([sys.executable, "-m", *shlex.split(command)], cwd=work).returncode:
        raise SystemExit(code)  # it has said why
    return {**read_outcome(work / "runs" / known.name), "processor_s": round(sum(os.times()[2:4]) - before)}


def read_outcome(run: Path) -> dict[str, Any]:
    """The accuracy of a finished run where it was tested, beside the baseline that its verdict names."""
    measured, beside = read_metrics(run / "metrics.json")[FOLD], read_baselines(run / "baselines.json")
    if beside is None:
        raise SystemExit(f"{run}: no baselines beside the number")
    rival = beside.rival(FOLD)
    lead = rival.scores[FOLD].leads[MEASURE]
    budget = Run.open(run).ledger["budget"]
    return {
        MEASURE: {key: measured[MEASURE][key] for key in LIMITS},
        "images": measured["n"],
        "sources": measured["sources"],
        "baseline": rival.name,
        "baseline_accuracy": rival.scores[FOLD].figures[MEASURE].value,
        "lead": {key: getattr(lead, key) for key in LIMITS},
        "budget_s": budget["seconds"],
        "spent_s": budget["spent"],
        "waited": budget["waited"],
    }
