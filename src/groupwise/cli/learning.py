"""`learning-curve`: what more sources would be worth, or how many an interval needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from groupwise.cli.options import add_moved_option
from groupwise.console import Console
from groupwise.data.archive import images_root
from groupwise.text import parse_duration

if TYPE_CHECKING:
    from groupwise.recipe.parsing import Parser


def learning_curve(parser: Parser, argv: list[str]) -> None:
    """Say what more sources would be worth, by training on parts of them, or how many an interval needs.

    groupwise learning-curve RUN [options]

    groupwise learning-curve runs/first --budget 20min
    groupwise learning-curve runs/first --interval-width 0.05
    """
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    parser.add_argument("--repeats", type=int, default=2, help="networks of each size, on other sources each")
    parser.add_argument("--budget", metavar="TIME", help="how long it may take, as in 20min or 1h")
    parser.add_argument(
        "--interval-width",
        metavar="WIDTH",
        type=float,
        help="train nothing, and say how many sources bring the interval to this width, as in 0.05",
    )
    add_moved_option(parser)
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(argv)
    budget_s = parse_duration(arguments.budget, "--budget") if arguments.budget else None
    from groupwise.evaluation.interval_width import write_interval_width
    from groupwise.report.page import write_report
    from groupwise.runs.run import Run

    console = Console(quiet=arguments.json)
    run = Run.open(arguments.run)
    if arguments.interval_width is not None:
        facts = write_interval_width(run, arguments.interval_width)
    else:
        from groupwise.experiments.learning_curve import learning_curve as study

        root = images_root(arguments.data)
        facts = study(arguments.run, repeats=arguments.repeats, budget_s=budget_s, root=root, console=console)
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    for sentence in facts["words"]:
        console.say(sentence)
    if run.path("metrics.json").is_file():
        console.say(f"Report: {write_report(run.folder)}")
