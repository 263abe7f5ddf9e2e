"""Dates as people write them: 2024-01-05, 5.1.2024, 20240105, 5 Jan 2024."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

_MIDNIGHT = r"(?:[t ]00:00(?::00(?:\.0+)?)?z?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/._ ])(\d{{1,2}})\2(\d{{1,2}}){_MIDNIGHT}")
_CHINESE = re.compile(r"(\d{4}) ?年 ?(\d{1,2}) ?月 ?(\d{1,2}) ?[日号]?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\.0*)?")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/. ])(\d{{1,2}})\2(\d{{4}}){_MIDNIGHT}")
_NAMED = re.compile(r"(?:(\d{1,2})\.? ?([a-zäéûç]+)\.?|([a-zäéûç]+)\.? (\d{1,2})(?:st|nd|rd|th)?),? ?(\d{4})")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            *("jan janvier enero", "feb fév febrero", "mar mär mars", "apr avr abril", "may mai mayo"),
            *(
                "jun juin junio",
                "jul juil julio",
                "aug août ago",
                "sep sept",
                "oct okt",
                "nov",
                "dec dez déc dic",
            ),
        ),
        start=1,
    )
    for name in names.split()
}
_YEARS = range(1900, 2101)


def read_date(text: str, *, day_first: bool | None = None) -> date | None:
    """The date that a text is, in any of its usual spellings; None for everything else.

    Of `05/01/2024` `day_first` says which number is the day; with None it is no date unless one is above 12
    or both are equal. With dots the day stands first.
    """
    plain = text.strip().casefold()
    if match := _YEAR_FIRST.fullmatch(plain):
        return _make(match[1], match[3], match[4])
    if match := _CHINESE.fullmatch(plain) or _COMPACT.fullmatch(plain):
        return _make(*match.groups())
    if match := _YEAR_LAST.fullmatch(plain):
        first, mark, second, year = match.groups()
        first_is_day = True if mark == "." else _first_is_day(first, second, day_first)
        if first_is_day is None:
            return None
        return _make(year, second, first) if first_is_day else _make(year, first, second)
    if match := _NAMED.fullmatch(plain):
        month = _month(match[2] or match[3])
        return _make(match[5], month, match[1] or match[4]) if month else None
    return None


def find_order(texts: Iterable[str]) -> bool | None:
    """Whether the day stands first in dates such as 13/01/2024; None where none of them tells."""
    orders = set()
    for text in texts:
        if (match := _YEAR_LAST.fullmatch(text.strip().casefold())) and match[2] != ".":
            orders.add(_first_is_day(match[1], match[3], None) if match[1] != match[3] else None)
    known = orders - {None}
    return known.pop() if len(known) == 1 else None


def is_undecided(text: str, *, day_first: bool | None) -> bool:
    """Whether a text is a date of which nobody can tell the day from the month."""
    match = _YEAR_LAST.fullmatch(text.strip().casefold())
    return match is not None and read_date(text, day_first=day_first) is None and _could_be_both(match)


def _could_be_both(match: re.Match[str]) -> bool:
    return int(match[1]) in range(1, 13) and int(match[3]) in range(1, 13)


def _first_is_day(first: str, second: str, day_first: bool | None) -> bool | None:
    if int(first) > 12 or int(first) == int(second):
        return True
    return False if int(second) > 12 else day_first


def _month(word: str) -> int | None:
    """The month of a name such as `Jan`, `january` or `mars`, by its first letters."""
    if not word:
        return None
    if word in _MONTHS:
        return _MONTHS[word]
    return _MONTHS.get(word[:3])


def _make(year: str, month: str | int, day: str) -> date | None:
    try:
        made = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return made if made.year in _YEARS else None
