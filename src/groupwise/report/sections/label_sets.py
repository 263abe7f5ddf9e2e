"""What the network says of each label, where images have sets of them, and whether its promise was kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from groupwise.report.rendering import Section
from groupwise.report.sections.answers import ScoreRow, score_rows
from groupwise.report.words import percent, plain_interval, plain_text, share_interval, share_text
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate
from groupwise.text import count


@dataclass(frozen=True)
class LabelRow:
    """One label on the fold of the number; `threshold` is from which probability on it is given."""

    name: str
    n: int
    sources: int
    average_precision: Estimate
    auroc: Estimate
    recall: Estimate
    precision: Estimate
    threshold: str


def build(files: RunFiles) -> Section | None:
    """One row a label, the scores of all, and the sets of possible labels; nothing for one class an image."""
    if not files.several:
        return None
    figures = files.metrics[files.fold]
    return Section(
        {
            "gist": f"{count(len(figures['per_class']), 'label')}, each with its threshold",
            "rows": [_row(name, held) for name, held in figures["per_class"].items()],
            "scores": _scores(files),
            "possible": _possible(figures["risk_control"]),
            "fold": files.fold,
            "chosen_by": files.select_fold,
        }
    )


def _row(name: str, held: dict[str, Any]) -> LabelRow:
    scores = {
        key: Estimate.from_json(held[key]) for key in ("average_precision", "auroc", "recall", "precision")
    }
    return LabelRow(name, held["n"], held["sources"], **scores, threshold=f"{held['threshold']:.2f}")


def _scores(files: RunFiles) -> list[ScoreRow]:
    """The scores over all labels, those that one class an image has as well and those of sets alone."""
    figures = files.metrics[files.fold]
    micro, exact = (Estimate.from_json(figures[name]) for name in ("micro_f1", "accuracy"))
    return [
        *score_rows(files),
        ScoreRow(
            "Micro F1",
            plain_text(micro),
            plain_interval(micro),
            micro.reason or "F1 of all labels taken together, so that common ones count more; 1 is perfect",
        ),
        ScoreRow(
            "Exactly right",
            share_text(exact),
            share_interval(exact),
            exact.reason or "images that were given all of their labels and no other",
        ),
    ]


def _possible(held: dict[str, Any]) -> str:
    """The promise on missed labels in words, and what came of it on the fold."""
    rate = f"{100 * held['alpha']:g} %"
    if "reason" in held:
        return f"No set of possible labels can promise to miss at most {rate}: {held['reason']}."
    missed = Estimate.from_json(held["missed_of_sources"])
    interval = f" (95 % interval {share_interval(missed)})" if missed.has_interval else ""
    found = percent(missed.value) if missed.value is not None else "nobody knows how many"
    return (
        f"All labels of probability {held['threshold']:.2f} or more are what an image may have: of its true"
        f" labels they miss at most {rate}, on average over new sources. Here they missed {found}{interval},"
        f" with {held['mean_size']:.1f} labels an image."
    )
