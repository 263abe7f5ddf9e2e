"""Every failure that a user can mend, as one sentence of fact, place and remedy."""

from __future__ import annotations


class GroupwiseError(Exception):
    """A failure that the user can mend: what is wrong, where, and what to do about it.

    The command line prints it without a traceback and leaves with `exit_status`.
    """

    exit_status = 1

    def __init__(self, fact: str, *, place: object, remedy: str) -> None:
        self.fact, self.place, self.remedy = fact, str(place), remedy
        stop = "" if fact.endswith(("?", ".")) else "."
        super().__init__(f"{self.place}: {fact}{stop} {remedy}")


def first_line(error: BaseException) -> str:
    """What an error of another library says, without its details; its kind where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


class UsageError(GroupwiseError):
    """The command or the call itself is wrong, whatever the data are."""

    exit_status = 2
