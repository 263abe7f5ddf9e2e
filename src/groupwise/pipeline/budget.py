"""The budget of a command: refused where it cannot be kept, and answered for at the end."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from groupwise.audit.audit import expected_audit_s
from groupwise.audit.cache import MAX_PHOTOGRAPHS
from groupwise.console import Console
from groupwise.data.manifest import Manifest
from groupwise.errors import UsageError
from groupwise.runs.deadline import Deadline, waited_for_processor
from groupwise.runs.run import Run
from groupwise.text import duration

LOOKED_AT_S = 2.0  # of reading files, before its end is guessed
LOOKED_AT_FILES = 16  # at least; on a busy machine one alone may have had to wait for long
AUDIT_OVER_SCAN = 3.0  # at least so much longer than reading the files takes the look for copies
AUDIT_SHARE = 0.8  # of a budget; where looking for copies takes more, too little is left to learn
AFTER_AUDIT_S = 20.0  # that a plan, its trial, scores and pages take at least
MINUTES_FROM_S = 119  # from here on a duration is said in minutes, and the least is rounded up to them
TOLERANCE, LEAST_TOLERANCE_S = 0.05, 5.0


def bounded_progress(
    progress: Callable[[int, int], None], deadline: Deadline | None, trainings: float = 1
) -> Callable[[int, int], None]:
    """`progress` of a scan, which raises `UsageError` as soon as `deadline` is seen to be out of reach.

    After it so many `trainings` follow one another; a refit is a part of one.
    """
    if deadline is None:
        return progress
    first: tuple[int, float] | None = None  # what had been read, and when; processes begin before it

    def move(done: int, total: int) -> None:
        nonlocal first
        progress(done, total)
        first = first or (done, deadline.clock())
        read, taken_s = done - first[0], deadline.clock() - first[1]
        if read >= LOOKED_AT_FILES and taken_s >= LOOKED_AT_S:
            # A smaller set may be known from an earlier audit, which only the digests of its files tell
            compared = AUDIT_OVER_SCAN if total > MAX_PHOTOGRAPHS else 0.0
            expected_s = taken_s / read * total * (1 + compared)
            what = "reading and comparing" if compared else "reading"
            _require_time(
                deadline, f"{what} {total:,} images", deadline.spent_s - taken_s, expected_s, trainings
            )

    return move


def refuse_long_audit(manifest: Manifest, deadline: Deadline | None, trainings: float = 1) -> None:
    """Raise `UsageError` where looking for copies, by a few images, would leave too little of the budget.

    `trainings` are those of `bounded_progress`.
    """
    if deadline is None or not manifest.usable:
        return
    audit_s = expected_audit_s(manifest)
    images = f"looking for copies among {len(manifest.usable):,} images"
    _require_time(deadline, images, deadline.spent_s, audit_s, trainings)


def _require_time(deadline: Deadline, what: str, spent_s: float, takes_s: float, trainings: float) -> None:
    """Raise `UsageError` where `what`, which takes so long after `spent_s`, leaves too little to learn in."""
    kept_s = AFTER_AUDIT_S * trainings
    least_s = (spent_s + takes_s) / AUDIT_SHARE + kept_s
    if least_s <= deadline.budget_s:
        return
    raise UsageError(
        f"{duration(deadline.budget_s)} are too short: {duration(deadline.spent_s)} have passed, and {what}"
        f" alone takes about {duration(takes_s)} on this machine as busy as it is now; {1 - AUDIT_SHARE:.0%}"
        f" of a budget and {duration(kept_s)} are kept for what comes after, learning above all",
        place="--budget",
        remedy=f"Give at least {duration(least_s if least_s < MINUTES_FROM_S else 60 * ceil(least_s / 60))}.",
    )


def note_budget(run: Run, deadline: Deadline | None) -> None:
    """Enter what the report goes by: the budget, and how much of its time others had the processors."""
    if deadline is not None:
        ran, waited = waited_for_processor()
        run.note(budget={"seconds": deadline.budget_s, "waited": round(waited / max(ran + waited, 1e-9), 3)})


def say_how_kept(run: Run, deadline: Deadline | None, console: Console) -> None:
    """Enter, and say, how long the command took of its budget."""
    if deadline is None:
        return
    spent_s = deadline.spent_s
    run.note(
        budget={**run.ledger.get("budget", {}), "seconds": deadline.budget_s, "spent": round(spent_s, 1)}
    )
    told = f"Budget: {duration(deadline.budget_s)}, of which {spent_s:.0f} s were used."
    early_s = deadline.budget_s - spent_s
    by_plan = run.is_measured and not any(one.ledger.get("stopped") for one in run.members)
    if early_s > max(TOLERANCE * deadline.budget_s, LEAST_TOLERANCE_S) and by_plan:
        told += " Training ended by its own plan, for which more time was not seen to pay."
    console.say(told)
