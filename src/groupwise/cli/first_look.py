"""The first look at a command: wrong options and paths, said before the library that parses is loaded."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any, NoReturn

from groupwise.cli.paths import look_at
from groupwise.errors import UsageError, did_you_mean

Act = Callable[[Any, list[str]], None]


class _Seen(Exception):  # noqa: N818 - it is no error: it ends a verb once its words were looked at
    """Nothing was wrong, or it takes the whole parser to tell."""


class _FirstLook(argparse.ArgumentParser):
    """Takes the declarations of a verb as its parser does, and leaves the verb when it has looked."""

    def __init__(self, verb: str) -> None:
        super().__init__(prog=f"groupwise {verb}", add_help=False, allow_abbrev=False)
        self.verb = verb
        self.fields: list[str] = []

    def add_class_arguments(self, part: type[Any], name: str, *, skip: Collection[str] = ()) -> None:
        """One option for each field of a dataclass, of which only the name is known here."""
        for field in dataclasses.fields(part):
            if field.name not in skip:
                self.fields.append(f"--{name}.{field.name}")
                self.add_argument(self.fields[-1])

    def first_look(self, argv: Sequence[str]) -> None:
        """Look now, before a recipe is read."""
        self.parse_args(argv)

    def parse_args(self, argv: Sequence[str]) -> NoReturn:  # type: ignore[override]
        """Raise GroupwiseError for an unknown option or a wrong path, else leave the verb."""
        parsed, rest = self.parse_known_args(argv)
        unknown = [word for word in rest if word.startswith("--") and not self._is_part(word)]
        if unknown:
            options = [name for name in self._option_string_actions if name.startswith("--")]
            meant = did_you_mean(unknown[0].partition("=")[0], options, quoted=False)
            raise UsageError(
                f"unrecognized arguments: {' '.join(rest)}{meant}",
                place=self.verb,
                remedy=f"See `{self.prog} --help`.",
            )
        look_at(self._actions, vars(parsed))
        raise _Seen

    def _is_part(self, word: str) -> bool:
        """Whether the library may take it: a whole part, an entry of a field, or `+` to append to one."""
        name = word.partition("=")[0].removesuffix("+")
        parts = {field.partition(".")[0] for field in self.fields}
        return name in parts or any(name == field or name.startswith(f"{field}.") for field in self.fields)

    def error(self, message: str) -> NoReturn:
        """Leave it to the whole parser, whose words are better."""
        raise _Seen(message)


def look_first(verb: str, act: Act, argv: list[str]) -> None:
    """Raise GroupwiseError for what is wrong with a command at first sight."""
    if {"-h", "--help"}.intersection(argv):
        return
    _declare(verb, act, argv)


def declared_options(verb: str, act: Act) -> list[str]:
    """Every long option of a verb, in order."""
    parser = _declare(verb, act, [])
    return sorted({"--help", *(word for word in parser._option_string_actions if word.startswith("--"))})


def _declare(verb: str, act: Act, argv: list[str]) -> _FirstLook:
    """The parser with what the verb declares, once it has looked at `argv`."""
    parser = _FirstLook(verb)
    try:
        act(parser, argv)
    except _Seen:
        return parser
    raise AssertionError(f"{verb} parses nothing")
