"""Verbs that look closer at a finished run: slices, robustness."""

from __future__ import annotations

import json
from pathlib import Path

from groupwise.arguments import Parser
from groupwise.console import Console
from groupwise.data.archive import images_root
from groupwise.errors import UsageError


def slices(parser: Parser, argv: list[str]) -> None:
    """Compare the values of a column."""
    from groupwise.evaluation.headline import headline_fold
    from groupwise.evaluation.slice_files import write_slices
    from groupwise.files import read_json
    from groupwise.report.html import write_report
    from groupwise.report.sections.subgroups import verdict
    from groupwise.run import Run

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("--by", metavar="COLUMN", nargs="+", default=[], help="columns; else all of yours")
    parser.add_argument("--fold", help="the fold whose predictions were kept; else that of the number")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(argv)
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
            console.say(f"  {one['value']}: {_accuracy(one['accuracy'])}")
    for one in facts["skipped"]:
        console.say(f"{one['column']} is not compared: {one['reason']}.")
    console.say(f"\n{verdict(facts)}\nReport: {page}")


def robustness(parser: Parser, argv: list[str]) -> None:
    """Measure under damage."""
    from groupwise.evaluation.robustness import write_robustness
    from groupwise.report.html import write_report
    from groupwise.run import Run

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("--data", type=Path, help="where the images lie now, if they were moved")
    parser.add_argument("--fold", default="test", help="the fold whose images are damaged")
    parser.add_argument("--seed", type=int, default=0, help="decides the noise")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(argv)
    data = arguments.data
    root = images_root(data)
    run, console = Run.open(arguments.run), Console(quiet=arguments.json)
    with console.progress("Damaging images") as progress:
        facts = write_robustness(run, arguments.fold, root=root, seed=arguments.seed, progress=progress)
    page = write_report(run.folder)
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    console.say(f"undamaged: {_accuracy(facts['clean'])}\n\nRight in %, from mild to strong damage:")
    for name, one in facts["corruptions"].items():
        console.say(f"{name}, {one['unit']}")
        steps = zip(one["sizes"], one["accuracy"], strict=True)
        cells = [(f"{size:g}", f"{100 * accuracy['value']:.1f}") for size, accuracy in steps]
        for label, row in zip(("damage", "right"), zip(*cells, strict=True), strict=True):
            console.say(f"  {label:8}" + "".join(f"{cell:>8}" for cell in row))
    console.say(
        f"\nIntervals are in the report. The {arguments.fold} fold was read once more.\nReport: {page}"
    )


def _accuracy(figure: dict[str, object]) -> str:
    from groupwise.evaluation.words import sentence

    return sentence("accuracy", figure)
