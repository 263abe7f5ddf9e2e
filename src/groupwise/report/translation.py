"""A finished page in another language: its sentences, looked up in one table.

Sentences of the report are made in many places, some of them long before the page, and stored with the
figures. So the page is written in English, and each run of its text is looked up in
`languages/LANGUAGE.yaml`, which has an English sentence with its fields and the other one:

    "Of {n} image{s} from {n2} source{s2}, {text}.": "..."

A field that begins with `n` is a count, with `v` a figure, with `s` a plural ending or nothing; any other is
text within one sentence. Those of `OURS` have to be in the table themselves, those of `PERHAPS_OURS` are
looked up, and all others (`name`, `a`, ...) hold what is the user's and stay; `each` is several, with
semicolons or commas between, all of which have to be in the table. What is not in the table stays English,
and is returned. Code, file
names and what has `translate="no"` (names of classes, columns and people) or `lang="en"` is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

import yaml

from groupwise.files import write_atomic
from groupwise.text import NBSP

# Tags that may stand within a sentence; every other one ends a run of text.
WITHIN = ("em", "code", "a")
TAG = re.compile(rf"(<(?!/?(?:{'|'.join(WITHIN)})\b)[^>]*>)")
LEFT_ALONE = re.compile(
    r'^<(style|pre)\b|^<(?!html\b)(\w+)[^>]*(?:\btranslate="no"|\blang="en"|\bclass="file")'
)
SPOKEN = re.compile(r'\b(alt|aria-label)="([^"]*)"')
FIELD = re.compile(r"\{(\w+)\}")
SENTENCE_END = re.compile(r"(?<=[.?!]) (?=[A-Z“<\d])")
SEMICOLON, COMMA = re.compile(r"(?<!&lt)(?<!&gt)(?<!&amp); "), re.compile(", ")  # no end of `&lt;`
FIGURE = r"(?:over |under )?[-+−]?\d[\d,.]*(?: %)?|n/a"
# Fields that hold no name or value but words of the report.
OURS = {"aim", "measure", "role", "lead", "apart", "interval", "statuses", "made", "spans", "rule", "of"}
OURS |= {"rest", "step", "ground", "title", "each", "note", "reason", "meaning", "why", "kind", "clue"}
OURS |= {"method"}
# Fields of which some values are in the table: folds and baselines that we name, durations, figures such as
# "over 99.9 %".
PERHAPS_OURS = {"fold", "baseline", "time", "v"}
KINDS = {"n": r"\d[\d,]*", "v": FIGURE, "s": "s?"}
TEXT = r"(?:(?![.?!] [A-Z“]).)+?"
NOTHING_TO_SAY = re.compile(r"^(?:\W|\d|<[^>]*>|&\w+;|95 %)*$")


def translated(page: str, language: str) -> tuple[str, list[str]]:
    """The page in `language`, and the runs of text that its table does not have, each once."""
    table = _Table(_entries(language))
    out, skipping, depth = [], "", 0
    for piece in TAG.split(page):
        if skipping:
            depth += bool(re.match(rf"<{skipping}\b", piece)) - bool(re.match(rf"</{skipping}\b", piece))
            skipping = skipping if depth else ""
        elif not piece.startswith("<") or re.match(rf"</?(?:{'|'.join(WITHIN)})\b", piece):
            out.append(table.run(piece))
            continue
        elif found := LEFT_ALONE.match(piece):
            skipping, depth = found[1] or found[2], 1
        else:
            piece = SPOKEN.sub(lambda one: f'{one[1]}="{table.run(one[2])}"', piece)
        out.append(piece)
    text = "".join(out).replace('<html lang="en">', f'<html lang="{language}">', 1)
    return text, list(dict.fromkeys(table.missing))


def write_translation(page: Path, language: str) -> tuple[Path, list[str]]:
    """`report.html` in `language` beside it, as `report.zh.html`; returns it and what stayed English.

    It leads to the page of its audit in that language, where that lies there.
    """
    text, missing = translated(page.read_text(encoding="utf-8"), language)
    if (audit := page.with_name(f"audit.{language}.html")).is_file():
        text = text.replace('href="audit.html"', f'href="{audit.name}"')
    written = page.with_suffix(f".{language}{page.suffix}")
    write_atomic(written, text)
    return written, missing


@dataclass(frozen=True)
class Entry:
    """One sentence of the table; the fields `required` have to be in the table, others `looked_up` may be."""

    pattern: re.Pattern[str]
    other: str
    required: frozenset[str]
    looked_up: frozenset[str]

    def filled(self, fields: Mapping[str, str]) -> str:
        """The other sentence with its fields."""
        return FIELD.sub(lambda name: fields[name[1]], self.other)


@dataclass
class _Table:
    entries: tuple[Entry, ...]
    missing: list[str] = field(default_factory=list)

    def run(self, text: str) -> str:
        """A run of text between two tags, with its blanks at either end."""
        plain = " ".join(text.replace(NBSP, " ").split())
        if NOTHING_TO_SAY.match(plain):
            return text
        found = self.whole(plain)
        said = " ".join(self._sentences(plain)) if found is None else found
        return f"{text[: len(text) - len(text.lstrip())]}{_joined(said)}{text[len(text.rstrip()) :]}"

    def whole(self, text: str) -> str | None:
        """The other sentence, its fields filled in; None for one that is not in the table."""
        for entry in self.entries:
            if found := entry.pattern.fullmatch(text):
                given = found.groupdict()
                said = {name: self._field(name, given[name]) for name in entry.looked_up}
                if all(said[name] is not None for name in entry.required):
                    return entry.filled({name: said.get(name) or value for name, value in given.items()})
        # A title that stands as a sentence
        title = self.whole(text[:-1]) if re.search(r"\w[)”]?\.$", text) else None
        return None if title is None else f"{title}。"

    def _field(self, name: str, text: str) -> str | None:
        if name == "each":
            return self._each(text)
        return text if NOTHING_TO_SAY.match(text) else self.whole(text)

    def _each(self, text: str) -> str | None:
        """Several parts, looked up one by one; None where one is not in the table."""
        between, other = (SEMICOLON, "；") if SEMICOLON.search(text) else (COMMA, "，")
        parts = [self._field("", part) for part in between.split(text)]
        return None if None in parts else other.join(part for part in parts if part is not None)

    def _sentences(self, text: str) -> Iterator[str]:
        """Sentence by sentence, the most at once that the table has."""
        parts = SENTENCE_END.split(text)
        at = 0
        while at < len(parts):
            for end in range(len(parts), at, -1):
                if (found := self.whole(" ".join(parts[at:end]))) is not None:
                    yield found
                    break
            else:
                end = at + 1
                if not NOTHING_TO_SAY.match(parts[at]) and not parts[at].startswith("<code>"):
                    self.missing.append(parts[at])
                yield parts[at]
            at = end


def _joined(text: str) -> str:
    """Without a blank behind a sign that has its own, as Chinese ones do, and before a per cent."""
    return re.sub(r"(?<=[。，：；、！？）]) |(?<=\d) (?=%)", "", text)


@cache
def _entries(language: str) -> tuple[Entry, ...]:
    file = resources.files("groupwise.report.languages") / f"{language}.yaml"
    table: dict[str, str] = yaml.safe_load(file.read_text("utf-8"))
    return tuple(_entry(ours, other) for ours, other in table.items())


def _entry(ours: str, other: str) -> Entry:
    required = _required(ours)
    perhaps = {name for name in FIELD.findall(ours) if name.rstrip("0123456789") in OURS | PERHAPS_OURS}
    return Entry(_pattern(ours), other, required, required | perhaps)


def _required(sentence: str) -> frozenset[str]:
    """Fields that hold words of ours; of a sentence without a word of its own, all of them."""
    names = frozenset(FIELD.findall(sentence))
    return names & OURS if re.search(r"[A-Za-z]", FIELD.sub("", sentence)) else names - {"code"}


def _pattern(sentence: str) -> re.Pattern[str]:
    """What matches a sentence of the table, of any values; a name that stands twice has to match itself."""
    parts, seen = [], set[str]()
    for i, part in enumerate(FIELD.split(sentence)):
        if i % 2 == 0:
            parts.append(re.escape(part))
        elif part in seen:
            parts.append(f"(?P={part})")
        else:
            seen.add(part)
            kind = KINDS.get(part[0], TEXT) if re.fullmatch(r"[nvs]\d*", part) else TEXT
            parts.append(f"(?P<{part}>{kind})")
    return re.compile("".join(parts))
