"""`decide` to `control`: verbs that say how good a run is."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from groupwise.cli.options import add_moved_option, operands_together
from groupwise.console import Console
from groupwise.data.archive import images_root
from groupwise.errors import UsageError
from groupwise.recipe.aim import COST_MATRIX, read_costs

if TYPE_CHECKING:
    from groupwise.recipe.parsing import Parser

POINT = ("positive_class", "target_sensitivity", "prevalence")  # what describes an operating point


def decide(parser: Parser, argv: list[str]) -> None:
    """Choose anew, without training, when answers are given and when not.

    groupwise decide RUN [options]

    groupwise decide runs/first --target-sensitivity 0.95 --class defect
    """
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    add_moved_option(parser)
    parser.add_argument("--target-sensitivity", type=float, help="share of a class that is to be recognised")
    parser.add_argument("--class", dest="positive_class", help="the class that is meant")
    parser.add_argument("--prevalence", type=float, help="its share where the network will be used")
    parser.add_argument(COST_MATRIX, metavar="CSV", dest="costs", type=Path, help="what wrong answers cost")
    parser.add_argument("--alpha", type=float, help="share of images whose set may miss the class")
    parser.add_argument("--error-rate", type=float, help="share of images that may be answered wrongly")
    parser.add_argument("--false-flag-rate", type=float, help="share of familiar images that may be flagged")
    arguments = parser.parse_args(argv)
    from groupwise.evaluation.decide import decide_again
    from groupwise.evaluation.evaluate import decided_before
    from groupwise.inference.text import decision_lines
    from groupwise.runs.run import Run

    run = Run.open(arguments.run)
    before = decided_before(run)
    given = {name: value for name in vars(before) if (value := arguments.get(name)) is not None}
    if "costs" in given:
        given["costs"] = read_costs(given["costs"])
    for ways, others in ((POINT, ("costs",)), (("costs",), POINT)):  # the new way to decide takes over
        if any(name in given for name in ways) and not any(name in given for name in others):
            given |= dict.fromkeys(others)
    root = images_root(arguments.data)
    decision = decide_again(run, dataclasses.replace(before, **given), root=root)
    console = Console()
    for line in decision_lines(decision):
        console.say(line)
    console.say(f"How it does on other images: groupwise evaluate {arguments.run} --fold test --json")


def compare(parser: Parser, argv: list[str]) -> None:
    """Say which of several runs is better, or what it would take to tell.

    groupwise compare RUN RUN... [options]

    groupwise compare runs/first runs/second
    """
    parser.add_argument(
        "runs",
        metavar="RUN",
        type=Path,
        nargs="+",
        help="folders of runs on one split: train B with --split.extend A/split.csv",
    )
    parser.add_argument("--fold", default="test", help="the fold to compare on")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    parser.add_argument("--seed", type=int, default=0, help="decides the resamples and the random flips")
    arguments = parser.parse_args(operands_together(parser, argv))
    from groupwise.experiments.comparison import compare_runs

    comparison = compare_runs(arguments.runs, fold=arguments.fold, seed=arguments.seed)
    if arguments.json:
        print(json.dumps(comparison.as_json(), indent=2, ensure_ascii=False))
        return
    console = Console()
    console.say(comparison.words())
    for warning in comparison.warnings:
        console.warn(f"Warning: {warning}.")


def labels(parser: Parser, argv: list[str]) -> None:
    """Name the labels that are probably wrong, the surest first.

    groupwise labels RUN [options]

    groupwise labels runs/first --top 50
    """
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run, best of one with --cv")
    parser.add_argument("--top", type=int, default=20, help="how many to print; the file names them all")
    arguments = parser.parse_args(argv)
    from groupwise.evaluation.label_errors import find_label_errors, write_label_errors
    from groupwise.evaluation.predictions import read_predictions
    from groupwise.evaluation.words import NOTHING_ON_LABELS, may_be_guessing
    from groupwise.files import read_json
    from groupwise.report.audit_files import has_audit, read_audit
    from groupwise.report.choose_page import write_choose_page
    from groupwise.runs.files import headline_fold
    from groupwise.runs.run import Run

    run, console = Run.open(arguments.run), Console()
    predictions = read_predictions(run.require("predictions.csv"))
    metrics = read_json(run.require("metrics.json"))
    if may_be_guessing(metrics[headline_fold(metrics)]):
        write_label_errors(run, [])
        console.say(f"No label is named: the network is {NOTHING_ON_LABELS}.")
        return
    folds = list(dict.fromkeys(row.fold for row in predictions.rows))
    if "test" in folds:
        run.count_test_reading("label errors were looked for")
    found = find_label_errors(predictions)
    suspects = found.suspects
    write_label_errors(run, suspects)
    if found.judged:
        console.say(
            f"{len(suspects):,} of {found.photographs:,} photographs in {' and '.join(folds)} are probably"
            " mislabelled, judged by a network that never learnt from them."
        )
    for sentence in found.words():
        console.say(sentence)
    if "members" not in run.ledger:
        console.say("Those that it learnt from cannot be judged; `groupwise train --cv 5` judges them all.")
    for suspect in suspects[: max(arguments.top, 0)]:
        console.say(f"  {suspect.words()}")
    console.say(f"All of them: {run.path('label_errors.csv')}")
    if suspects and has_audit(run.folder):
        page = write_choose_page(read_audit(run.folder))
        console.say(f"To tick what is to be left out, for --exclude: {page}")


def slices(parser: Parser, argv: list[str]) -> None:
    """Say whether some sites, devices or people fare worse than others.

    groupwise slices RUN [options]

    groupwise slices runs/first --by site
    """
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument(
        "--by",
        metavar="COLUMN",
        nargs="+",
        default=[],
        help="columns beside those measured before, by default all of yours",
    )
    parser.add_argument("--fold", help="the fold whose predictions were kept; else that of the number")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(argv)
    from groupwise.evaluation.slice_files import write_slices
    from groupwise.evaluation.words import sentence
    from groupwise.files import read_json
    from groupwise.report.page import write_report
    from groupwise.report.sections.subgroups import verdict
    from groupwise.runs.files import headline_fold
    from groupwise.runs.run import Run
    from groupwise.stats.estimate import SETS

    run, console = Run.open(arguments.run), Console()
    metrics = read_json(run.require("metrics.json"))
    facts = write_slices(run, arguments.fold or headline_fold(metrics), arguments.by)
    if facts is None:
        raise UsageError(
            "manifest.csv has no further columns",
            place=arguments.run,
            remedy="Train from a CSV with columns such as site or device, or give --by width.",
        )
    page = write_report(run.folder)
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for column in facts["columns"]:
        console.say(f"{column['column']}:")
        for one in column["slices"]:
            said = sentence("exact" if facts.get("labels") == SETS else "accuracy", one["accuracy"])
            console.say(f"  {one['value']}: {said}")
    for one in facts["skipped"]:
        console.say(f"{one['column']} is not compared: {one['reason']}.")
    console.say(f"\n{verdict(facts)}\nReport: {page}")


def robustness(parser: Parser, argv: list[str]) -> None:
    """Say how accuracy falls on blurred, compressed or noisy images.

    groupwise robustness RUN [options]

    groupwise robustness runs/first
    """
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    add_moved_option(parser)
    parser.add_argument("--fold", default="test", help="the fold whose images are damaged")
    parser.add_argument("--seed", type=int, default=0, help="decides the noise")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(argv)
    from groupwise.evaluation.robustness import write_robustness
    from groupwise.evaluation.words import sentence
    from groupwise.report.page import write_report
    from groupwise.runs.run import Run
    from groupwise.stats.estimate import SETS

    root = images_root(arguments.data)
    run, console = Run.open(arguments.run), Console(quiet=arguments.json)
    with console.progress("Damaging images") as progress:
        facts = write_robustness(run, arguments.fold, root=root, seed=arguments.seed, progress=progress)
    page = write_report(run.folder)
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    measure = "exact" if facts.get("labels") == SETS else "accuracy"
    told = "Exactly right" if measure == "exact" else "Right"
    console.say(f"undamaged: {sentence(measure, facts['clean'])}\n\n{told} in %, from mild to strong damage:")
    for name, one in facts["corruptions"].items():
        console.say(f"{name}, {one['unit']}")
        steps = zip(one["sizes"], one["accuracy"], strict=True)
        cells = [(f"{size:g}", f"{100 * accuracy['value']:.1f}") for size, accuracy in steps]
        for label, row in zip(("damage", "right"), zip(*cells, strict=True), strict=True):
            console.say(f"  {label:8}" + "".join(f"{cell:>8}" for cell in row))
    console.say(
        f"\nIntervals are in the report. The {arguments.fold} fold was read once more.\nReport: {page}"
    )


def leakage(parser: Parser, argv: list[str]) -> None:
    """Tell what a random split of a run's images would have reported.

    groupwise leakage RUN [options]

    groupwise leakage runs/first --retrain
    """
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    parser.add_argument(
        "--retrain", action="store_true", help="also train under random and grouped splits, and measure both"
    )
    parser.add_argument("--seeds", type=int, default=3, help="pairs of networks that --retrain trains")
    add_moved_option(parser)
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(argv)
    from groupwise.evaluation.leakage_words import leakage_words
    from groupwise.experiments.leakage import leakage as study

    console = Console(quiet=arguments.json)
    seeds, root = arguments.seeds if arguments.retrain else 0, images_root(arguments.data)
    facts = study(arguments.run, seeds=seeds, root=root, console=console)
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    for sentence in leakage_words(facts, arguments.run):
        console.say(sentence)


def control(parser: Parser, argv: list[str]) -> None:
    """Train on labels that mean nothing, where a sound pipeline scores chance.

    groupwise control RUN [options]

    groupwise control runs/first
    """
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    parser.add_argument("--permutations", type=int, default=1, help="networks to train, each on other labels")
    add_moved_option(parser)
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(argv)
    from groupwise.experiments.permutation_test import permutation_test as study
    from groupwise.experiments.permutation_test import permutation_test_words

    console = Console(quiet=arguments.json)
    root = images_root(arguments.data)
    facts = study(arguments.run, permutations=arguments.permutations, root=root, console=console)
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    for sentence in permutation_test_words(facts):
        console.say(sentence)
