"""What to do next after a run: at most three steps, the most urgent first, each with reason and command."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from groupwise.data.group_columns import find_group_columns
from groupwise.data.layout import POOL
from groupwise.report.audit_files import unsettled
from groupwise.report.better_steps import beat_baselines, begin_with_weights, check_labels, is_small
from groupwise.report.external_steps import SHOWN_MISTAKES, hold_elsewhere
from groupwise.report.sections.number import Headline, headline
from groupwise.report.step_commands import (
    Step,
    again_s,
    audit_again,
    ended_by_clock,
    given_split,
    is_probe,
    leaves_untested,
    on_run,
    train_again,
    train_longer,
)
from groupwise.report.validity import copies_unknown, hidden_faults, sources_known
from groupwise.report.words import as_clause, percent
from groupwise.runs.files import RunFiles
from groupwise.text import NBSP, count, duration

MOST = 3
WIDE = 0.10  # of an interval, above which one fold says little
FOLDS = 5  # of the cross-validation that is proposed
FEWEST_FOLDS = 3  # a run's own folds, which its classes have sources for
GAP = 0.15  # between training and test, above which the network knows its images by heart
TOO_HIGH = "several may show the same person, place or thing, and then the number is too high"
SHARE_OF_MISTAKES, LEAST_MISTAKES = 1 / 3, 5  # of two classes that are mixed up


def next_steps(files: RunFiles) -> tuple[Step, ...]:
    """The steps that this run asks for, at most three, and always one."""
    steps: dict[str, Step] = {}
    for step in _steps(files, headline(files)):
        steps.setdefault(step.command, step)
    return tuple(steps.values())[:MOST]


def _steps(files: RunFiles, said: Headline) -> Iterator[Step]:
    if mending := [*_mend(files)]:
        yield from mending
        yield from _settle_findings(files)
        return  # the rest would build on a number that is not true
    if said.standing == "loses":
        yield from beat_baselines(files, said)
    column = _group_column(files)
    yield from _name_column(files, column)
    yield from _settle_findings(files)
    if files.several:  # what comes between these asks for one class an image
        yield from _narrow(files, said)
        yield from _find_groups(files, column)
        if said.standing == "not_shown":
            yield from beat_baselines(files, said)
        yield from check_labels(files)
        yield from _go_on(files, said)
        yield from _hand_over(files, said)
        return
    yield from hold_elsewhere(files)
    yield from _narrow(files, said)  # which may yet show that it beats them
    yield from _find_groups(files, column)
    if said.standing == "not_shown":
        yield from beat_baselines(files, said)
    yield from check_labels(files)
    yield from _tell_apart(files)
    if is_small(files):
        yield begin_with_weights(files)
    yield from _close_gap(files, said)
    yield from _go_on(files, said)
    yield from _hand_over(files, said)


def _mend(files: RunFiles) -> Iterator[Step]:
    """What makes the number untrue comes before all else."""
    for fault in hidden_faults(files)[:1]:
        if copies_unknown(files) and not files.split["spanning_sources"]:
            yield Step(
                "say of every image what it belongs to, by --group-column or --group-regex",
                as_clause(fault.title),
                audit_again(files),
            )
            return
        anew = () if given_split(files) is None else ("--split.given", POOL)
        yield Step(
            "train again by the usual rules, whole sources on one side and the epoch chosen on val",
            as_clause(fault.title),
            train_again(files, "again", *anew, planned=True),
        )


def _name_column(files: RunFiles, column: str | None) -> Iterator[Step]:
    """A column that may tell what belongs together, where nothing is said of that."""
    if column:
        yield Step(
            f"say that {column} tells which images belong together, if it does",
            TOO_HIGH,
            train_again(files, "grouped", "--group-column", column),
        )


def _find_groups(files: RunFiles, column: str | None) -> Iterator[Step]:
    """To find out what belongs together, which most images may not: after what every run wants."""
    if _lacks_groups(files) and not column:
        yield Step(
            "find out which images belong together, and name it by --group-column or --group-regex",
            TOO_HIGH,
            audit_again(files),
        )


def _group_column(files: RunFiles) -> str | None:
    rows = [dict(sample.extra) for sample in files.manifest]
    columns = find_group_columns(rows, files.further_columns) if _lacks_groups(files) else ()
    return next(iter(columns), None)


def _lacks_groups(files: RunFiles) -> bool:
    told = copies_unknown(files) or sources_known(files)
    return not told and not any(row.group for row in files.assignments)


def _settle_findings(files: RunFiles) -> Iterator[Step]:
    grave = unsettled(files.findings or (), files.part("split"))
    if grave:
        yield Step(
            f"settle what the audit found, with {files.folder / 'audit.html'} open",
            as_clause(str(grave[0]["title"]))
            if len(grave) == 1
            else f"{len(grave):,} findings have to be settled first",
            audit_again(files),
        )


def _narrow(files: RunFiles, said: Headline) -> Iterator[Step]:
    """One fold is not enough where its interval is wide; a cross-validation measures every image."""
    low, high = said.accuracy.low, said.accuracy.high
    wide = 1.0 if low is None or high is None else high - low
    if files.crossval or wide <= WIDE or leaves_untested(files):
        return
    told = f"is {100 * wide:.0f} points wide" if said.accuracy.has_interval else "cannot be told"
    sources = files.metrics[files.fold]["sources"]
    folds = min(FOLDS, max(_fewest_sources(files), FEWEST_FOLDS))
    time = duration(again_s(files, folds)).replace(NBSP, " ")
    given = given_split(files) not in (None, POOL)  # which has no numbered folds
    anew = ("--split.given", POOL) if given else ()
    what = "divide the images anew and test every one" if given else "test every image instead of one fold"
    yield Step(
        f"{what}, in about {time}",
        f"the interval of {count(sources, 'source')} {told}",
        train_again(files, "cv", "--cv", str(folds), *anew),
    )


def _fewest_sources(files: RunFiles) -> int:
    """The sources of the tested class with the fewest, of which each fold needs one."""
    folds = [fold["classes"] for fold in files.split["folds"].values()]
    tested = files.split["folds"][files.fold]["classes"]
    counts = [sum(int(of[name]["sources"]) for of in folds if name in of) for name in tested]
    return min(counts)


def _tell_apart(files: RunFiles) -> Iterator[Step]:
    """Two classes that make a large part of all mistakes, where there are more than two."""
    confusion, names = files.metrics[files.fold]["confusion"], files.class_names
    wrong = sum(map(sum, confusion)) - sum(row[k] for k, row in enumerate(confusion))
    if len(names) < 3 or not wrong or files.crossval:
        return
    mixed = {(a, b): confusion[a][b] + confusion[b][a] for a, b in combinations(range(len(names)), 2)}
    (a, b), n = max(mixed.items(), key=lambda item: item[1])
    both = {names[a], names[b]}
    paths = [
        str(files.root / row["path"])
        for row in files.predictions
        if row["fold"] == files.fold and {row["label"], row["predicted"]} == both
    ]
    if n >= max(LEAST_MISTAKES, SHARE_OF_MISTAKES * wrong) and paths:
        yield Step(
            f"look at what {names[a]} and {names[b]} are told by",
            f"they make {n:,} of the {wrong:,} mistakes",
            on_run("explain", str(files.folder), *paths[:SHOWN_MISTAKES]),
        )


def _close_gap(files: RunFiles, said: Headline) -> Iterator[Step]:
    known, new = files.history[-1:], said.accuracy.value
    if not known or new is None or known[0]["train_accuracy"] - new <= GAP:
        return
    varied = files.part("augment").get("trivial")
    change = ("--augment.mixup", "0.2") if varied else ("--augment.trivial", "true")
    yield Step(
        "vary the training images more; more sources would help most",
        f"{percent(known[0]['train_accuracy'])} of the training images are right, {percent(new)} of new ones",
        train_again(files, "varied", *change),
    )


def _go_on(files: RunFiles, said: Headline) -> Iterator[Step]:
    if ended_by_clock(files) and not said.failed:
        yield Step("give training more time", "the clock ended it", train_longer(files))


def _hand_over(files: RunFiles, said: Headline) -> Iterator[Step]:
    run, single = str(files.folder), files.single.replace("RUN", str(files.folder), 1)
    refit = _refit(files)
    if is_probe(files) and not said.failed:
        yield Step(
            "train a network, which should beat this",
            "a probe takes minutes, and is what training has to be worth",
            train_again(files, "trained", planned=True),
        )
    elif not said.failed and refit is None:
        learnt = files.split["folds"].get("train", {}).get("n", 0)
        all_of_them = sum(fold["n"] for fold in files.split["folds"].values())
        one = f"this one has learnt from {learnt:,} of {all_of_them:,}"
        yield Step(
            "train the network that is handed over on every image",
            "one network answers faster than all fold models together" if files.crossval else one,
            on_run("refit", run),
        )
    if not files.robustness and not said.failed:
        yield Step("measure what poorer images do to it", "nobody has yet", on_run("robustness", single))
    if not said.failed:
        yield _deploy(refit or files.folder)
    if not said.failed or said.accuracy.value == 1.0:  # as a baseline may be as well
        yield Step("try it in the browser", "its number is known", on_run("serve", str(refit or run)))


def _refit(files: RunFiles) -> Path | None:
    """The folder of the network that went on with every image, if that is done."""
    folder = (files.ledger.get("refit") or {}).get("folder")
    return files.folder / folder if folder and (files.folder / folder).is_dir() else None


def _deploy(handed_over: Path) -> Step:
    """The bundle of the network that is handed over; where there is one, its proof on the other machine."""
    bundle = handed_over / "export" / "bundle"
    if not bundle.exists():
        return Step(
            "write it as a folder that answers without torch",
            "it is as good as it was measured to be",
            on_run("export", str(handed_over), "--to", "bundle"),
        )
    return Step(
        "see on the machine where it will run whether the bundle gives the same answers there",
        "engines and processors differ",
        on_run("verify", str(bundle)),
    )
