"""`evaluate`: a fold of a run measured again, one answer a case, or data that the run has never seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.cli.options import add_layout_options, operands_together, options_of
from groupwise.console import Console
from groupwise.data.archive import images_root, is_there
from groupwise.data.reading import ReadOptions, reading_words
from groupwise.data.targets import refuse_several
from groupwise.errors import UsageError
from groupwise.recipe.decision import DecisionConfig

if TYPE_CHECKING:
    from groupwise.data.manifest import Manifest
    from groupwise.recipe.parsing import Parser
    from groupwise.runs.run import Run


def evaluate(parser: Parser, argv: list[str]) -> None:
    """Measure a fold again, or data from elsewhere, from the saved weights alone.

    groupwise evaluate RUN [NEW] [options]

    groupwise evaluate runs/first clinic_b/
    groupwise evaluate runs/first --fold test --json
    """
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("new", metavar="NEW", type=Path, nargs="?", help="the same as --external NEW")
    parser.add_argument(
        "--data",
        metavar="DATA",
        type=Path,
        help="where the images of the run lie now, if they were moved; new ones go to --external",
    )
    parser.add_argument("--fold", help="the fold to measure, by default test")
    parser.add_argument(
        "--by",
        metavar="COLUMN",
        help="also measure one answer a case, from all of its pictures: `source`, or a further column",
    )
    parser.add_argument(
        "--ordered",
        metavar="[CLASS,...]",
        type=list[str],
        help="all classes from the lowest to the highest, for the weighted kappas",
    )
    parser.add_argument(
        "--external",
        metavar="NEW",
        type=Path,
        help="measure labelled data that the run has never seen, a folder or a table; the options below say"
        " how it is read",
    )
    parser.add_argument(
        "--name", help="what the new data are called in RUN/external, by default as its file or folder"
    )
    parser.add_argument(
        "--ignore-unknown-classes",
        action="store_true",
        help="leave out new images whose class the run does not know",
    )
    add_layout_options(parser)
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(operands_together(parser, argv))
    if arguments.new and arguments.external:
        raise UsageError(
            "names new data a second time", place=f"--external {arguments.external}", remedy="Give one."
        )
    arguments.external = arguments.external or arguments.new
    if arguments.external is None:
        _refuse_without_external(arguments)
        _evaluate_fold(arguments)
    else:
        _evaluate_external(arguments)


def _refuse_without_external(arguments: Any) -> None:
    given = reading_words(options_of(arguments))
    given += ["--name"] if arguments.name is not None else []
    given += ["--ignore-unknown-classes"] if arguments.ignore_unknown_classes else []
    if given:
        raise UsageError(
            "goes with --external", place=given[0], remedy="Name the new data, or leave this option out."
        )


def _evaluate_fold(arguments: Any) -> None:
    from groupwise.evaluation.cases import refuse_cases, write_cases
    from groupwise.evaluation.evaluate import keep_scores, score_fold
    from groupwise.evaluation.words import case_sentence, kappa_sentences, sentence
    from groupwise.report.page import write_report
    from groupwise.runs.files import TEST
    from groupwise.runs.run import Run

    root, fold = images_root(arguments.data), arguments.fold or TEST
    run = Run.open(arguments.run)
    if root is not None and not any(is_there(root / row.path) for row in run.split().rows):
        raise UsageError(
            "holds none of the images of the run",
            place=f"--data {arguments.data}",
            remedy=f"Name where they lie now. New ones are measured by `groupwise evaluate {arguments.run}"
            f" {arguments.data}`.",
        )
    ordered = _ordered(arguments, run)
    if arguments.by:
        refuse_cases(run, fold, arguments.by)  # before a reading of the fold is counted
    scored = score_fold(run, fold, root=root, why="groupwise evaluate", ordered=ordered)
    keep_scores(run, fold, scored)
    cases = write_cases(run, fold, arguments.by, scored, root=root) if arguments.by else None
    if arguments.json:
        told = {fold: scored.metrics} | ({"cases": cases} if cases else {})
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    console = Console()
    measures = ("accuracy",) if scored.given is None else ("average_precision", "micro_f1", "macro_f1")
    for measure in measures:
        console.say(f"{fold.capitalize()}: {sentence(measure, scored.metrics[measure])}")
    for line in kappa_sentences(scored.metrics):
        console.say(line)
    if cases:
        console.say(case_sentence(cases))
    if cases or ordered:
        console.say(f"Report: {write_report(run.folder)}")


def _ordered(arguments: Any, run: Run) -> tuple[str, ...]:
    if not arguments.ordered:
        return ()
    ordered, split = tuple(arguments.ordered), run.split()
    refuse_several(split.several, "--ordered")
    DecisionConfig(ordered=ordered).refuse_unordered(split.classes)
    return ordered


def _labelled_as(run: Run, options: ReadOptions) -> ReadOptions:
    """The options with several labels an image where the run has them, unless they say otherwise."""
    return replace(options, labels="several") if options.labels == "auto" and run.split().several else options


def _grouped_as(run: Run, options: ReadOptions) -> ReadOptions:
    """The options with the groups of the run, unless they say how those of the new data are found."""
    own = run.ledger.get("reading") or {}
    if options.group_column is not None or options.group_regex is not None:
        return options
    return replace(options, group_regex=own.get("group_regex"), group_column=own.get("group_column"))


def _evaluate_external(arguments: Any) -> None:
    if arguments.fold is not None:
        raise UsageError(
            "--external measures all of the new data", place="--fold", remedy="Leave out one of the two."
        )
    from groupwise.evaluation.external_words import external_lines
    from groupwise.inference.predictor import load_run
    from groupwise.pipeline.external import ExternalRequest, evaluate_external
    from groupwise.runs.external import FOLDER
    from groupwise.runs.request import scan_with
    from groupwise.runs.run import Run

    run, console = Run.open(arguments.run), Console(quiet=arguments.json)
    # Deep pictures become levels as those of the run do, whatever the new ones would suggest.
    reading = load_run(run.folder).preprocessing.reading

    def scan(progress: Callable[[int, int], None]) -> Manifest:
        options = _labelled_as(run, ReadOptions.pick(arguments, None))
        own = _grouped_as(run, options)
        if own == options:
            return scan_with(arguments.external, options, reading)(progress)
        how = f"regex {own.group_regex!r}" if own.group_regex else f"column {own.group_column}"
        try:
            found = scan_with(arguments.external, own, reading)(progress)
        except UsageError as error:
            if not error.place.startswith("--group"):
                raise
            console.warn(f"The run has its groups by --group-{how}, which finds none here: without groups.")
            return scan_with(arguments.external, options, reading)(progress)
        console.say(f"Groups by --group-{how}, as those of the run")
        return found

    request = ExternalRequest(
        data=arguments.external,
        scan=scan,
        name=arguments.name,
        ignore_unknown=arguments.ignore_unknown_classes,
        by=arguments.by,
        root=images_root(arguments.data),
        ordered=_ordered(arguments, run),
    )
    found = evaluate_external(run.folder, request, console)
    if arguments.json:
        print(json.dumps({found.name: found.as_json()}, indent=2, ensure_ascii=False))
    for line in external_lines(found):
        console.say(line)
    page = run.path(f"{FOLDER}/{found.name}" if run.is_refit else "report.html")
    console.say(f"{'Written' if run.is_refit else 'Report'}: {page}")
