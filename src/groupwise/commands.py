"""The verbs of the command line: each declares its options, parses them, and calls what does the work.

What a verb needs is imported when it runs, so that `--help` and the verbs without a network load no torch.
"""

from __future__ import annotations

import json
from pathlib import Path

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


def scan(parser: Parser, argv: list[str]) -> None:
    """Say of every file whether it can be used."""
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


def show(parser: Parser, argv: list[str]) -> None:
    """Draw a grid of sample images."""
    from groupwise.prepare import draw_samples, scan_with_progress

    add_data_options(parser)
    parser.add_argument("--rows", type=int, default=2, help="rows of the grid")
    parser.add_argument("--cols", type=int, default=8, help="columns of the grid")
    parser.add_argument("--seed", type=int, default=0, help="decides which images are drawn")
    parser.add_argument("--out", type=Path, default=Path("samples.png"), help="the PNG file to write")
    arguments = parser.parse_args(argv)
    console = Console()
    manifest = scan_with_progress(scan_of(arguments), console)
    draw_samples(manifest, arguments.out, rows=arguments.rows, cols=arguments.cols, seed=arguments.seed)
    console.say(f"Samples: {arguments.out}")


def info(parser: Parser, argv: list[str]) -> None:
    """Print the networks, or one of them."""
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


def audit(parser: Parser, argv: list[str]) -> None:
    """Find copies, conflicts and bad files."""
    from groupwise.prepare import audit_manifest, scan_with_progress, write_audit

    add_data_options(parser)
    parser.add_argument("--out", type=Path, default=Path("audit"), help="the folder to write")
    parser.add_argument("--seed", type=int, default=0, help="decides which copies are planted as a check")
    parser.add_argument("--json", action="store_true", help="print the facts and findings as JSON")
    arguments = parser.parse_args(argv)
    console = Console(quiet=arguments.json)
    manifest = scan_with_progress(scan_of(arguments), console)
    audited = audit_manifest(manifest, seed=arguments.seed, console=console)
    manifest.write(arguments.out / "manifest.csv")
    page = write_audit(arguments.out, Path(arguments.folder), manifest, audited)
    if arguments.json:
        findings = [finding.to_json() | {"picture": None} for finding in audited.findings]
        print(json.dumps({**audited.facts, "findings": findings}, indent=2, ensure_ascii=False))
    console.say(f"Report: {page}")


def split(parser: Parser, argv: list[str]) -> None:
    """Divide images into folds."""
    from groupwise.data.split import SplitConfig
    from groupwise.prepare import audit_manifest, scan_with_progress, split_manifest

    add_data_options(parser)
    parser.add_argument(
        "--out", type=Path, required=True, help="the split.csv to write (required); extended if there"
    )
    parser.add_argument(
        "--train", type=float, default=0.8, help="size of the training fold, relative to the others"
    )
    parser.add_argument("--val", type=float, default=0.1, help="size of the fold that selects")
    parser.add_argument("--test", type=float, default=0.1, help="size of the fold that is read once")
    parser.add_argument("--folds", type=int, help="instead: this many folds of equal share")
    parser.add_argument(
        "--label-conflicts",
        choices=("drop", "keep"),
        default="drop",
        help="whether files of one photograph under two labels are left out",
    )
    parser.add_argument("--seed", type=int, default=0, help="decides among sources of equal size")
    arguments = parser.parse_args(argv)
    console = Console()
    manifest = scan_with_progress(scan_of(arguments), console)
    extend = str(arguments.out) if arguments.out.is_file() else None
    config = SplitConfig(
        train=arguments.train,
        val=arguments.val,
        test=arguments.test,
        label_conflicts=arguments.label_conflicts,
        extend=extend,
    )
    audited = audit_manifest(manifest, seed=arguments.seed, console=console)
    shares = _equal_folds(arguments.folds) if arguments.folds is not None else None
    split, _ = split_manifest(manifest, audited, config, seed=arguments.seed, console=console, shares=shares)
    split.write(arguments.out)
    console.say(f"{'Extended' if extend else 'Split'}: {arguments.out}. No source spans two folds.")


def _equal_folds(count: int) -> dict[str, float]:
    if count < 2:
        raise UsageError(f"{count} folds", place="--folds", remedy="Give at least 2.")
    return {f"fold{number}": 1.0 for number in range(1, count + 1)}


def train(parser: Parser, argv: list[str]) -> None:
    """Run the whole chain."""
    from groupwise.recipe import recipe_fields, recipe_file, to_yaml

    add_data_options(parser, optional=True)
    parser.add_argument("--run", type=Path, help="the folder to write; required")
    parser.add_argument("--recipe", default="default", help="name of a recipe, or a YAML file")
    parser.add_argument("--resume", action="store_true", help="go on with the run that is in --run")
    parser.add_argument(PRINT, action="store_true", help="print the resolved recipe, and stop")
    add_recipe_options(parser)
    file = recipe_file(value_of("--recipe", argv) or "default")
    base = build_recipe(recipe_fields(file), file)
    arguments, recipe = parse_recipe(parser, [word for word in argv if word != PRINT], base)
    if PRINT in argv:
        print(to_yaml(recipe), end="")
        return
    for name, value in (("DATA", arguments.folder), ("--run", arguments.run)):
        if value is None:
            raise UsageError("missing", place=name, remedy="As in: groupwise train DATA --run runs/first")
    from groupwise.job import Job
    from groupwise.pipeline import train as run_job

    job = Job(Path(arguments.folder), scan_of(arguments), arguments.run, recipe, base, arguments.resume)
    run_job(job, Console())


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


def predict(parser: Parser, argv: list[str]) -> None:
    """Say class and probability of images."""
    from groupwise.evaluation.predict import load_run
    from groupwise.files import write_csv

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="image files")
    parser.add_argument("--csv", type=Path, help="write the probability of every class to this file")
    arguments = parser.parse_args(argv)
    predictor, console = load_run(arguments.run), Console()
    predictions, bad = [], list[GroupwiseError]()
    for prediction in predictor.stream(arguments.images, on_bad=bad.append):
        console.say(f"{prediction.path}: {prediction.label} ({prediction.probability:.1%})")
        predictions.append(prediction)
    if arguments.csv:
        header = ("path", "predicted", *(f"prob_{name}" for name in predictor.classes))
        rows = [(p.path, p.label, *map(repr, p.probabilities.values())) for p in predictions]
        write_csv(arguments.csv, header, rows)
    for error in bad:
        console.warn(str(error))
    if bad:
        raise GroupwiseError(
            f"{len(bad)} of {len(arguments.images)} files could not be read",
            place="predict",
            remedy="They are named above; the others were predicted.",
        )


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


def demo(parser: Parser, argv: list[str]) -> None:
    """Train on handwritten digits."""
    from groupwise.demo import demo as run_demo

    parser.add_argument("--run", type=Path, default=Path("runs/demo"), help="the folder to write")
    arguments = parser.parse_args(argv)
    run_demo(arguments.run, Console())
