"""Groups as people write them: one spelling for each, and none for what only marks a missing one."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

_PLACEHOLDERS = frozenset(
    (  # noqa: SIM905  # shorter so
        "nan na n/a n.a. n.a <na> #n/a none null nil nat missing unknown unk undefined unspecified"
        " unnamed not-available notavailable not-known tbd ? ?? ??? - -- --- . .. _ * — – / (blank)"
        " n.-a. n.-a na. #ref! #value! #name? #div/0! #num! #null! anonymous no-id noid"
        " keine 未知 不明 inconnu 1900-01-00"
    ).split()
)
# Names of nobody that may be somebody's as well: initials, a surname, a number.
_SUSPICIOUS = frozenset(
    (  # noqa: SIM905  # shorter so
        "0 -1 99 999 9999 -99 -999 other others misc default blank n.n. n.n k.a. k.a"
    ).split()
)
_NUMBER = re.compile(r"[+-]?(\d+)([.,]0*)?|[+-]?\d+(\.\d+)?[eE][+-]?\d{1,2}")
_CROWD = 4
"""A suspicious value is named where it holds so many times the images of a usual group."""


def is_placeholder(value: str) -> bool:
    """Whether a cell says that there is no group, rather than which."""
    plain = _plain(value)
    return not plain or plain.replace(" ", "-") in _PLACEHOLDERS or plain in _PLACEHOLDERS


def spelling_key(value: str) -> str:
    """What all spellings of one group have in common: without case, blanks, quotes, and forms of a number.

    `p1`, `P1 `, `p 1`, `p_1` and `p01` are one; so are `1`, `1.0`, `01` and `1e0`. `1-1` and `11` are two.
    """
    plain = _plain(value)
    if _NUMBER.fullmatch(plain):
        try:
            number = Decimal(plain.replace(",", "."))
            return str(int(number)) if number == int(number) else str(number.normalize())
        except InvalidOperation:
            return plain
    joined = re.sub(r"(?<=\d)[\s_-]+(?=\d)", "-", plain)
    joined = re.sub(r"(?<!\d)[\s_-]+|[\s_-]+(?!\d)", "", joined)
    return re.sub(r"(?<![\d.])0+(?=\d)", "", joined)


def _plain(value: str) -> str:
    text = unicodedata.normalize("NFKC", value)
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")  # marks of order, of direction
    return " ".join(visible.strip().strip("\"'").split()).casefold()


def tidy_groups(groups: Sequence[str]) -> tuple[list[str], list[str]]:
    """The groups in one spelling each, "" where one is missing; and sentences that say what was done.

    The commonest spelling stands for all, the first of equally common ones.
    """
    missing = Counter(group for group in groups if group.strip() and is_placeholder(group))
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for group in groups:
        if not is_placeholder(group):
            spellings[spelling_key(group)][group] += 1
    chosen = {key: known.most_common(1)[0][0] for key, known in spellings.items()}
    tidy = ["" if is_placeholder(group) else chosen[spelling_key(group)] for group in groups]
    sizes = {chosen[key]: known.total() for key, known in spellings.items()}
    return tidy, [
        *_say_missing(groups, missing),
        *_say_joined([list(known) for known in spellings.values() if len(known) > 1]),
        *_say_suspicious(sizes),
    ]


def _say_missing(groups: Sequence[str], missing: Counter[str]) -> list[str]:
    if not missing:
        return []
    values = ", ".join(f"{value!r}" for value, _ in missing.most_common(6))
    return [
        f"{missing.total():,} of {len(groups):,} groups are written as {values}, which names nobody: each of"
        " these images stands alone. If it does name one, call it otherwise."
    ]


def _say_joined(joined: Sequence[Sequence[str]]) -> list[str]:
    if not joined:
        return []
    examples = ", ".join(" and ".join(map(repr, sorted(names)[:3])) for names in joined[:3])
    return [
        f"Groups with several spellings: {len(joined):,}, such as {examples}. Each counts as one, for only"
        " case, blanks or the form of a number differs. If they are several, call them otherwise."
    ]


def _say_suspicious(sizes: dict[str, int]) -> list[str]:
    if len(sizes) < 2:
        return []
    usual = sorted(sizes.values())[len(sizes) // 2]
    return [
        f"The group {name!r} holds {size:,} images, where a usual one holds {usual:,}: if it stands for a"
        " missing one, leave its cells empty. Until then it counts as one group."
        for name, size in sizes.items()
        if _is_suspicious(name) and size >= _CROWD * usual
    ]


def _is_suspicious(name: str) -> bool:
    """Whether a group may stand for a missing one, in whatever form its number is written."""
    return bool({spelling_key(name), _plain(name).replace(". ", ".")} & _SUSPICIOUS)
