"""Verbs that put a run to use: export, predict."""

from __future__ import annotations

from pathlib import Path

from groupwise.arguments import Parser
from groupwise.console import Console
from groupwise.errors import GroupwiseError


def export(parser: Parser, argv: list[str]) -> None:
    """Write a run in the form of another program."""
    from groupwise.export.targets import TARGETS, export_run

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("--to", required=True, choices=tuple(TARGETS), help="the form (required)")
    parser.add_argument("--out", type=Path, help="the folder to write, by default RUN/export/FORM")
    parser.add_argument("--data", type=Path, help="where the images lie now, if they were moved")
    arguments = parser.parse_args(argv)
    data = arguments.data
    root = data.parent if data is not None and data.is_file() else data
    Console().say(f"Exported: {export_run(arguments.run, arguments.to, arguments.out, root=root)}")


def predict(parser: Parser, argv: list[str]) -> None:
    """Say class and probability of images, and where to doubt them."""
    from groupwise.evaluation.answer_words import answer_cells, answer_header, answer_line
    from groupwise.evaluation.predict import load_run
    from groupwise.files import write_csv

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="image files")
    parser.add_argument("--csv", type=Path, help="write the answers and every probability to this file")
    arguments = parser.parse_args(argv)
    predictor, console = load_run(arguments.run), Console()
    predictions, bad = [], list[GroupwiseError]()
    for prediction in predictor.stream(arguments.images, on_bad=bad.append):
        console.say(f"{prediction.path}: {answer_line(prediction.answer)}")
        predictions.append(prediction)
    if arguments.csv:
        rows = [(p.path, *answer_cells(p.answer)) for p in predictions]
        write_csv(arguments.csv, ("path", *answer_header(predictor.classes)), rows)
    for error in bad:
        console.warn(str(error))
    if bad:
        raise GroupwiseError(
            f"{len(bad)} of {len(arguments.images)} files could not be read",
            place="predict",
            remedy="They are named above; the others were predicted.",
        )
