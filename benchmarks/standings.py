"""Turns the lines that `model.py` measured into its tables: scores, paired differences, times, fronts.

Differences are paired picture by picture within a seed and an outer fold, with 95 % limits over sources by
Groupwise's own comparison: what a picture got is added up over the seeds within its source. The limits are
thus those of other pictures; what other seeds would do stands beside them, as the range over the seeds. The
mean over the sets has limits for these sets, each weighing the same.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from groupwise.stats.paired_tests import compare_models

Line = dict[str, Any]
REFERENCE = "plain"
CONDITIONS = ("threads", "beside", "processor_time", "pictures")
Z = 1.96


class Gain(NamedTuple):
    """A contestant's score less the reference's, in points: accuracy, balanced accuracy, and seed by seed."""

    accuracy: float
    low: float | None
    high: float | None
    error: float | None
    balanced: float
    seeds: tuple[float, ...]


def read(file: Path) -> list[Line]:
    """The lines of the results, the last one of those that measured the same."""
    lines: dict[tuple[Any, ...], Line] = {}
    for text in file.read_text().splitlines() if file.is_file() else ():
        line = {"processor_time": False, **json.loads(text)}  # which older lines do not tell
        lines.pop(_key(line), None)  # so that what is newer stands behind
        lines[_key(line)] = line
    return list(lines.values())


def find(lines: Iterable[Line], conditions: Mapping[str, Any], varied: Mapping[str, Any]) -> Line | None:
    """The line that was measured under `conditions`; the same name must not stand for two variations."""
    for line in lines:
        if _key(line) == _key(conditions):
            if line["varied"] != varied:
                raise SystemExit(
                    f"{line['contestant']} stands in the results with {line['varied']}: take another name"
                )
            return line
    return None


def describe(line: Line) -> str:
    """One measurement in one line."""
    return (
        f"{line['set']} (outer {line['outer']}, seed {line['seed']}), {_limit(line)}: {line['contestant']}"
        f" {line['accuracy']:.1%}, balanced {line['balanced']:.3f}, in {line['seconds']:.0f} s"
        f" ({line['processor_seconds']:.0f} s of the processor),"
        f" {line['network']} at {line['size_px']} px, {line['epochs_done']:g} epochs"
    )


def tables(lines: Sequence[Line]) -> str:
    """All that there is to say of what was measured, a part for each kind of conditions."""
    parts = []
    for conditions, mine in _grouped(lines, *CONDITIONS).items():
        threads, beside, processor_time, pictures = conditions
        head = f"### {threads} thread{'s' * (threads != 1)} each"
        head += ", side by side on a core each" if beside else ", one after the other"
        head += ", minutes of the processor" if processor_time else ""
        head += ", the others learning from train and val" if pictures == "all" else ""
        parts += [head, scores(mine), lead(mine), times(mine)]
    return "\n\n".join(part for part in parts if part)


def scores(lines: Sequence[Line]) -> str:
    """The mean of each contestant on each set."""
    rows = [
        "| set, held out | time | contestant | runs | accuracy | balanced | largest class | seconds, wall"
        " | processor | network, px, epochs | parameters | ms an image, one thread |",
        "|" + "---|" * 12,
    ]
    for (name, *_), mine in _grouped(lines, "set", "minutes", "epochs", "contestant").items():
        first, sources = mine[0], {(line["outer"], s) for line in mine for s in line["sources"]}
        pictures = sum({line["outer"]: line["n"] for line in mine}.values())
        cells = [
            f"{name}: {pictures:,} of {len(sources):,} sources",
            _limit(first),
            first["contestant"],
            str(len(mine)),
            _spread([100 * line["accuracy"] for line in mine], 1),
            f"{statistics.mean(line['balanced'] for line in mine):.3f}",
            f"{100 * statistics.mean(line['largest'] for line in mine):.1f}",
            f"{statistics.mean(line['seconds'] for line in mine):.0f}",
            f"{statistics.mean(line['processor_seconds'] for line in mine):.0f}",
            "; ".join(dict.fromkeys(_network(line) for line in mine)),
            "" if first["parameters"] is None else f"{first['parameters'] / 1e6:.2f} M",
            "" if first["answer_ms"] is None else _middle([line["answer_ms"] for line in mine]),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def lead(lines: Sequence[Line]) -> str:
    """What each contestant has over the reference in the same time, on each set and over all."""
    rows = []
    limits = _grouped([line for line in lines if line["epochs"] is None], "minutes", "contestant")
    for (_, contestant), mine in sorted(limits.items()):
        gains = {}
        for (name,), ours in _grouped(mine, "set").items():
            gain = compare(ours, [line for line in lines if line["contestant"] == REFERENCE])
            if contestant != REFERENCE and gain is not None:
                gains[name] = gain
                rows.append(_lead_row(name, _limit(mine[0]), contestant, gain))
        if len(gains) > 1:
            rows.append(
                _lead_row(f"mean of {len(gains)} sets", _limit(mine[0]), contestant, mean(gains.values()))
            )
    head = (
        f"| set | time | contestant | less {REFERENCE}, points (95 %) | by seed | balanced |\n|" + "---|" * 6
    )
    return "\n".join([head, *rows]) if rows else ""


def compare(ours: Sequence[Line], others: Sequence[Line]) -> Gain | None:
    """The gain over those of `others` that had the same set, time, fold and seed; None without any."""
    names = ("set", "minutes", "epochs", "outer", "seed", *CONDITIONS)
    theirs = {tuple(line[name] for name in names): line for line in others}
    pairs = [(theirs[key], line) for line in ours if (key := tuple(line[name] for name in names)) in theirs]
    if not pairs:
        return None
    labels = np.concatenate([line["labels"] for line, _ in pairs])
    sources = np.concatenate([line["sources"] for line, _ in pairs])
    right = [
        np.concatenate([[c == "1" for c in pair[i]["right"]] for pair in pairs]).astype(bool) for i in (0, 1)
    ]
    classes = pairs[0][0]["classes"]
    # What was answered instead does not matter to a share of right answers.
    answers = [np.where(r, labels, (labels + 1) % classes) for r in right]
    (pair,) = compare_models(
        labels, [np.eye(classes)[a] for a in answers], sources, [str(k) for k in range(classes)], seed=0
    )
    gain, error = pair.accuracy, pair.accuracy.error
    by_seed: dict[int, list[float]] = {}
    for one, other in pairs:
        by_seed.setdefault(other["seed"], []).append(100 * (other["accuracy"] - one["accuracy"]))
    return Gain(
        100 * gain.value,
        None if gain.low is None else 100 * gain.low,
        None if gain.high is None else 100 * gain.high,
        None if error is None else 100 * error,
        100 * pair.balanced_accuracy.value,
        tuple(statistics.mean(gains) for gains in by_seed.values()),
    )


def mean(gains: Iterable[Gain]) -> Gain:
    """The mean over sets, whose errors are independent of one another, and of each seed."""
    gains = list(gains)
    value = statistics.mean(gain.accuracy for gain in gains)
    errors = [gain.error for gain in gains if gain.error is not None]
    error = math.hypot(*errors) / len(gains) if len(errors) == len(gains) else None
    seeds = tuple(statistics.mean(column) for column in zip(*(gain.seeds for gain in gains), strict=False))
    low, high = (None, None) if error is None else (value - Z * error, value + Z * error)
    return Gain(value, low, high, error, statistics.mean(gain.balanced for gain in gains), seeds)


def times(lines: Sequence[Line]) -> str:
    """When Groupwise first stood, among the minutes measured, where another contestant's score is."""
    rows = []
    for (name,), mine in _grouped(lines, "set").items():
        cells = _grouped(mine, "contestant", "minutes", "epochs")
        ours = sorted(
            (_mean(runs, "seconds"), _mean(runs, "accuracy"), contestant, _limit(runs[0]))
            for (contestant, minutes, _), runs in cells.items()
            if minutes is not None and contestant.startswith(("groupwise", "command"))
        )
        for (contestant, _, _), runs in cells.items():
            if contestant.startswith(("groupwise", "command")) or not ours:
                continue
            score, seconds = _mean(runs, "accuracy"), _mean(runs, "seconds")
            first = next((entry for entry in ours if entry[1] >= score), None)
            cell = "not within the minutes measured | "
            if first is not None:
                when, reached, who, limit = first
                cell = f"{who}, {limit}: {reached:.1%} after {when:.0f} s | {when / seconds:.2f}"
            rows.append(
                f"| {name} | {contestant}, {_limit(runs[0])} | {score:.1%} | {seconds:.0f} | {cell} |"
            )
    head = (
        "| set | contestant | its score | its seconds | first reached by | share of its time |\n|"
        + "---|" * 6
    )
    return "\n".join([head, *rows]) if rows else ""


def fronts(lines: Sequence[Line]) -> str:
    """For each set every contestant and time by its seconds, the front (nothing better in less) in bold."""
    parts = []
    for (name, *_), mine in _grouped(lines, "set", *CONDITIONS).items():
        rows = [
            f"### {name}\n",
            "| contestant | time | network, px, epochs | parameters | runs | seconds | accuracy |",
            "|" + "---|" * 7,
        ]
        runs_of = _grouped(mine, "contestant", "minutes", "epochs").values()
        best = 0.0
        for runs in sorted(runs_of, key=lambda runs: (_mean(runs, "seconds"), -_mean(runs, "accuracy"))):
            first, score = runs[0], _mean(runs, "accuracy")
            bold, best = "**" if score > best else "", max(score, best)
            size = "" if first["parameters"] is None else f"{first['parameters'] / 1e6:.2f} M"
            rows.append(
                f"| {first['contestant']} | {_limit(first)} |"
                f" {'; '.join(dict.fromkeys(_network(line) for line in runs))} | {size} | {len(runs)} |"
                f" {_mean(runs, 'seconds'):.0f} | {bold}{100 * score:.1f}{bold} |"
            )
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def _key(conditions: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("set", "outer", "seed", "contestant", "minutes", "epochs", *CONDITIONS)
    return tuple(conditions[name] for name in names)


def _grouped(lines: Iterable[Line], *names: str) -> dict[tuple[Any, ...], list[Line]]:
    groups: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        groups.setdefault(tuple(line[name] for name in names), []).append(line)
    return groups


def _limit(line: Line) -> str:
    if line["minutes"] == math.inf:
        return "no budget"
    return f"{line['minutes']:g} min" if line["minutes"] is not None else f"{line['epochs']} epochs"


def _network(line: Line) -> str:
    return f"{line['network']}, {line['size_px']}, {line['epochs_done']:.0f}"


def _lead_row(name: str, limit: str, contestant: str, gain: Gain) -> str:
    limits = "" if gain.low is None else f" ({gain.low:+.1f} to {gain.high:+.1f})"
    seeds = ", ".join(f"{seed:+.1f}" for seed in gain.seeds)
    return (
        f"| {name} | {limit} | {contestant} | {gain.accuracy:+.1f}{limits} | {seeds} | {gain.balanced:+.1f} |"
    )


def _mean(lines: Sequence[Line], name: str) -> float:
    return float(statistics.mean(line[name] for line in lines))


def _middle(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f}"


def _spread(values: Sequence[float], digits: int) -> str:
    middle = f"{statistics.mean(values):.{digits}f}"
    return f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})" if len(values) > 1 else middle
