"""Sentences for the console about `leakage.json`: each figure, and what it is evidence of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from groupwise.stats.estimate import SETS


def leakage_words(facts: Mapping[str, Any], run: Path, *, retrains: bool = True) -> list[str]:
    """What a random split would have reported, a sentence or two a part, from `run`'s `leakage.json`.

    `retrains` is whether the run is one that `leakage --retrain` takes.
    """
    if not facts["known"]:
        return [f"Cannot tell: {facts['reason']}."]
    parts = (_siblings(facts), _neighbours(facts), _retrained(facts, run, retrains))
    return [sentence for part in parts for sentence in part]


def _siblings(facts: Mapping[str, Any]) -> Iterator[str]:
    siblings, fold = facts["siblings"], facts["fold"]
    random = siblings["random"]
    kinds = {"clusters": "a copy", "groups": "an image of the same group"}
    apart = [f"{_percent(random[name])} {what}" for name, what in kinds.items() if random[name] is not None]
    own = siblings["this_split"]
    yield (
        f"Siblings, images of one source: under a random split {_percent(random['sources'])} of the {fold}"
        f" images would have a sibling in training ({', '.join(apart)}); exact, over all random splits."
        + (f" In this run's split it is {_percent(own)}." if own is not None else "")
    )
    yield f"  Evidence {facts['evidence']['siblings']}"


def _neighbours(facts: Mapping[str, Any]) -> Iterator[str]:
    found = facts["neighbours"]
    if found is None:
        yield "Nearest neighbour: too few sources to split them again and again."
        return
    difference, right = found["difference"], _right(facts)
    yield (
        f"Nearest neighbour on fixed features: {_percent(found['random']['value'])} {right} under random"
        f" splits, {_percent(found['grouped']['value'])} under grouped ones: {_points(difference)}."
    )
    if difference["high"] is not None and difference["high"] < 0:
        yield "  Here siblings mislead it: the most similar image is often a sibling of another class."
    yield f"  Evidence {facts['evidence']['neighbours']}"


def _retrained(facts: Mapping[str, Any], run: Path, retrains: bool) -> Iterator[str]:
    found = facts["retrained"]
    if found is None:
        if retrains:
            yield f"Retrained: not measured; `groupwise leakage {run} --retrain` trains under both splits."
        return
    yield (
        f"Retrained, {found['seeds']} seeds: {_percent(found['random']['value'])} {_right(facts)} under"
        f" random splits, {_percent(found['grouped']['value'])} under grouped ones:"
        f" {_points(found['difference'])}."
    )
    added = found["selection"]
    yield (
        f"  Choosing the epoch on the {facts['fold']} fold instead of {_otherwise(found)} would have"
        f" added {100 * added['random']['value']:.1f} points under random splits,"
        f" {100 * added['grouped']['value']:.1f} under grouped ones."
    )
    yield (
        f"  Both together: {_percent(found['tutorial']['value'])} would have been reported:"
        f" {_points(found['total'])}."
    )
    yield f"  Evidence {facts['evidence']['retrained']}"
    readings = found["test_readings"]
    yield (
        f"  These {readings['networks']} networks read {facts['fold']} folds of their own,"
        f" {readings['readings']:,} times in all; they hold {readings['shared_images']:,} of the"
        f" {readings['run_images']:,} images of this run's. This run's own network was not measured again."
    )


def _right(facts: Mapping[str, Any]) -> str:
    return "exactly right" if facts.get("labels") == SETS else "right"


def _otherwise(found: Mapping[str, Any]) -> str:
    return f"on {found['chosen_on']}" if found["chosen_on"] else "taking the last one"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(difference: Mapping[str, Any]) -> str:
    value = f"{100 * difference['value']:+.1f} points"
    if difference["low"] is None:
        return f"{value} (no interval: one seed or one source)"
    return f"{value} (95 % interval {100 * difference['low']:+.1f} to {100 * difference['high']:+.1f})"
