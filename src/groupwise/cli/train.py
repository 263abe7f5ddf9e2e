"""`split`, `plan`, `train`, `refit`, `lr-find`, `sweep`, `demo`: verbs that divide images, plan and train."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.cli.options import (
    add_baseline_options,
    add_budget_option,
    add_data_options,
    add_moved_option,
    add_reading_options,
    add_recipe_choice,
    add_split_rules,
    changed_fields,
    data_words,
    parse_over_recipe,
    planning_of,
    scan_of,
)
from groupwise.console import Console
from groupwise.errors import UsageError
from groupwise.recipe.options import add_recipe_options
from groupwise.text import count

if TYPE_CHECKING:
    from groupwise.recipe.parsing import Parser

PRINT = "--print_config"  # taken out by hand: the parser library reserves the name


def split(parser: Parser, argv: list[str]) -> None:
    """Divide images into folds so that no source spans two.

    groupwise split DATA [options]

    groupwise split photos.csv --group-column sender --out split.csv
    """
    add_data_options(parser, given=True)
    add_reading_options(parser)
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        required=True,
        help="the split.csv to write (required); extended if there",
    )
    parser.add_argument(
        "--train", type=float, default=0.8, help="size of the training fold, relative to the others"
    )
    parser.add_argument("--val", type=float, default=0.1, help="size of the fold that selects")
    parser.add_argument("--test", type=float, default=0.1, help="size of the fold that is read once")
    parser.add_argument("--folds", type=int, help="instead: this many folds of equal share")
    add_split_rules(parser)
    parser.add_argument("--seed", type=int, default=0, help="decides among sources of equal size")
    arguments = parser.parse_args(argv)
    from groupwise.data.split import read_split
    from groupwise.data.split_options import SplitConfig
    from groupwise.pipeline.prepare import prepare, scan_with_progress

    console = Console()
    manifest = scan_with_progress(scan_of(arguments), console)
    extend = str(arguments.out) if arguments.out.is_file() else None
    config = SplitConfig(
        train=arguments.train,
        val=arguments.val,
        test=arguments.test,
        label_conflicts=arguments.label_conflicts,
        extend=extend,
        given=arguments["split.given"],
        copies=arguments.copies,
        keep=arguments.keep,
        min_sources=arguments.min_sources,
        rare=arguments.rare,
    )
    shares = _equal_folds(arguments.folds) if arguments.folds is not None else None
    prepared = prepare(manifest, config, seed=arguments.seed, console=console, shares=shares)
    absent = read_split(arguments.out).absent(one.path for one in manifest.usable) if extend else ()
    prepared.split.keep(absent).write(arguments.out)
    spanning = prepared.proof["spanning_sources"]
    proof = f"{spanning:,} sources span two folds" if spanning else "No source spans two folds"
    kept = f", and keeps what is not among the usable data ({count(len(absent), 'row')})" if absent else ""
    console.say(f"{'Extended' if extend else 'Split'}: {arguments.out}{kept}. {proof}.")


def _equal_folds(count: int) -> dict[str, float]:
    if count < 2:
        raise UsageError(f"{count} folds", place="--folds", remedy="Give at least 2.")
    return {f"fold{number}": 1.0 for number in range(1, count + 1)}


def plan(parser: Parser, argv: list[str]) -> None:
    """Suit a recipe to the data and the time there is, with a reason for each choice.

    groupwise plan DATA [options]

    groupwise plan photos.csv --group-column sender --budget 20min
    """
    add_data_options(parser)
    parser.add_argument("--out", metavar="FILE", type=Path, default=Path("plan.yaml"), help="recipe to write")
    add_budget_option(parser)
    add_recipe_options(parser)
    arguments, base, recipe = parse_over_recipe(parser, argv, "default")
    from groupwise.files import write_atomic
    from groupwise.pipeline.channel_statistics import with_statistics
    from groupwise.pipeline.create import settled_recipe
    from groupwise.pipeline.named_weights import with_named_weights
    from groupwise.pipeline.plan import plan_recipe
    from groupwise.pipeline.prepare import prepare, scan_with_progress
    from groupwise.runs.request import request_run

    request = request_run(Path(arguments.folder), arguments, recipe=recipe, base=base, folder=arguments.out)
    console, planning = Console(), planning_of(arguments, changed_fields(argv, base, recipe))
    recipe = with_named_weights(recipe, planning.chosen, console)
    manifest = scan_with_progress(request.scan, console)
    request = replace(request, recipe=settled_recipe(recipe, manifest))
    prepared = prepare(manifest, recipe.split, seed=recipe.seed, console=console)
    request = replace(request, recipe=with_statistics(request.recipe, manifest, prepared.split))
    planned = plan_recipe(request, planning, manifest, prepared.split, console=console)
    write_atomic(arguments.out, replace(planned, recipe=replace(planned.recipe, name="planned")).to_yaml())
    again = f"groupwise train {data_words(arguments)} --recipe {arguments.out} --run runs/planned"
    console.say(f"Recipe: {arguments.out}. Edit it, then:\n{again}")


def train(parser: Parser, argv: list[str]) -> None:
    """Train on a folder or CSV, from scan to report.

    groupwise train DATA [options]

    groupwise train photos/ --run runs/first
    groupwise train photos.csv --group-column sender --budget 20min --run runs/first
    groupwise train photos/ --group-regex '([a-z]+)-[0-9]' --cv 5 --refit --run runs/cv
    """
    add_data_options(parser, optional=True)
    parser.add_argument("--run", metavar="FOLDER", type=Path, help="the folder to write; required")
    add_recipe_choice(parser, "; without it, one is planned from the data, and the defaults below may differ")
    add_budget_option(parser)
    parser.add_argument("--resume", action="store_true", help="go on with the run that is in --run")
    parser.add_argument("--cv", metavar="K", type=int, help="cross-validate over K folds of whole sources")
    parser.add_argument(
        "--refit", action="store_true", help="then go on with all images, into RUN/refit, as `refit` does"
    )
    more = parser.add_argument_group("More of training")
    more.add_argument("--repeats", metavar="N", type=int, default=1, help="with --cv: divide anew so often")
    more.add_argument("--jobs", metavar="N", type=int, default=1, help="with --cv: networks trained at once")
    add_baseline_options(more)
    more.add_argument(
        "--track",
        metavar="NAME",
        nargs="+",
        default=[],
        help="tell tensorboard, mlflow, wandb of each epoch",
    )
    more.add_argument(PRINT, action="store_true", help="print the resolved recipe, and stop")
    add_recipe_options(parser)
    arguments, base, recipe = parse_over_recipe(parser, [word for word in argv if word != PRINT])
    from groupwise.recipe.recipe import to_yaml

    changes = changed_fields(argv, base, recipe)
    _refuse_planned_recipe(arguments)
    if not arguments.recipe:
        planning_of(arguments, changes)  # which refuses what is no duration
    if PRINT in argv:
        print(to_yaml(recipe), end="")
        return
    for name, value in (("DATA", arguments.folder), ("--run", arguments.run)):
        if value is None:
            raise UsageError("missing", place=name, remedy="As in: groupwise train DATA --run runs/first")
    train_as_asked(arguments, changes)


def train_as_asked(arguments: Any, changes: Mapping[str, Any]) -> None:
    """Train by the options of `train` or `probe`, and hold the number to what `--fail-under` wants."""
    from groupwise.api import train as run_train
    from groupwise.report.threshold import require_threshold, threshold_of

    least = threshold_of(arguments.fail_under, arguments.baselines)
    names = signature(run_train).parameters.keys() - {"data"}  # which is a part of the recipe here
    options = {name: arguments[name] for name in names if name in arguments}
    run_train(arguments.folder, changes=changes, **options)
    if least is not None:
        require_threshold(arguments.run, least)


def _refuse_planned_recipe(arguments: Any) -> None:
    if arguments.recipe and arguments.budget:
        fact = "a recipe that is given is not planned"
        raise UsageError(fact, place="--budget", remedy="Leave out --recipe.")


def refit(parser: Parser, argv: list[str]) -> None:
    """Let a measured network go on learning from all of its images, for the one that is handed over.

    groupwise refit RUN [options]

    groupwise refit runs/first
    """
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    add_moved_option(parser)
    arguments = parser.parse_args(argv)
    from groupwise.data.archive import images_root
    from groupwise.pipeline.refit import refit as go_on

    go_on(arguments.run, Console(), root=images_root(arguments.data))


def lr_find(parser: Parser, argv: list[str]) -> None:
    """Draw the loss against a rising learning rate, and suggest one.

    groupwise lr-find DATA [options]

    groupwise lr-find photos/
    """
    add_data_options(parser)
    add_recipe_choice(parser, default="default")
    parser.add_argument("--steps", type=int, default=100, help="steps from the lowest rate to the highest")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, default=Path("learning-rate.png"), help="the PNG file to write"
    )
    add_recipe_options(parser)
    arguments, base, recipe = parse_over_recipe(parser, argv)
    from groupwise.experiments.lr_find import find_rate
    from groupwise.pipeline.channel_statistics import with_statistics
    from groupwise.pipeline.create import settled_recipe
    from groupwise.pipeline.named_weights import with_named_weights
    from groupwise.pipeline.prepare import scan_with_progress

    console = Console()
    recipe = with_named_weights(recipe, set(changed_fields(argv, base, recipe)), console)
    manifest = scan_with_progress(scan_of(arguments), console)
    recipe = with_statistics(settled_recipe(recipe, manifest), manifest)
    curve = find_rate(manifest, recipe, arguments.out, steps=arguments.steps, console=console)
    console.say(
        f"Recipe {recipe.name}: {recipe.model.preset}, {recipe.data.image_size_px} px, batches of"
        f" {recipe.training.batch_size}, {recipe.optim.name}. Another batch wants another rate: for a planned"
        " training, give --recipe the file that `groupwise plan` wrote."
    )
    console.say(f"Curve: {arguments.out}")
    console.say(
        f"Suggested: --optim.learning_rate {curve.suggestion:.1e} "
        f"(the recipe has {recipe.optim.learning_rate:.1e})"
    )


def sweep(parser: Parser, argv: list[str]) -> None:
    """Try values of a recipe's knobs, and keep those that score highest on val.

    groupwise sweep DATA [options]

    groupwise sweep photos.csv --group-column sender --run runs/sweep --trials 20 --budget 1h
    """
    add_data_options(parser)
    parser.add_argument("--run", metavar="FOLDER", type=Path, required=True, help="what to write; required")
    parser.add_argument("--trials", type=int, default=20, help="networks to train in all")
    parser.add_argument("--jobs", type=int, default=1, help="networks to train at once")
    add_recipe_choice(parser, ", to begin with; `default` without it, planned where there is a --budget")
    add_budget_option(parser)
    parser.add_argument("--resume", action="store_true", help="go on with the sweep that is in --run")
    add_recipe_options(parser)
    arguments, base, recipe = parse_over_recipe(parser, argv)
    _refuse_planned_recipe(arguments)
    planning = planning_of(arguments, changed_fields(argv, base, recipe)) if arguments.budget else None
    from groupwise.experiments.sweep import sweep as study
    from groupwise.runs.request import request_run

    request = request_run(
        Path(arguments.folder),
        arguments,
        recipe=recipe,
        base=base,
        folder=arguments.run,
        planning=planning,
        resume=arguments.resume,
        workers=arguments.jobs,
    )
    console = Console()
    study(request, arguments.trials, console)
    best = shlex.quote(str(arguments.run / "best.yaml"))
    console.say(f"Train it: groupwise train {data_words(arguments)} --recipe {best} --run runs/swept")


def demo(parser: Parser, argv: list[str]) -> None:
    """Train on scikit-learn's handwritten digits: one to three minutes on two free cores.

    groupwise demo [options]

    groupwise demo
    """
    parser.add_argument("--run", metavar="FOLDER", type=Path, default=Path("runs/demo"), help="what to write")
    parser.add_argument("--resume", action="store_true", help="go on with a demo that was stopped")
    arguments = parser.parse_args(argv)
    from groupwise.cli.demo import demo as run_demo

    run_demo(arguments.run, Console(), resume=arguments.resume)
