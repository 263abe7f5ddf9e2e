"""`explain`, `export`, `verify`, `predict`: verbs that put a run to use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from groupwise.cli.options import add_moved_option, operands_together
from groupwise.console import Console
from groupwise.data.archive import images_root
from groupwise.errors import GroupwiseError, UsageError
from groupwise.runs.run import Run

if TYPE_CHECKING:
    from groupwise.explain.request import Asked
    from groupwise.inference.heatmaps import Method
    from groupwise.recipe.parsing import Parser

T = TypeVar("T")
METHODS: tuple[Method, ...] = ("gradcam", "eigencam")


def explain(parser: Parser, argv: list[str]) -> None:
    """Show where answers come from: heat maps, groups, nearest training images.

    groupwise explain RUN [IMAGE...] [options]

    groupwise explain runs/first new/one.jpg
    """
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="*",
        help="image files, folders, or .txt files with one path a line;"
        " none for the most wrong of the test fold",
    )
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, help="the folder to write, by default RUN/explain"
    )
    parser.add_argument(
        "--stage",
        help="the stage whose maps are shown, as in layer4; by default the last of 4x4 cells or more",
    )
    parser.add_argument("--class", dest="class_name", help="the class to show, by default the most probable")
    parser.add_argument("--method", choices=METHODS, help="how heat is made of maps, by default gradcam")
    parser.add_argument(
        "--groups",
        metavar="BLOCK",
        help="instead of heat: the maps of a block by group, as in layer1.0, and the filters",
    )
    arguments = parser.parse_args(operands_together(parser, argv))
    from groupwise.explain.request import asked_images, refuse_unknown_class

    if arguments.groups:
        _refuse_beside_groups(arguments)
    run, console = Run.open(arguments.run), Console()
    if arguments.class_name is not None:
        refuse_unknown_class(run, arguments.class_name)
    asked = list(asked_images(run, arguments.images))
    if not asked:
        console.say("No image of the test fold was classified wrongly. Name the images to explain.")
        return
    _explain(run, asked, arguments, console)


def _refuse_beside_groups(arguments: Any) -> None:
    """Raise `UsageError` for an option of heat maps, of which --groups draws none."""
    for option in ("method", "stage", "class_name"):
        if arguments[option] is not None:
            raise UsageError(
                "goes with heat maps, and --groups draws none",
                place=f"--{option.removesuffix('_name')}",
                remedy="Leave out one of the two.",
            )


def _explain(run: Run, asked: Sequence[Asked], arguments: Any, console: Console) -> None:
    from groupwise.explain.explain import explain_images, write_explanations
    from groupwise.explain.groups import coarse_cells, write_groups
    from groupwise.explain.request import data_root
    from groupwise.inference.predictor import load_run  # brings torch

    predictor, folder = load_run(run.folder), arguments.out or run.path("explain")

    def tell(error: GroupwiseError) -> None:
        console.warn(str(error))

    if arguments.groups:
        for file in _refuse_none(write_groups(predictor, asked, arguments.groups, folder, tell)):
            console.say(f"Groups: {file}")
        if cells := coarse_cells(predictor, arguments.groups):
            console.warn(f"{arguments.groups} has maps of only {cells} cells: they show no places.")
        return
    options = {"class_name": arguments.class_name, "stage": arguments.stage}
    method: Method = arguments.method or "gradcam"
    found = list(explain_images(run, predictor, asked, method=method, on_bad=tell, **options))
    for one in _refuse_none(found):
        console.say(one.line)
        if one.warning:
            console.warn(f"  {one.warning}")
    page = write_explanations(folder, found, data_root(run), predictor.preprocessing)
    console.say(f"Explained: {page}")


def _refuse_none(done: Sequence[T]) -> Sequence[T]:
    """What was done, unless it is nothing, because no file could be read."""
    if done:
        return done
    raise GroupwiseError(
        "none of the files could be read", place="explain", remedy="They are named above; name others."
    )


def export(parser: Parser, argv: list[str]) -> None:
    """Write a run as a bundle, or in the form of another program.

    groupwise export RUN --to FORM [options]

    groupwise export runs/first --to bundle
    """
    from groupwise.export.names import FORMS

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("--to", required=True, choices=FORMS, help="the form (required)")
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, help="the folder to write, by default RUN/export/FORM"
    )
    add_moved_option(parser)
    parser.add_argument(
        "--licence", help="the licence of the weights, kept in a bundle or the card of --to hub"
    )
    parser.add_argument(
        "--with-pictures",
        action="store_true",
        help="put 8 of the held-out images into the bundle, as small as the network sees them, for `verify`",
    )
    parser.add_argument(
        "--with-preprocessing",
        action="store_true",
        help="let the model of --to onnx take a picture of any size, uint8, and prepare it itself",
    )
    parser.add_argument(
        "--max-drop",
        type=float,
        help="points of accuracy that int8 may lose on held-out images, by default 1",
    )
    arguments = parser.parse_args(argv)
    _refuse_of_other_forms(arguments)
    root = images_root(arguments.data)
    Run.open(arguments.run)
    console = Console()
    console.say(f"Exporting to {arguments.to}: some seconds, or a minute for a large network ...")
    from groupwise.export.bundle import Terms  # brings torch, which takes seconds
    from groupwise.export.targets import export_run

    terms = Terms(
        arguments.licence,
        Terms.max_drop if arguments.max_drop is None else arguments.max_drop,
        arguments.with_pictures,
        arguments.with_preprocessing,
    )
    folder, remarks = export_run(arguments.run, arguments.to, arguments.out, root=root, terms=terms)
    for remark in (*remarks, f"Exported: {folder}"):
        console.say(remark)


def _refuse_of_other_forms(arguments: Any) -> None:
    """Raise `UsageError` for an option of `export` that the form does not take."""
    from groupwise.export.names import BUNDLES, PHONES

    bundles = (*BUNDLES, *PHONES)
    for option, forms, goes in (
        ("with_pictures", bundles, "goes into a bundle, and --to {} writes none"),
        ("with_preprocessing", ("onnx",), "goes into the file of --to onnx, and --to {} writes another"),
        ("licence", (*bundles, "hub"), "goes into a bundle or a card, and --to {} writes neither"),
        ("max_drop", ("int8",), "bounds what --to int8 may lose, and --to {} rounds nothing"),
    ):
        given = arguments[option]
        if given is not None and given is not False and arguments.to not in forms:
            raise UsageError(
                goes.format(arguments.to),
                place=f"--{option.replace('_', '-')}",
                remedy=f"Leave it out, or export --to {' or '.join(forms)}.",
            )


def verify(parser: Parser, argv: list[str]) -> None:
    """Say whether engines on this machine answer as a bundle should.

    groupwise verify BUNDLE [options]

    groupwise verify runs/first/export/bundle --engine onnxruntime
    """
    from groupwise.export.names import ENGINES

    parser.add_argument(
        "bundle",
        metavar="BUNDLE",
        type=Path,
        help="the folder of a bundle, of what --to litert or executorch wrote, or of a run that has a bundle",
    )
    parser.add_argument(
        "--engine",
        nargs="+",
        choices=ENGINES,
        help=f"{', '.join(ENGINES)}; by default those that are installed",
    )
    parser.add_argument(
        "--precision", help="what OpenVINO is asked to compute in: f32 (by default), bf16 or f16"
    )
    parser.add_argument(
        "--data",
        metavar="DATA",
        type=Path,
        help="where the run's images lie, a folder, an archive or a table, to check with those as well",
    )
    arguments = parser.parse_args(argv)
    from groupwise.export.current import kept_bundle
    from groupwise.export.verify_bundle import verify_bundle

    console, bundle = Console(), kept_bundle(arguments.bundle)
    if bundle != arguments.bundle:
        console.say(f"Bundle: {bundle}")
    differing = []
    for found in verify_bundle(
        bundle,
        arguments.engine,
        precision=arguments.precision,
        root=images_root(arguments.data),
        on_refusal=None if arguments.engine else lambda error: console.warn(str(error)),
    ):
        console.say(str(found))
        differing += [] if found.agrees else [found.engine]
    if differing:
        raise GroupwiseError(
            f"{' and '.join(differing)} on this machine: not the answers that the bundle should give",
            place=bundle,
            remedy="Use another engine or precision here; of an int8 bundle, the one in float32.",
        )


def predict(parser: Parser, argv: list[str]) -> None:
    """Say class and probability of images.

    groupwise predict RUN IMAGE... [options]

    groupwise predict runs/first new/ --csv answers.csv
    """
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run or of a bundle")
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", help="image files, folders, or .txt files with one path a line"
    )
    parser.add_argument(
        "--csv", metavar="FILE", type=Path, help="write the answers into this file as they come"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the file of --csv")
    parser.add_argument(
        "--group-regex",
        help="one answer a case, which is what this pattern finds in each path: r'(patient\\d+)'",
    )
    arguments = parser.parse_args(operands_together(parser, argv))
    from groupwise.inference.bundle import model_digest, open_predictor
    from groupwise.inference.cases import predict_cases
    from groupwise.inference.predict_files import known_files, predict_files

    if arguments.resume and arguments.csv is None:
        raise UsageError("nothing to go on with", place="--resume", remedy="Give the file with --csv.")
    predictor, known = open_predictor(arguments.run), known_files(arguments.run)
    if arguments.group_regex is not None:
        if arguments.resume:
            raise UsageError(
                "cases are written when all are answered", place="--resume", remedy="Leave it out."
            )
        predict_cases(
            predictor, arguments.images, arguments.group_regex, Console(), csv=arguments.csv, known=known
        )
        return
    model = model_digest(arguments.run, predictor.decision)
    predict_files(
        predictor,
        arguments.images,
        Console(),
        csv=arguments.csv,
        model=model,
        resume=arguments.resume,
        known=known,
    )
