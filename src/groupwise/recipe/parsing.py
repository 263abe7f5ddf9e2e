"""Recipes from files, fields and options: one parser that checks them all, with errors of ours."""

from __future__ import annotations

import argparse
import dataclasses
import re
import shutil
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NoReturn, get_args, get_type_hints

import jsonargparse

from groupwise.errors import UsageError, did_you_mean, require_seed
from groupwise.recipe.aim import OPTIMISE, aimed_fields, with_cost_matrix
from groupwise.recipe.options import SHORT_NAMES, add_recipe_options
from groupwise.recipe.recipe import PARTS, Recipe, recipe_fields, recipe_file, with_changes

KINDS = {"int": "a whole number", "float": "a number", "tuple": "a list, as in '[1, 2]'"}


OPERANDS = {"folder": "DATA", "images": "IMAGE", "run": "RUN", "runs": "RUN", "out": "--out", "to": "--to"}


class Formatter(argparse.HelpFormatter):
    """Help with room for long options, and with the default of each where there is one."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=min(100, shutil.get_terminal_size().columns))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        default, is_flag = action.default, action.nargs == 0
        unsaid = default is None or default == [] or default is argparse.SUPPRESS
        if action.help is None or is_flag or unsaid or not action.option_strings:
            return action.help
        said = str(default).lower() if isinstance(default, bool) else default
        return f"{action.help.rstrip('.')} (default: {said})"


class Parser(jsonargparse.ArgumentParser):
    """A parser whose errors are ours: they name the option, the remedy, and what was probably meant."""

    def __init__(self, verb: str, promise: str, operands: str = "") -> None:
        super().__init__(
            prog=f"groupwise {verb}",
            usage=f"groupwise {verb} {operands} [options]".replace("  ", " "),
            description=promise,
            allow_abbrev=False,
            formatter_class=Formatter,
        )

    def parse_args(self, *arguments: Any, **options: Any) -> Any:
        """Parse, and refuse a `--seed` of any verb that could not seed everything."""
        parsed = super().parse_args(*arguments, **options)
        if "seed" in parsed:
            require_seed(parsed.seed)
        return parsed

    def first_look(self, argv: Sequence[str]) -> None:
        """Nothing more to see for the whole parser."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:  # noqa: ARG002
        """Raise `UsageError` instead of leaving the process."""
        fact, place = _plain(message), self.prog.removeprefix("groupwise ")
        for name, shown in OPERANDS.items():
            fact = re.sub(rf"(required: .*?)\b{name}\b", rf"\1{shown}", fact)
        if match := re.match(r'Parser key "([^"]+)":+ (.*)', fact):
            place, fact = f"--{match[1]}", match[2]
        raise UsageError(fact + self._suggest(message), place=place, remedy=f"See `{self.prog} --help`.")

    def _suggest(self, message: str) -> str:
        shown = [action for action in self._actions if action.help != argparse.SUPPRESS]
        known = [option for action in shown for option in action.option_strings]
        for word in re.findall(r"--[\w.-]+", message):
            meant = did_you_mean(word, known, quoted=False)
            if meant and word not in known:
                return meant
        return ""


def _plain(message: str) -> str:
    """The sentence of a parser's message, without the tree of types that follows it."""
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    sentence = ": ".join(lines[:2]).rstrip(".") if lines else "wrong usage"
    sentence = re.sub(r"a typing\.Literal\[([^]]*)\]", r"one of \1", sentence)
    for kind, words in KINDS.items():
        sentence = sentence.replace(f"a <class '{kind}'>", words)
    return sentence


def build_recipe(values: dict[str, Any], source: Path | None = None) -> Any:
    """Build a `Recipe` from the fields that `values` sets; the rest keep their defaults."""
    from groupwise.recipe.recipe import flatten

    parser = Parser("train", "")
    parser.add_argument("--name", type=str, default="custom")
    add_recipe_options(parser)
    fields = flatten(values)
    known = set(parser.get_defaults().as_flat().__dict__) | {"model.overrides"}
    place, remedy = source or "recipe", "`groupwise train --print_config` shows every field."
    for field in fields:
        if field in PARTS:
            raise UsageError(f"{field!r} has fields of its own", place=place, remedy=remedy)
        if field not in known:
            raise UsageError(
                f"no field {field!r} in a recipe{_meant(field, known | PARTS.keys())}",
                place=place,
                remedy=remedy,
            )
    try:
        parsed = parser.parse_object(fields)
    except UsageError as error:
        field = error.place.removeprefix("--")
        raise UsageError(f"{field}: {error.fact}", place=place, remedy=remedy) from None
    return _instantiate(parser, parsed, Recipe)


def _meant(field: str, known: Set[str]) -> str:
    """The field, or the part, that a wrong name comes close to; one without its part is known by its end."""
    ends = [name for name in sorted(known) if name.rpartition(".")[2] == field]
    return f", did you mean {ends[0]!r}?" if ends else did_you_mean(field, known)


def parse_recipe(parser: Parser, argv: Sequence[str], base: Any) -> tuple[Any, Any]:
    """Parse `argv` over the recipe `base`; returns the parsed arguments and the changed recipe."""
    from groupwise.recipe.recipe import as_dict, flatten

    fields = flatten(as_dict(base))
    fields.pop("name")
    parser.set_defaults(fields)
    words = with_cost_matrix(argv)
    arguments = parser.parse_args(words)
    if any(word.partition("=")[0] in (f"--{OPTIMISE}", SHORT_NAMES[OPTIMISE]) for word in words):
        parser.set_defaults(aimed_fields({name: arguments[name] for name in fields}, fields))
        arguments = parser.parse_args(words)
    return arguments, _instantiate(parser, arguments, Recipe, name=base.name)


def _instantiate(parser: Parser, arguments: Any, recipe: type[Any], **known: Any) -> Any:
    _refuse_null(arguments)
    objects = parser.instantiate(arguments)
    names = [field.name for field in dataclasses.fields(recipe)]
    return recipe(**{name: objects[name] for name in names if name not in known} | known)


def _refuse_null(arguments: Any) -> None:
    """Raise `UsageError` for null where a field has to have a value; the parser takes it anywhere."""
    for part, kind in PARTS.items():
        for name, hint in get_type_hints(kind).items():
            if arguments[f"{part}.{name}"] is None and type(None) not in get_args(hint):
                raise UsageError(
                    "null is no value of it",
                    place=f"{part}.{name}",
                    remedy="Give one, or leave the field out.",
                )


def read_recipe(recipe: str | Path, changes: Mapping[str, Any] | None = None) -> tuple[Recipe, Recipe]:
    """A recipe as its file has it, and with `changes` by path."""
    file = recipe_file(str(recipe))
    fields = recipe_fields(file)
    base: Recipe = build_recipe(fields, file)
    return base, build_recipe(with_changes(fields, changes)) if changes else base
