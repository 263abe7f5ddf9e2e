"""Verbs that say how good a run is: evaluate, compare, report."""

from __future__ import annotations

import json
from pathlib import Path

from groupwise.arguments import Parser
from groupwise.console import Console


def evaluate(parser: Parser, argv: list[str]) -> None:
    """Measure a fold again."""
    from groupwise.evaluation.score import score_fold, write_scores
    from groupwise.evaluation.words import sentence
    from groupwise.run import Run

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("--data", type=Path, help="where the images lie now, if they were moved")
    parser.add_argument("--fold", default="test", help="the fold to measure")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(argv)
    data = arguments.data
    root = data.parent if data is not None and data.is_file() else data
    run = Run.open(arguments.run)
    scored = score_fold(run, arguments.fold, root=root, why="groupwise evaluate")
    if not run.path("metrics.json").exists():  # a run that was interrupted can have its report
        write_scores(run, {arguments.fold: scored})
    if arguments.json:
        print(json.dumps({arguments.fold: scored.metrics}, indent=2, ensure_ascii=False))
    else:
        Console().say(f"{arguments.fold.capitalize()}: {sentence('accuracy', scored.metrics['accuracy'])}")


def compare(parser: Parser, argv: list[str]) -> None:
    """Say which of several runs is better."""
    from groupwise.comparison import compare_runs

    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="the folders of two runs or more")
    parser.add_argument("--fold", default="test", help="the fold to compare on")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    parser.add_argument("--seed", type=int, default=0, help="decides the resamples and the random flips")
    arguments = parser.parse_args(argv)
    comparison = compare_runs(arguments.runs, fold=arguments.fold, seed=arguments.seed)
    if arguments.json:
        print(json.dumps(comparison.as_json(), indent=2, ensure_ascii=False))
        return
    console = Console()
    console.say(comparison.words())
    for warning in comparison.warnings:
        console.warn(f"Warning: {warning}.")


def report(parser: Parser, argv: list[str]) -> None:
    """Write a run's report again."""
    from groupwise.report.html import write_report
    from groupwise.run import Run

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    arguments = parser.parse_args(argv)
    run = Run.open(arguments.run)
    for name in ("recipe.yaml", "split.json", "predictions.csv", "metrics.json"):
        run.require(name)
    Console().say(f"Report: {write_report(arguments.run)}")
