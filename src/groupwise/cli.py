"""The command line: one verb a command, exit status 0, 1 (failed) or 2 (wrong usage), no tracebacks."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from groupwise import __version__
from groupwise.arguments import (
    Parser,
    add_data_options,
    add_recipe_options,
    build_recipe,
    parse_recipe,
    scan_of,
    value_of,
)
from groupwise.console import Console
from groupwise.errors import GroupwiseError, UsageError

PRINT = "--print_config"  # taken out by hand: the parser library reserves the name
INTERRUPTED = 130  # what a shell gives for Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    try:
        return _dispatch(arguments)
    except (GroupwiseError, KeyboardInterrupt, Exception) as error:
        if debug:
            traceback.print_exc()
        print(f"groupwise: {_explain(error)}", file=sys.stderr)
        if isinstance(error, KeyboardInterrupt):
            return INTERRUPTED
        return error.exit_status if isinstance(error, GroupwiseError) else 1


def _explain(error: BaseException) -> str:
    if isinstance(error, GroupwiseError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "Stopped before anything was learnt."
    return f"{type(error).__name__}: {error}. This is a defect of Groupwise; --debug shows where."


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if argv[0] in ("-V", "--version"):
        print(f"groupwise {__version__}")
        return 0
    verb, *rest = argv
    if verb not in VERBS:
        raise UsageError(f"no command {verb!r}", place="groupwise", remedy="See `groupwise --help`.")
    promise, run = VERBS[verb]
    try:
        run(Parser(verb, promise, OPERANDS.get(verb, "DATA")), rest)
    except SystemExit as leave:  # --help leaves this way
        return int(leave.code or 0)
    return 0


def _overview() -> str:
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {promise}" for verb, (promise, _) in VERBS.items()]
    return "\n".join(
        [
            "usage: groupwise COMMAND ...",
            "",
            "Trains a ResNeXt on a folder of labelled images and says how good the result really is.",
            "",
            *lines,
            "",
            "`groupwise COMMAND --help` explains one. --debug shows the traceback of an error.",
        ]
    )


def _scan(parser: Parser, argv: list[str]) -> None:
    from groupwise.prepare import scan_with_progress

    add_data_options(parser)
    parser.add_argument("--out", type=Path, help="write the manifest to this CSV file")
    arguments = parser.parse_args(argv)
    console = Console()
    manifest = scan_with_progress(scan_of(arguments), console)
    for sample in manifest.samples:
        if sample.status == "quarantined":
            console.say(f"  {sample.path}: {sample.reason}")
    if arguments.out:
        manifest.write(arguments.out)
        console.say(f"Manifest: {arguments.out}")


def _show(parser: Parser, argv: list[str]) -> None:
    from groupwise.prepare import draw_samples, scan_with_progress

    add_data_options(parser)
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--cols", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0, help="decides which images are drawn")
    parser.add_argument("--out", type=Path, default=Path("samples.png"), help="the PNG file to write")
    arguments = parser.parse_args(argv)
    console = Console()
    manifest = scan_with_progress(scan_of(arguments), console)
    draw_samples(manifest, arguments.out, rows=arguments.rows, cols=arguments.cols, seed=arguments.seed)
    console.say(f"Samples: {arguments.out}")


def _info(parser: Parser, argv: list[str]) -> None:
    from groupwise.information import describe_preset, list_presets

    parser.add_argument(
        "preset", metavar="NETWORK", nargs="?", help="name of a network; without it, all are listed"
    )
    parser.add_argument("--num-classes", type=int, help="length of the logits")
    parser.add_argument("--image-size-px", type=int, help="side of the images; 224, or 32 for CIFAR networks")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    if arguments.preset is None:
        print(list_presets(as_json=arguments.json))
    else:
        print(
            describe_preset(
                arguments.preset,
                num_classes=arguments.num_classes,
                image_size_px=arguments.image_size_px,
                as_json=arguments.json,
            )
        )


def _split(parser: Parser, argv: list[str]) -> None:
    from groupwise.data.split import SplitConfig
    from groupwise.prepare import scan_with_progress, split_manifest

    add_data_options(parser)
    parser.add_argument("--out", type=Path, required=True, help="the split.csv to write; extended if there")
    parser.add_argument("--train", type=float, default=0.8, help="share of the training fold")
    parser.add_argument("--val", type=float, default=0.1, help="share of the fold that selects")
    parser.add_argument("--test", type=float, default=0.1, help="share of the fold that is read once")
    parser.add_argument("--folds", type=int, help="instead: this many folds of equal share")
    parser.add_argument("--seed", type=int, default=0, help="decides among sources of equal size")
    arguments = parser.parse_args(argv)
    console = Console()
    manifest = scan_with_progress(scan_of(arguments), console)
    extend = str(arguments.out) if arguments.out.is_file() else None
    config = SplitConfig("grouped", arguments.train, arguments.val, arguments.test, extend)
    shares = _equal_folds(arguments.folds) if arguments.folds is not None else None
    split, _ = split_manifest(manifest, config, seed=arguments.seed, console=console, shares=shares)
    split.write(arguments.out)
    console.say(f"{'Extended' if extend else 'Split'}: {arguments.out}. No source spans two folds.")


def _equal_folds(count: int) -> dict[str, float]:
    if count < 2:
        raise UsageError(f"{count} folds", place="--folds", remedy="Give at least 2.")
    return {f"fold{number}": 1.0 for number in range(1, count + 1)}


def _train(parser: Parser, argv: list[str]) -> None:
    from groupwise.recipe import read_recipe, recipe_file, to_yaml

    add_data_options(parser, optional=True)
    parser.add_argument("--run", type=Path, help="the folder to write; required")
    parser.add_argument("--recipe", default="default", help="name of a recipe, or a YAML file")
    parser.add_argument("--resume", action="store_true", help="go on with the run that is in --run")
    parser.add_argument(PRINT, action="store_true", help="print the resolved recipe, and stop")
    add_recipe_options(parser)
    file = recipe_file(value_of("--recipe", argv) or "default")
    base = build_recipe(read_recipe(file), file)
    arguments, recipe = parse_recipe(parser, [word for word in argv if word != PRINT], base)
    if PRINT in argv:
        print(to_yaml(recipe), end="")
        return
    for name, value in (("DATA", arguments.folder), ("--run", arguments.run)):
        if value is None:
            raise UsageError("missing", place=name, remedy="As in: groupwise train DATA --run runs/first")
    from groupwise.pipeline import Job, train

    job = Job(Path(arguments.folder), scan_of(arguments), arguments.run, recipe, base, arguments.resume)
    train(job, Console())


def _evaluate(parser: Parser, argv: list[str]) -> None:
    from groupwise.evaluation.score import score_fold
    from groupwise.evaluation.words import sentence
    from groupwise.run import Run

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("--data", type=Path, help="where the images lie now, if they were moved")
    parser.add_argument("--fold", default="test", help="the fold to measure")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(argv)
    data = arguments.data
    root = data.parent if data is not None and data.is_file() else data
    scored = score_fold(Run.open(arguments.run), arguments.fold, root=root, why="groupwise evaluate")
    if arguments.json:
        print(json.dumps({arguments.fold: scored.metrics}, indent=2, ensure_ascii=False))
    else:
        Console().say(f"{arguments.fold.capitalize()}: {sentence('accuracy', scored.metrics['accuracy'])}")


def _predict(parser: Parser, argv: list[str]) -> None:
    from groupwise.evaluation.predict import load_run
    from groupwise.files import write_csv

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="image files")
    parser.add_argument("--csv", type=Path, help="write the probability of every class to this file")
    arguments = parser.parse_args(argv)
    predictor = load_run(arguments.run)
    predictions = predictor.predict(arguments.images)
    for prediction in predictions:
        Console().say(f"{prediction.path}: {prediction.label} ({prediction.probability:.1%})")
    if arguments.csv:
        header = ("path", "predicted", *(f"prob_{name}" for name in predictor.classes))
        rows = [(p.path, p.label, *map(repr, p.probabilities.values())) for p in predictions]
        write_csv(arguments.csv, header, rows)


def _report(parser: Parser, argv: list[str]) -> None:
    from groupwise.report.html import write_report

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    arguments = parser.parse_args(argv)
    Console().say(f"Report: {write_report(arguments.run)}")


def _demo(parser: Parser, argv: list[str]) -> None:
    from groupwise.demo import demo

    parser.add_argument("--run", type=Path, default=Path("runs/demo"), help="the folder to write")
    arguments = parser.parse_args(argv)
    demo(arguments.run, Console())


OPERANDS = {"info": "[NETWORK]", "evaluate": "RUN", "predict": "RUN IMAGE...", "report": "RUN", "demo": ""}
VERBS: dict[str, tuple[str, Callable[[Parser, list[str]], None]]] = {
    "scan": ("Say of every file below a folder whether it can be used, and why not.", _scan),
    "show": ("Draw a grid of sample images with their classes.", _show),
    "info": ("List the networks, or print one stage by stage with its cost.", _info),
    "split": ("Divide images into folds so that no source spans two.", _split),
    "train": ("Train on a folder or CSV, from scan to report.", _train),
    "evaluate": ("Measure a fold again, from the saved weights alone.", _evaluate),
    "predict": ("Say class and probability of images.", _predict),
    "report": ("Write a run's report again.", _report),
    "demo": ("Train on scikit-learn's handwritten digits, in about a minute.", _demo),
}
