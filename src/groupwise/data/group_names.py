"""Groups as people write them: one spelling for each, and none for what only marks a missing one."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from decimal import Decimal, InvalidOperation

from groupwise.data.dates import find_order, is_undecided, read_date

_PLACEHOLDERS = frozenset(
    (  # noqa: SIM905  # shorter so
        "nan na n/a n.a. n.a <na> #n/a none null nil nat missing unknown unk undefined unspecified"
        " unnamed not-available notavailable not-known not-applicable not-specified not-recorded not-provided"
        " to-be-determined tbd tba tbc ? ?? ??? - -- --- . .. _ * — – / \\ xx xxx xxxx"
        " (blank) (null) (none) (empty) [empty] (unknown) \\n n/d s/d"
        " n.-a. n.-a na. #ref! #value! #name? #div/0! #num! #null! anonymous no-id noid no-data 1900-01-00"
        " keine kein unbekannt fehlt fehlend nicht-bekannt nicht-vorhanden ohne"
        " keine-angabe ohne-angabe entfällt"
        " inconnu inconnue inconnu(e) non-connu non-renseigné non-renseigne non-communiqué"
        " aucun aucune néant manquant"
        " desconocido desconocida sin-datos sin-dato ninguno ninguna no-disponible no-aplica"
        " sconosciuto desconhecido onbekend неизвестно 未知 不明 不详 不詳 未填 缺失 无 無"
        " 暂无 匿名 なし 알수없음"
    ).split()
)
# Names of nobody that may be somebody's initials, where others are initials too: keine Angabe, siehe oben.
_INITIALS = re.compile(r"[^\W\d_](?:\. ?[^\W\d_])+\.?")
_NOBODYS_INITIALS = frozenset(["ka", "so", "nn", "oa", "sd", "nr", "nc", "nd"])
_FEW_INITIALS = 2
# What stands for a missing one where it holds far more images than a usual group.
_SUSPICIOUS = frozenset(
    [
        "0",
        "-1",
        "99",
        "999",
        "9999",
        "-99",
        "-999",
        "other",
        "others",
        "misc",
        "default",
        "blank",
        "autre",
        "otro",
        "sonstige",
    ]
)
_NUMBER = re.compile(r"[+-]?(\d+)([.,]0*)?|[+-]?\d+(\.\d+)?[eE][+-]?\d{1,2}")
_CROWD = 4
"""A suspicious value is named where it holds so many times the images of a usual group."""


def is_placeholder(value: str) -> bool:
    """Whether a cell says that there is no group, rather than which."""
    plain = _plain(value)
    return not plain or plain.replace(" ", "-") in _PLACEHOLDERS or plain in _PLACEHOLDERS


def spelling_key(value: str, *, day_first: bool | None = None) -> str:
    """What all spellings of one group have in common: without case, blanks, forms of a number or date.

    `p1`, `P1 `, `p 1`, `p_1` and `p01` are one; so are `1`, `1.0`, `01` and `1e0`, and `2024-01-05`,
    `5.1.2024` and `20240105`. `1-1` and `11` are two. `day_first` is that of `read_date`.
    """
    plain = _plain(value)
    if found := read_date(plain, day_first=day_first):
        return f"{found:%Y%m%d}"
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
    nobody = _names_of_nobody(groups)
    missing = Counter(group for group in groups if group.strip() and group in nobody)
    named = [group for group in groups if group not in nobody]
    day_first = find_order(map(_plain, named))
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for group, count in Counter(named).items():
        spellings[spelling_key(group, day_first=day_first)][group] += count
    chosen = {name: known.most_common(1)[0][0] for known in spellings.values() for name in known}
    tidy = [chosen.get(group, "") for group in groups]
    sizes = {known.most_common(1)[0][0]: known.total() for known in spellings.values()}
    return tidy, [
        *_say_missing(groups, missing),
        *_say_joined([list(known) for known in spellings.values() if len(known) > 1]),
        *_say_undecided(chosen, day_first),
        *_say_suspicious(sizes),
    ]


def _names_of_nobody(groups: Sequence[str]) -> set[str]:
    """The cells that name no group, of which some do so only beside the others.

    `k.A.` is nobody unless other cells are initials as well. Zero, in whatever form, is nobody where it
    stands among other names than small numbers: there it may be the first that was numbered, whose images
    must not be parted, however many they are.
    """
    counts = Counter(groups)
    plain = {group: _plain(group) for group in counts}
    nobody = {group for group in counts if is_placeholder(group)}
    initials = {group for group in counts if _INITIALS.fullmatch(plain[group])} - nobody
    doubtful = {group for group in initials if re.sub(r"\W", "", plain[group]) in _NOBODYS_INITIALS}
    if len(initials - doubtful) < _FEW_INITIALS:
        nobody |= doubtful
    zeros = {group for group in counts.keys() - nobody if spelling_key(group) == "0"}
    others = {spelling_key(group) for group in counts.keys() - nobody - zeros}
    if others and not others & {"1", "2"}:
        nobody |= zeros
    return nobody


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
        " case, blanks, hyphens or the form of a number or date differ. If they are several, call them"
        " otherwise."
    ]


def _say_undecided(names: Collection[str], day_first: bool | None) -> list[str]:
    """Dates that may be written day first or month first, beside dates that are certain."""
    unsure = [name for name in names if is_undecided(_plain(name), day_first=day_first)]
    if not any(read_date(_plain(name), day_first=day_first) for name in names if unsure):
        return []
    return [
        f"{len(unsure):,} groups, such as {unsure[0]!r}, may be dates with the day or the month first, and"
        " are joined with no other spelling: write dates as 2024-01-31."
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
    return bool({spelling_key(name), _plain(name)} & _SUSPICIOUS)
