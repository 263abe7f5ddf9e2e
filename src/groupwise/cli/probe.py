"""`probe`: what frozen features say of the data, before anything is trained."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from groupwise.cli.options import (
    add_baseline_options,
    add_budget_option,
    add_data_options,
    changed_fields,
    parse_over_recipe,
)
from groupwise.cli.train import train_as_asked
from groupwise.errors import UsageError
from groupwise.recipe.options import add_recipe_options

if TYPE_CHECKING:
    from groupwise.recipe.parsing import Parser


def probe(parser: Parser, argv: list[str]) -> None:
    """Fit a logistic regression on frozen features of an ONNX file or a run, from scan to report.

    groupwise probe DATA --features MODEL --run RUN [options]

    groupwise probe photos/ --features efficientnet.onnx --run runs/probe
    """
    from groupwise.recipe.recipe import means_nothing_to_a_probe

    add_data_options(parser)
    parser.add_argument("--run", metavar="FOLDER", type=Path, required=True, help="what to write; required")
    add_budget_option(parser)
    parser.add_argument("--resume", action="store_true", help="go on with the run that is in --run")
    parser.add_argument("--cv", metavar="K", type=int, help="cross-validate over K folds of whole sources")
    more = parser.add_argument_group("More of training")
    more.add_argument("--repeats", metavar="N", type=int, default=1, help="with --cv: divide anew so often")
    add_baseline_options(more)
    add_recipe_options(parser)
    for action in parser._actions:
        if means_nothing_to_a_probe(action.dest):
            action.help = argparse.SUPPRESS  # `train` has them, and a probe refuses them
    arguments, base, recipe = parse_over_recipe(parser, argv, "default")
    if recipe.model.features is None:
        raise UsageError(
            "missing",
            place="--features",
            remedy="Name an ONNX file that takes images, a bundle, or the folder of a run.",
        )
    train_as_asked(arguments, changed_fields(argv, base, recipe))
