"""What the label cells of a table say against one another: missing ones, repeats, several names."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from groupwise.data.label_sets import SetsRead, read_sets, split_cell
from groupwise.data.manifest import Sample
from groupwise.data.reading import Labels

# What programs write where a label is missing; `None` and `unknown` may be the names of classes.
_NO_LABEL = frozenset({"nan", "<na>", "#n/a", "null", "n/a"})


def is_missing(label: str) -> bool:
    """Whether a label is what programs write where there is none."""
    return label.strip().casefold() in _NO_LABEL


def judge(samples: list[Sample], labels: Labels) -> tuple[list[Sample], SetsRead]:
    """Quarantine what contradicts itself, and the labels as sets where images have several."""
    sets = read_sets(_judge_missing(samples), labels)
    if sets.several:
        return _judge_repeats(list(sets.samples)), sets
    return _judge_labels(_judge_repeats(samples)), sets


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
