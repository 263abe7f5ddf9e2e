"""Options that several verbs share: where the data lie and how they are read, the recipe, the budget."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Collection, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.data.reading import AUTO, CLASSES, LABELS, ReadOptions, reading_words
from groupwise.recipe.aim import aimed_fields
from groupwise.recipe.options import SHORT_NAMES, name_values
from groupwise.recipe.recipe import Recipe, as_dict, flatten, shipped_recipes

if TYPE_CHECKING:
    from groupwise.data.pixel_reading import Reading
    from groupwise.recipe.parsing import Parser
    from groupwise.runs.request import Planning, Scan

GIVEN = "split.given"  # a field of the recipe, which decides how DATA is read as well


def operands_together(parser: Parser, argv: Sequence[str]) -> list[str]:
    """`argv` with its operands side by side, as argparse wants them, wherever options stood among them.

    Every option of `parser` takes one value or none.
    """
    options: list[str] = []
    operands: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            return [*options, "--", *operands, *words]
        if word.startswith("-"):
            options.append(word)
            action = parser._option_string_actions.get(word)
            options += islice(words, 1 if action is not None and action.nargs != 0 else 0)
        else:
            operands.append(word)
    return operands + options


def value_of(option: str, argv: Sequence[str]) -> str | None:
    """The value that `argv` gives to an option, which is needed before the rest can be parsed."""
    for word, following in zip_longest(argv, argv[1:]):
        if word == option:
            return following
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None


def add_recipe_choice(parser: Parser, more: str = "", *, default: str | None = None) -> None:
    """The recipe to take, whose fields the other options change."""
    names = ", ".join(shipped_recipes())
    parser.add_argument("--recipe", default=default, help=f"{names}, or a YAML file{more}")


def add_budget_option(parser: Parser) -> None:
    """The time that a plan has to fit into."""
    parser.add_argument(
        "--budget",
        metavar="TIME",
        help="plan for this time, the whole command within it, or refuse: 20min, 90s, 1h30min",
    )


def add_baseline_options(group: Any) -> None:
    """What stands beside the number, and what a script wants of it."""
    group.add_argument(
        "--fail-under",
        metavar="LEAST",
        help="leave with exit status 3 unless the accuracy is at least this share, such as 0.9; `baseline`:"
        " unless the network is shown to beat its baselines",
    )
    group.add_argument(
        "--baselines",
        choices=("all", "none"),
        default="all",
        help="also fit what is cheap, for about a tenth of the training's time (some seconds at least),"
        " to stand beside the number",
    )


def parse_over_recipe(
    parser: Parser, argv: Sequence[str], recipe: str | None = None
) -> tuple[Any, Recipe, Recipe]:
    """The parsed arguments, the recipe named `recipe` or by `--recipe`, and as `argv` has it."""
    parser.first_look(argv)
    from groupwise.recipe.parsing import parse_recipe, read_recipe

    base, _ = read_recipe(recipe or value_of("--recipe", argv) or "default")
    arguments, changed = parse_recipe(parser, argv, base)
    return arguments, base, changed


def changed_fields(argv: Sequence[str], base: Recipe, changed: Recipe) -> dict[str, Any]:
    """The fields of the recipe that `argv` sets, also to what they were in `base`, with their values.

    What follows from `--optimise` is none of them.
    """
    before, now = flatten(as_dict(base)), flatten(as_dict(changed))
    following = aimed_fields(now, before)
    return {
        name: value
        for name, value in now.items()
        if (value != before[name] and value != following.get(name, before[name]))
        or any(
            value_of(option, argv) is not None for option in (f"--{name}", SHORT_NAMES.get(name, f"--{name}"))
        )
    }


def planning_of(arguments: Any, fields: Collection[str]) -> Planning:
    """The planning that the options ask for; `fields` are the user's own."""
    from groupwise.runs.deadline import Deadline
    from groupwise.runs.request import Planning
    from groupwise.text import parse_duration

    deadline = Deadline.of(parse_duration(arguments.budget, "--budget")) if arguments.budget else None
    return Planning(frozenset(fields), deadline)


def add_data_options(parser: Parser, *, optional: bool = False, given: bool = False) -> None:
    """The positional DATA and how to read it; `given` adds what a verb with a recipe has from there."""
    parser.add_argument(
        "folder",
        metavar="DATA",
        nargs="?" if optional else None,
        help="folder of class folders, or a CSV file or another table",
    )
    add_layout_options(parser)
    if given:
        parser.add_argument(
            f"--{GIVEN}", help="a ready split: `folders`, or the column of the CSV; `pool` joins its folders"
        )


def add_layout_options(parser: Parser) -> None:
    """Where labels and groups of images stand, and what paths are relative to."""
    parser.add_argument(
        "--group-column", metavar="COLUMN", help="column of the CSV that says which images belong together"
    )
    parser.add_argument(
        "--group-regex", metavar="PATTERN", help="the same, searched in each path: '(patient[0-9]+)'"
    )
    parser.add_argument(
        "--exclude",
        metavar="LIST",
        help="list of files to leave out: one path a line, or a CSV with a column `path`",
    )
    reading = parser.add_argument_group("How DATA is read")
    reading.add_argument(
        "--label-column",
        metavar="COLUMN",
        default=ReadOptions.label_column,
        help="column of the CSV that holds the class, or columns of 0 and 1 with commas between",
    )
    reading.add_argument(
        "--path-column",
        metavar="COLUMN",
        default=ReadOptions.path_column,
        help="column of the CSV that holds the path",
    )
    reading.add_argument(
        "--label-regex",
        metavar="PATTERN",
        help="the class, searched in each path of a folder: '^([a-z]+)_'",
    )
    reading.add_argument(
        "--root", metavar="DATA", help="folder or archive that the paths of the CSV, or links, lead to"
    )
    reading.add_argument(
        "--layout",
        choices=(AUTO, CLASSES),
        default=ReadOptions.layout,
        help="classes: every folder of DATA is a class, whatever it is called",
    )
    reading.add_argument(
        "--labels",
        choices=LABELS,
        default=ReadOptions.labels,
        help="several: a set of labels an image (`cat|dog`, columns of ones, equal files in several folders)",
    )


def add_moved_option(parser: Parser) -> None:
    """Where the images of a run are looked for."""
    parser.add_argument(
        "--data", metavar="DATA", type=Path, help="where the images lie now, if they were moved"
    )


def add_reading_options(parser: Parser) -> None:
    """The options that say how the pixels of unusual files are read, for a verb that takes no recipe."""
    from groupwise.data.pixel_reading import Reading
    from groupwise.data.preprocessing import Preprocessing

    others = {field.name for field in dataclasses.fields(Preprocessing)} - set(Reading.__dataclass_fields__)
    parser.add_class_arguments(Preprocessing, "data", skip=others)
    name_values(parser)
    parser._action_groups[-1].title = "How the pixels of unusual files are read"


def add_split_rules(parser: Parser) -> None:
    """What becomes of conflicts, copies and rare classes."""
    parser.add_argument(
        "--label-conflicts",
        choices=("drop", "keep"),
        default="drop",
        help="whether files of one photograph under two labels are left out",
    )
    parser.add_argument(
        "--copies",
        choices=("auto", "report", "group", "drop"),
        default="auto",
        help="group: copies stay in one fold; report: they are only named; drop: one of each is kept;"
        " auto: group, unless all pictures resemble one another",
    )
    parser.add_argument(
        "--keep",
        choices=("first", "largest", "sharpest", "medoid"),
        default="first",
        help="which of the copies stays with --copies drop",
    )
    parser.add_argument(
        "--min-sources", type=int, default=0, help="leave out classes of fewer independent sources"
    )
    parser.add_argument(
        "--rare", choices=("drop", "train"), default="drop", help="train: learn from them, untested, instead"
    )


def scan_of(arguments: Any) -> Scan:
    """The scan that the parsed arguments ask for; it wants a function of (done, total)."""
    from groupwise.runs.request import scan_with

    options = ReadOptions.pick(arguments, arguments[GIVEN])
    return scan_with(Path(arguments.folder), options, pixel_reading(arguments))


def pixel_reading(arguments: Any) -> Reading:
    """How the pixels of unusual files are read, by the options `--data.*` of a verb that has them."""
    from groupwise.data.pixel_reading import Reading

    given = {name: arguments.get(f"data.{name}") for name in Reading.__dataclass_fields__}
    return Reading.from_facts({name: value for name, value in given.items() if value is not None}, False)


def data_words(arguments: Any) -> str:
    """DATA and how to read it, as a shell takes them, for a command that is to see the same sources."""
    return shlex.join([arguments.folder, *reading_words(options_of(arguments))])


def options_of(arguments: Any) -> dict[str, str]:
    """The parsed options that say how DATA is to be read, where they are not the usual ones."""
    return ReadOptions.pick(arguments, None).unusual()
