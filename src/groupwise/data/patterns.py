"""Patterns that find the class or the group of an image in its path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from groupwise.data.layout import find_candidates
from groupwise.data.manifest import Sample
from groupwise.errors import UsageError


def compile_pattern(pattern: str | None, option: str) -> re.Pattern[str] | None:
    """The pattern that an option gives; raises `UsageError` for one that is none, or captures two things."""
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"{pattern!r} is not a regular expression ({error})",
            place=option,
            remedy="Give one such as `IMG_(\\d+)`, in quotes.",
        ) from None
    if compiled.groups > 1:
        raise UsageError(
            f"{pattern!r} captures {compiled.groups} things, and the first alone would count",
            place=option,
            remedy="Put one pair of brackets around all that counts, and write `(?:` for the others, as in"
            " `((?:cat|dog)_\\d+)`.",
        )
    return compiled


def assign_labels(samples: Sequence[Sample], pattern: re.Pattern[str]) -> list[Sample]:
    """The samples with the labels that stand in their paths; raises `UsageError` where none does."""
    labelled = [replace(sample, label=_find(pattern, sample)) for sample in samples]
    candidates = find_candidates(labelled)
    _require_one(candidates, [sample.label for sample in candidates], pattern, "class", "--label-regex")
    return labelled


def assign_groups(samples: Sequence[Sample], pattern: re.Pattern[str]) -> list[Sample]:
    """The samples with the groups that stand in their paths; raises `UsageError` where none does."""
    grouped = [replace(sample, group=_find(pattern, sample)) for sample in samples]
    candidates = find_candidates(grouped)
    _require_one(candidates, [sample.group for sample in candidates], pattern, "group", "--group-regex")
    return grouped


def _require_one(
    candidates: Sequence[Sample], found: Sequence[str], pattern: re.Pattern[str], what: str, option: str
) -> None:
    """Raise where nothing was found in any path, now rather than after a long scan."""
    if candidates and not any(found):
        raise UsageError(
            f"{pattern.pattern!r} finds no {what} in any path, such as {candidates[0].path!r}",
            place=option,
            remedy="It is searched in the path below the data's folder: give one that matches there.",
        )


def _find(pattern: re.Pattern[str], sample: Sample) -> str:
    match = pattern.search(sample.path) if sample.status == "ok" else None
    if match is None:
        return ""
    return (match[1] if pattern.groups else match[0]) or ""
