"""The options of a recipe: one for every field, some of which have a shorter name."""

from __future__ import annotations

import argparse
from typing import Any

from groupwise.recipe.aim import COST_MATRIX, COSTS, OPTIMISE
from groupwise.recipe.recipe import PARTS

# Fields of the recipe that have a shorter name, as the audit's remedy and `groupwise decide` say them.
SHORT_NAMES = {
    "model.weights": "--weights",
    "model.features": "--features",
    "model.features_output": "--output",
    "split.label_conflicts": "--label-conflicts",
    "split.copies": "--copies",
    "split.keep": "--keep",
    "split.min_sources": "--min-sources",
    "split.rare": "--rare",
    "decision.target_sensitivity": "--target-sensitivity",
    "decision.positive_class": "--class",
    "decision.prevalence": "--prevalence",
    "decision.ordered": "--ordered",
    OPTIMISE: "--optimise",
    COSTS: COST_MATRIX,
}


def add_recipe_options(parser: Any) -> None:
    """One option for every field of the recipe, by its path: `--training.epochs 20`."""
    for name, part in PARTS.items():
        parser.add_class_arguments(part, name)
    name_values(parser)
    for action in parser._actions:
        if short := SHORT_NAMES.get(action.dest):
            action.option_strings = [*action.option_strings, short]
            parser._option_string_actions[short] = action
    parser.add_argument("--seed", type=int, default=0, help="decides the split, the weights and the batches")


def name_values(parser: Any) -> None:
    """Let the help call a value by the last word of its field, and leave out files of a part of a recipe."""
    for action in parser._actions:
        if action.metavar == "CONFIG":
            action.help = argparse.SUPPRESS  # --recipe takes whole files; parts of files would be two ways
        elif "." in action.dest and not isinstance(action.metavar, str):
            action.metavar = "CSV" if action.dest == COSTS else action.dest.rpartition(".")[2].upper()
