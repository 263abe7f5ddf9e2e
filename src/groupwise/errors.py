"""Every failure that a user can mend, as one sentence of fact, place and remedy."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from numbers import Integral
from os import PathLike

SEEDS = 2**32  # what scikit-learn takes


class GroupwiseError(Exception):
    """A failure that the user can mend: what is wrong, where, and what to do about it.

    The command line prints it without a traceback and leaves with `exit_status`.
    """

    exit_status = 1

    def __init__(self, fact: str, *, place: object, remedy: str) -> None:
        self.fact, self.place, self.remedy = fact, str(place), remedy
        stop = "" if fact.endswith(("?", ".")) else "."
        super().__init__(f"{self.place}: {fact}{stop} {remedy}")

    def move_to(self, place: object) -> None:
        """Let it be said of `place`."""
        GroupwiseError.__init__(self, self.fact, place=place, remedy=self.remedy)

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of its frames, which are none of the user's."""
        return [f"{type(self).__name__}: {self}"]


class Ended(KeyboardInterrupt):
    """SIGTERM or a closed terminal, where training does not take it: it ends what runs as Ctrl-C does."""


def first_line(error: BaseException) -> str:
    """What an error of another library says, without its details; its kind where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def did_you_mean(word: str, known: Iterable[str], *, quoted: bool = True) -> str:
    """The end of a sentence that names the one of `known` that `word` comes close to; or empty."""
    near = difflib.get_close_matches(word, list(known), n=1)
    if not near:
        return ""
    return f", did you mean {near[0]!r}?" if quoted else f", did you mean {near[0]}?"


class ThresholdError(GroupwiseError):
    """A run is finished, and its number is below what `--fail-under` asks for."""

    exit_status = 3


class UsageError(GroupwiseError):
    """The command or the call itself is wrong, whatever the data are."""

    exit_status = 2


TEXT, WHOLE, SWITCH = (str, "a text"), (Integral, "a whole number"), (bool, "True or False")
"""Kinds of arguments, as `require_kinds` takes them."""


def require_kinds(given: Mapping[str, object], kinds: Mapping[str, tuple[type, str]]) -> None:
    """Raise `UsageError` for a value, by the name of its argument, that is not of the kind in `kinds`.

    None is a value left out, and True is no number.
    """
    for name, value in given.items():
        kind, words = kinds[name]
        if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
            continue
        raise UsageError(
            f"holds {type(value).__name__} {value!r:.60}, which is not {words}",
            place=name,
            remedy="Give that, or leave it out.",
        )


def require_paths(given: Mapping[str, object]) -> None:
    """Raise `UsageError` for a table or a list where a file is named."""
    for name, value in given.items():
        if value is not None and not isinstance(value, str | PathLike):
            remedy = "Give the path of a file or folder."
            if hasattr(value, "to_csv"):
                remedy = "Write it to a file, by its to_csv('images.csv', index=False), and give its name."
            elif name == "exclude":
                remedy = "Write the paths into a text file, one a line, and give its name."
            raise UsageError(f"holds {type(value).__name__}, which is no path", place=name, remedy=remedy)


def require_numbers(config: object, part: str) -> None:
    """Raise `UsageError` where a field of `config`, the part `part` of a recipe, is nan or infinite.

    nan passes limits that are asked for by what is below or above them.
    """
    for name, value in vars(config).items():
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and not math.isfinite(number):
                raise UsageError(
                    f"{number} is not a finite number",
                    place=f"{part}.{name}",
                    remedy="Give one, or leave the field out.",
                )


def require_seed(seed: int | None) -> None:
    """Raise `UsageError` for one that not every generator takes."""
    if seed is None or not 0 <= seed < SEEDS:  # null, which the parser takes anywhere
        raise UsageError(
            f"{seed} is not at least 0 and below {SEEDS}", place="--seed", remedy="Give a number between."
        )
