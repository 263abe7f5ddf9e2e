"""Steps that make a network better: more time, weights that know more, larger pictures, labels."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from groupwise.report.audit_files import has_audit
from groupwise.report.baseline_words import OPENINGS
from groupwise.report.choose_page import CHOOSE
from groupwise.report.sections.number import Headline
from groupwise.report.step_commands import (
    Step,
    cross_validated,
    ended_by_clock,
    is_probe,
    on_run,
    train_again,
    train_longer,
)
from groupwise.report.words import as_clause, percent
from groupwise.runs.files import RunFiles
from groupwise.text import count

FEW_IMAGES = 3000  # to learn from, below which weights that know other photographs pay (planning/suit.py)
PHOTOGRAPH_PX = 64  # of the shorter side: what is smaller shows little of what such weights know
LARGER = 2  # times the side that was learnt from, where the pictures have as much


def beat_baselines(files: RunFiles, said: Headline) -> Iterator[Step]:
    """What a network needs that is no better than what is cheap; `said` is the head of its report.

    Nothing where both are always right.
    """
    if is_probe(files):
        yield Step(
            "train a network instead",
            "the frozen features are not shown to beat what is cheap",
            train_again(files, "trained", planned=True),
        )
    elif said.standing and said.baseline_share is not None and (said.accuracy.value or 0.0) < 1.0:
        share, own = percent(said.baseline_share), percent(said.accuracy.value or 0.0)
        better = _stronger(files)
        what = "do not use this network; " if said.standing == "loses" else ""
        reason = f"{as_clause(OPENINGS[said.standing])}: {share} for its {own}"
        yield Step(what + better.what, f"{reason}; {better.reason}", better.command)


def _stronger(files: RunFiles) -> Step:
    """What is most likely to make a network better that is no better than its baselines."""
    if ended_by_clock(files):
        return Step("give training more time", "the clock ended it", train_longer(files))
    if is_small(files):
        return begin_with_weights(files)
    sides = [min(sample.width, sample.height) for sample in files.manifest if sample.width]
    learnt = int(files.part("data").get("image_size_px") or 0)
    if sides and learnt and statistics.median(sides) >= LARGER * learnt:
        larger = train_again(files, "larger", "--data.image_size_px", str(LARGER * learnt))
        return Step("learn from larger pictures", f"it has seen {learnt} pixels a side", larger)
    if files.label_errors:
        return next(check_labels(files))
    return Step("train longer", "nothing else stands out", train_longer(files))


def is_small(files: RunFiles) -> bool:
    """Whether there are few photographs, and weights that know others were not begun with."""
    begun = files.ledger.get("pretrained") or files.part("model").get("weights")
    sides = [min(sample.width, sample.height) for sample in files.manifest if sample.width]
    small = 0 < _learnt(files) < FEW_IMAGES and bool(sides) and statistics.median(sides) >= PHOTOGRAPH_PX
    return small and not begun and not is_probe(files)


def _learnt(files: RunFiles) -> int:
    """How many images the network learnt from, or each model of a cross-validation about."""
    folds: dict[str, int] = {name: fold["n"] for name, fold in files.split["folds"].items()}
    return round(sum(folds.values()) * (1 - 1 / len(folds))) if files.crossval else folds.get("train", 0)


def begin_with_weights(files: RunFiles) -> Step:
    """Pretrained weights in place of none."""
    return Step(
        "begin with weights that know other photographs",
        f"{count(_learnt(files), 'image')} to learn from are few",
        train_again(files, "weights", *cross_validated(files), "--weights", "imagenet"),
    )


def check_labels(files: RunFiles) -> Iterator[Step]:
    """The labels that `labels` suspects, where it has looked."""
    if files.label_errors:
        n = len(files.label_errors)
        tick = f", and tick in {files.folder / CHOOSE} what to leave out" if has_audit(files.folder) else ""
        yield Step(
            f"look at the suspected labels{tick}",
            f"{count(n, 'label')} of this run may be wrong",
            on_run("labels", str(files.folder), "--top", str(n)),
        )
