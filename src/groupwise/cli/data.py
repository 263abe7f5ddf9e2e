"""`scan`, `show`, `audit`, `info`: verbs for data and networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from groupwise.cli.options import add_data_options, add_reading_options, options_of, scan_of
from groupwise.console import Console

if TYPE_CHECKING:
    from groupwise.recipe.parsing import Parser

SHOWN = 20  # files that cannot be used, on the terminal


def scan(parser: Parser, argv: list[str]) -> None:
    """Say of every file below a folder whether it can be used, and why not.

    groupwise scan DATA [options]

    groupwise scan photos/ --out manifest.csv
    """
    add_data_options(parser, given=True)
    add_reading_options(parser)
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the manifest to this CSV file")
    arguments = parser.parse_args(argv)
    from groupwise.pipeline.prepare import require_usable, scan_with_progress

    console = Console()
    manifest = scan_with_progress(scan_of(arguments), console)
    refused = [sample for sample in manifest.samples if sample.status == "quarantined"]
    for sample in refused[:SHOWN]:
        console.say(f"  {sample.path}: {sample.reason}")
    if len(refused) > SHOWN and not arguments.out:
        console.say(f"  and {len(refused) - SHOWN:,} more, which --out manifest.csv lists")
    if arguments.out:
        manifest.write(arguments.out)
        console.say(f"Manifest: {arguments.out}")
    require_usable(manifest)


def show(parser: Parser, argv: list[str]) -> None:
    """Draw a grid of sample images with their classes.

    groupwise show DATA [options]

    groupwise show photos/ --out samples.png
    """
    add_data_options(parser, given=True)
    add_reading_options(parser)
    parser.add_argument("--rows", type=int, default=2, help="rows of the grid")
    parser.add_argument("--cols", type=int, default=8, help="columns of the grid")
    parser.add_argument("--seed", type=int, default=0, help="decides which images are drawn")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, default=Path("samples.png"), help="the PNG file to write"
    )
    arguments = parser.parse_args(argv)
    from groupwise.pipeline.prepare import draw_samples, require_usable, scan_with_progress

    console = Console()
    manifest = scan_with_progress(scan_of(arguments), console)
    require_usable(manifest)
    draw_samples(manifest, arguments.out, rows=arguments.rows, cols=arguments.cols, seed=arguments.seed)
    console.say(f"Samples: {arguments.out}")


def audit(parser: Parser, argv: list[str]) -> None:
    """Find copies, label conflicts and bad files before anything is trained.

    groupwise audit DATA [options]

    groupwise audit photos.csv --group-column sender --out audit
    """
    from groupwise.report.languages import LANGUAGES

    add_data_options(parser, given=True)
    add_reading_options(parser)
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, default=Path("audit"), help="the folder to write"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides which copies are planted as a check")
    parser.add_argument("--language", choices=LANGUAGES, help="write the page in Chinese as well")
    parser.add_argument("--json", action="store_true", help="print the facts and findings as JSON")
    arguments = parser.parse_args(argv)
    from groupwise.cli.report import write_in_language
    from groupwise.pipeline.audit import audit_data

    console = Console(quiet=arguments.json)
    asked = {"options": options_of(arguments), "seed": arguments.seed, "console": console}
    audited, given = audit_data(scan_of(arguments), Path(arguments.folder), arguments.out, **asked)
    if arguments.language is not None:
        write_in_language(arguments.out / "audit.html", arguments.language, console)
    if arguments.json:
        findings = [finding.to_json() | {"picture": None} for finding in audited.findings]
        facts = {**audited.facts, "findings": findings} | ({"given_split": given} if given else {})
        print(json.dumps(facts, indent=2, ensure_ascii=False))


def info(parser: Parser, argv: list[str]) -> None:
    """List the networks, or print one stage by stage with its cost.

    groupwise info [NETWORK] [options]

    groupwise info resnext50_32x4d
    groupwise info --weights
    """
    parser.add_argument(
        "preset", metavar="NETWORK", nargs="?", help="name of a network; without it, all are listed"
    )
    parser.add_argument(
        "--weights", action="store_true", help="instead: the pretrained weights known by name"
    )
    parser.add_argument("--num-classes", type=int, help="length of the logits")
    parser.add_argument("--image-size-px", type=int, help="side of the images; 224, or 32 for CIFAR networks")
    parser.add_argument(
        "--system", action="store_true", help="instead: versions and processor, as a report of a defect needs"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    from groupwise.cli.info import describe_preset, describe_system, list_presets, list_weights

    if arguments.system:
        print(describe_system(as_json=arguments.json))
    elif arguments.weights:
        print(list_weights(as_json=arguments.json))
    elif arguments.preset is None:
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
