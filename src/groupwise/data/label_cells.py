"""What the label cells of a table say against one another: missing ones, repeats, several names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from groupwise.data.group_names import tidy_groups
from groupwise.data.label_sets import SetsRead, read_sets, split_cell
from groupwise.data.manifest import GIVEN_FOLD, Sample
from groupwise.data.reading import Labels
from groupwise.data.sources import find_sources

# What programs write where a label is missing; `None` and `unknown` may be the names of classes.
_NO_LABEL = frozenset({"nan", "<na>", "#n/a", "null", "n/a"})


def is_missing(label: str) -> bool:
    """Whether a label is what programs write where there is none."""
    return label.strip().casefold() in _NO_LABEL


def judge(samples: list[Sample], labels: Labels) -> tuple[list[Sample], SetsRead]:
    """Quarantine what contradicts itself, and the labels as sets where images have several."""
    samples, notes = _join_groups(samples)
    notes += _note_folds_apart(samples)
    sets = read_sets(_judge_missing(samples), labels)
    sets = replace(sets, notes=(*notes, *sets.notes))
    if sets.several:
        return _judge_repeats(list(sets.samples)), sets
    return _judge_labels(_judge_repeats(samples)), sets


def _join_groups(samples: list[Sample]) -> tuple[list[Sample], list[str]]:
    """Groups that rows of one file name beside one another under one name, for they share a picture.

    A row that names none is of the group of the other rows of its file.
    """
    groups = tidy_groups([sample.group for sample in samples])[0]
    paths = [sample.path for sample in samples]
    cut = _several_of(paths, groups)
    named = {path for path, group in zip(paths, groups, strict=True) if group}
    if not cut and all(group or path not in named for path, group in zip(paths, groups, strict=True)):
        return samples, []
    sources = find_sources(paths, groups).tolist()
    names: dict[int, str] = {}
    for source, group in zip(sources, groups, strict=True):
        if group:
            names.setdefault(source, group)
    joined = [
        replace(sample, group=names.get(source, sample.group))
        for sample, source in zip(samples, sources, strict=True)
    ]
    if not cut:
        return joined, []
    path, found = min(cut.items())
    return joined, [
        f"{len(cut):,} files stand in several rows under different groups, such as {path}"
        f" ({', '.join(found)}): these groups count as one."
    ]


def _note_folds_apart(samples: list[Sample]) -> list[str]:
    """That files stand on several sides of a split that is given."""
    cut = _several_of([sample.path for sample in samples], [s.extra.get(GIVEN_FOLD, "") for s in samples])
    if not cut:
        return []
    path, found = min(cut.items())
    return [
        f"{len(cut):,} files stand in several rows under different folds, such as {path}"
        f" ({', '.join(found)}): each is in that of its first row alone."
    ]


def _several_of(paths: Sequence[str], values: Sequence[str]) -> dict[str, list[str]]:
    """The files whose rows give several different values, with these in their order."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for path, value in zip(paths, values, strict=True):
        if value:
            found[path][value] = None
    return {path: list(given) for path, given in found.items() if len(given) > 1}


def _judge_repeats(samples: list[Sample]) -> list[Sample]:
    labels: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        if sample.status == "ok":
            labels[sample.path].add(sample.label)
    seen: set[str] = set()
    return [_judge_repeat(sample, labels[sample.path], seen) for sample in samples]


def _judge_repeat(sample: Sample, labels: set[str], seen: set[str]) -> Sample:
    if sample.status != "ok":
        return sample
    if len(labels) > 1:
        reason = f"two-labels: listed as {', '.join(map(repr, sorted(labels)))}".replace(";", ",")
        return replace(sample, status="quarantined", reason=reason)
    if sample.path in seen:
        return replace(sample, status="ignored", reason="listed-twice: an earlier row names the same file")
    seen.add(sample.path)
    return sample


def _judge_missing(samples: list[Sample]) -> list[Sample]:
    """Quarantine labels that say there is none."""
    return [
        replace(
            sample,
            label="",
            status="quarantined",
            reason=f"no-label: the cell holds {sample.label!r}, which stands for a missing one",
        )
        if sample.status == "ok" and is_missing(sample.label)
        else sample
        for sample in samples
    ]


def _judge_labels(samples: list[Sample]) -> list[Sample]:
    """Quarantine labels that say there is none, and those that are several at once."""
    single = {name for sample in samples if len(split_cell(sample.label)) == 1 for name in [sample.label]}
    judged = []
    for sample in _judge_missing(samples):
        parts = split_cell(sample.label)
        if sample.status == "ok" and len(parts) > 1 and single.intersection(parts):
            reason = f"several-labels: {', '.join(parts)}, where one image needs one".replace(";", ",")
            judged.append(replace(sample, status="quarantined", reason=reason))
        else:
            judged.append(sample)
    return judged
