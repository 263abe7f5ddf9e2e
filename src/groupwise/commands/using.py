"""Verbs that put a run to use: explain, export, predict, serve."""

from __future__ import annotations

import os
from pathlib import Path

from groupwise.arguments import Parser, operands_together
from groupwise.console import Console
from groupwise.errors import GroupwiseError, UsageError
from groupwise.run import Run


def explain(parser: Parser, argv: list[str]) -> None:
    """Show where answers come from."""
    from groupwise.evaluation.predict import load_run
    from groupwise.explanation.cam import METHODS
    from groupwise.explanation.explain import data_root, explain_images, most_wrong, write_groups
    from groupwise.report.explained import write_explanations

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument(
        "images", metavar="IMAGE", nargs="*", help="image files; none for the most wrong of the test fold"
    )
    parser.add_argument("--out", type=Path, help="the folder to write, by default RUN/explain")
    parser.add_argument(
        "--stage",
        help="the stage whose maps are shown, as in layer4; by default the last of 4x4 cells or more",
    )
    parser.add_argument("--class", dest="class_name", help="the class to show, by default the most probable")
    parser.add_argument("--method", choices=METHODS, default="gradcam", help="how heat is made of maps")
    parser.add_argument(
        "--groups",
        metavar="BLOCK",
        help="instead: the maps of a block by group, as in layer1.0, and the filters",
    )
    arguments = parser.parse_args(operands_together(parser, argv))
    run, console = Run.open(arguments.run), Console()
    predictor, root = load_run(arguments.run), data_root(run)
    names = arguments.images or [row.path for row in most_wrong(run)]
    files = [Path(name) if arguments.images else root / name for name in names]
    folder = arguments.out or run.path("explain")
    if not files:
        console.say("No image of the test fold was classified wrongly. Name the images to explain.")
        return
    if arguments.groups:
        for file in write_groups(predictor, files, arguments.groups, folder):
            console.say(f"Groups: {file}")
        return
    found = explain_images(
        run,
        predictor,
        files,
        class_name=arguments.class_name,
        stage=arguments.stage,
        method=arguments.method,
    )
    for one in found:
        console.say(f"{one.path}: {one.answer.label} ({one.answer.probability:.1%}), heat for {one.shown}")
        if one.caution:
            console.warn(f"  {one.caution}")
    console.say(f"Explained: {write_explanations(folder, found, root, names=names)}")


def export(parser: Parser, argv: list[str]) -> None:
    """Write a run in the form of another program."""
    from groupwise.export.forms import FORMS

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("--to", required=True, choices=FORMS, help="the form (required)")
    parser.add_argument("--out", type=Path, help="the folder to write, by default RUN/export/FORM")
    parser.add_argument("--data", type=Path, help="where the images lie now, if they were moved")
    parser.add_argument("--licence", help="the licence of the weights, kept in the bundle")
    parser.add_argument(
        "--max-drop", type=float, default=1.0, help="points of accuracy that int8 may lose on held-out images"
    )
    arguments = parser.parse_args(argv)
    data = arguments.data
    root = data.parent if data is not None and data.is_file() else data
    Run.open(arguments.run)
    console = Console()
    console.say(f"Exporting to {arguments.to}: some seconds, or a minute for a large network ...")
    from groupwise.export.bundle import Terms  # brings torch, which takes seconds
    from groupwise.export.targets import export_run

    terms = Terms(arguments.licence, arguments.max_drop)
    folder, remarks = export_run(arguments.run, arguments.to, arguments.out, root=root, terms=terms)
    for remark in (*remarks, f"Exported: {folder}"):
        console.say(remark)


def predict(parser: Parser, argv: list[str]) -> None:
    """Say class and probability of images."""
    from groupwise.serving.predicting import predict_files
    from groupwise.serving.predictor import open_predictor

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run or of a bundle")
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", help="image files, folders, or .txt files with one path a line"
    )
    parser.add_argument("--csv", type=Path, help="write the answers into this file as they come")
    parser.add_argument("--resume", action="store_true", help="go on with the file of --csv")
    arguments = parser.parse_args(operands_together(parser, argv))
    if arguments.resume and arguments.csv is None:
        raise UsageError("nothing to go on with", place="--resume", remedy="Give the file with --csv.")
    predictor = open_predictor(arguments.run)
    predict_files(predictor, arguments.images, Console(), csv=arguments.csv, resume=arguments.resume)


def serve(parser: Parser, argv: list[str]) -> None:
    """Answer over HTTP, with a page."""
    from groupwise.export.current import current_bundle
    from groupwise.serving.predictor import open_bundle

    parser.add_argument("model", metavar="RUN", type=Path, help="the folder of a finished run, or a bundle")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; others than this need a token")
    parser.add_argument("--port", type=int, default=8000, help="the port; 0 takes any that is free")
    parser.add_argument("--token", help="what clients must send; or set GROUPWISE_TOKEN, which `ps` hides")
    parser.add_argument(
        "--allow-host", metavar="NAME", nargs="+", default=[], help="further names of this server"
    )
    arguments = parser.parse_args(argv)
    try:
        from groupwise.serving.server import Address, serve, url_of
    except ImportError as error:
        raise GroupwiseError(
            f"{error.name} is not installed",
            place="serve",
            remedy="Install it: pip install 'groupwise[serve]'",
        ) from None
    token = arguments.token or os.environ.get("GROUPWISE_TOKEN")
    address = Address(arguments.host, arguments.port, token, tuple(arguments.allow_host))
    console = Console()
    bundle = current_bundle(arguments.model, on_export=lambda: console.say("Making a bundle of the run ..."))
    with address.bind() as listener:
        predictor = open_bundle(bundle)
        page = f"Page: {url_of(listener)} (Ctrl-C stops)"
        serve(predictor, address, listener, on_ready=lambda: console.say(page))
