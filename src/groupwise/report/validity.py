"""Warnings and notes on how a number was made: what makes it untrue, and what asks for care."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from groupwise.evaluation.leakage import exposure_lines
from groupwise.evaluation.words import NOTHING_ON_LABELS, lower_limits, may_be_guessing
from groupwise.report.audit_files import unsettled
from groupwise.report.step_commands import ended_by_clock, leaves_untested
from groupwise.report.words import as_sentence, percent, share_text, what_is_chosen
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import headline_figure
from groupwise.text import count, verb

UNEQUAL = 2  # times as many epochs of one fold model as of another
BUSY = 1 / 3  # of the time in which a command wanted a processor, that it waited for one


@dataclass(frozen=True)
class Note:
    """A fact, what follows from it, and what to do about it (or nothing)."""

    title: str
    text: str
    remedy: str = ""


def sources_known(files: RunFiles) -> bool:
    """Whether any two images are known to share a source."""
    return bool(files.split["sources"] < sum(fold["n"] for fold in files.split["folds"].values()))


def hidden_faults(files: RunFiles) -> list[Note]:
    """What makes the number of the page too high, whatever its interval says; empty for a sound protocol."""
    return [
        *_shared_sources(files),
        *_copies_unknown(files),
        *_known_before(files),
        *_chosen_where_reported(files),
    ]


def chosen_where_reported(files: RunFiles) -> bool:
    """Whether the fold of the number also chose the epoch, or the penalty of a probe, among several."""
    return files.fold == files.select_fold and files.looks > 1


def _shared_sources(files: RunFiles) -> Iterator[Note]:
    spanning, fold = files.split["spanning_sources"], files.split["folds"].get(files.fold, {})
    siblings, n = fold.get("with_sibling_in_train", 0), fold.get("n", 0)
    remedy = "Train again with `split.method: grouped`, which keeps every source on one side."
    if files.split.get("method") == "given":
        remedy = (
            "Train again without `split.given`, or with `split.given: pool` for folders: the same images are"
            " then divided anew, every source on one side."
        )
    if siblings:
        yield Note(
            "The network has seen siblings of the images it was tested on",
            f"{siblings:,} of {n:,} {files.fold} images ({percent(siblings / n)}) have a sibling of the"
            " same source in training: a copy of the same photograph, or an image of the same group. The"
            " network can recognise those without having learnt the classes. For images of new sources the"
            " number is too high."
            + "".join(f" {line}" for line in exposure_lines(files.metrics[files.fold])),
            remedy,
        )
    elif spanning:
        yield Note(
            "Sources stand in more than one fold",
            f"{count(spanning, 'source')} {verb(spanning, 'spans', 'span')} two folds or more."
            f" No {files.fold} image has a sibling in training, but the folds are not independent.",
            remedy,
        )
    elif files.split.get("method") == "random" and not sources_known(files):
        yield Note(
            "Nobody knows whether the network has seen siblings of the images it was tested on",
            "Images were divided at random, and the source of none of them is known. If several of them show"
            " the same person, place or thing, they stand on both sides, and the number is too high.",
            "Say which images belong together (`--group-column` or `--group-regex`), and split by group.",
        )


def _copies_unknown(files: RunFiles) -> Iterator[Note]:
    if copies_unknown(files):
        yield Note(
            "Nobody knows whether copies of the images it was tested on were in training",
            "All pictures resemble one another, so that the audit cannot tell copies from new pictures of the"
            " same thing, and not every image has a group. If some are copies, or show the same piece, they"
            " may stand on both sides, and the number is too high.",
            "Say which images belong together (`--group-column` or `--group-regex`), all of them.",
        )


def copies_unknown(files: RunFiles) -> bool:
    """Whether the audit could not tell copies, and not every image has a group that would bind them."""
    told = not files.audit.get("resemble") or files.split.get("copies") != "report"
    return not told and not all(row.group for row in files.assignments)


def _known_before(files: RunFiles) -> Iterator[Note]:
    before = files.ledger.get("weights_know", {"weights": "", "images": {}})
    known, n = before["images"], files.metrics[files.fold]["n"]
    count = known.get(files.fold, 0) if files.fold in files.split["folds"] else sum(known.values())
    if count:
        yield Note(
            "The weights that training began from know images of the test",
            f"{before['weights']} has learnt from {count:,} of the {n:,} images of this number, or from"
            " images of the same source. For images of new sources the number is too high.",
            "Keep the folds of the run that the weights come from: `--split.extend` and its `split.csv`.",
        )


def _chosen_where_reported(files: RunFiles) -> Iterator[Note]:
    if not chosen_where_reported(files):
        return
    text = (
        f"The {what_is_chosen(files)} was chosen on the very fold this number comes from: it"
        f" was the best of {files.looks} looks. The best of many looks is partly luck, which does not repeat"
        " on new images."
    )
    last, chosen = files.history[-1:], files.chosen_epoch
    if last and last[0]["epoch"] != chosen:
        text += (
            f" The last epoch, taken without looking, scored {percent(last[0]['select_accuracy'])}"
            f" on that fold; the chosen one, epoch {chosen}, is the one reported."
        )
    remedy = "Choose by another fold: `training.select_fold: val` with `split.val` above 0."
    if files.fold != "test" and "test" not in files.split["folds"]:
        remedy = "Set sources aside for a fold that chooses nothing: `split.test` above 0."
    elif files.fold != "test":
        remedy = "Read the test fold, once: `groupwise evaluate RUN --fold test`."
    yield Note("The number was picked because it was high", text, remedy)


def notes(files: RunFiles) -> list[Note]:
    """What does not make the number wrong, but has to be known to read it."""
    return [
        *_independence(files),
        *_chance(files),
        *_temperature(files),
        *_folds_apart(files),
        *_readings(files),
        *_interruption(files),
        *short_of_time(files),
        *_left_out(files),
        *_stops(files),
        *(
            Note("About the figures", as_sentence(str(text)))
            for text in files.metrics[files.fold].get("warnings") or ()
        ),
    ]


def _independence(files: RunFiles) -> Iterator[Note]:
    method = files.split.get("method")
    if method != "random" and not sources_known(files):
        yield Note(
            "Every image counts as a source of its own",
            "No groups were given and no copies were found. If several images show the same person, place or"
            " thing, the number is too high and its interval too narrow.",
            "Say which images belong together, with `--group-column` or `--group-regex`.",
        )
    elif method == "random" and sources_known(files) and not files.split["spanning_sources"]:
        yield Note(
            "The split was random",
            "No source spans two folds, but only by chance; another seed may cut some.",
            "Use `split.method: grouped`.",
        )


def _chance(files: RunFiles) -> Iterator[Note]:
    """Nothing shown to be learnt; or something, and yet no more right than the largest class alone is."""
    figures = files.metrics[files.fold]
    limits = lower_limits(figures)
    if may_be_guessing(figures):
        told = " ".join(_beside_chance(files, name, *limit) for name, limit in limits.items())
        yield Note(
            "Not shown to be better than guessing",
            f"{told} These data do not show that the network has learnt anything: it is {NOTHING_ON_LABELS}.",
        )
        return
    below = {name: limit for name, limit in limits.items() if limit[0] <= limit[1]}
    if "accuracy" in below:
        shown = [_beside_chance(files, name, *limits[name]) for name in limits if name not in below]
        yield Note(
            "Always answering the largest class may be right as often",
            f"{_beside_chance(files, 'accuracy', *below['accuracy'])} The network tells the classes apart all"
            f" the same. {' '.join(shown)}",
            "Where rare classes matter, go by balanced accuracy and by each class.",
        )


def _beside_chance(files: RunFiles, name: str, low: float, chance: float) -> str:
    """Where the interval of a figure begins, and what chance has of it."""
    if name == "accuracy":
        least = f"The interval reaches down to {percent(low)}"
        return f"{least}; always answering with the largest class gives {percent(chance)}."
    if name == "auroc":
        measure = "AUROC" if len(files.class_names) == 2 and not files.several else "the mean AUROC"
        return f"The interval of {measure} reaches down to {low:.3f}; guessing gives {chance:g}."
    least = f"The interval of balanced accuracy reaches down to {percent(low)}"
    return f"{least}; guessing gives {percent(chance)}."


def _temperature(files: RunFiles) -> Iterator[Note]:
    if files.is_clueless:
        yield Note(
            "The probabilities carry no information",
            f"The fold {files.select_fold} set the temperature to its ceiling,"
            f" {files.config['temperature']:.2f}: however sure the network was, it was not right more"
            " often. All classes get nearly the same one.",
        )


def _folds_apart(files: RunFiles) -> Iterator[Note]:
    """Two folds that neither their sizes nor their sources explain: one of them is luck, good or bad."""
    if files.fold == files.select_fold or files.select_fold not in files.metrics:
        return
    chose, number = (headline_figure(files.metrics[fold]) for fold in (files.select_fold, files.fold))
    if number.is_apart_from(chose):
        yield Note(
            "The folds are not alike",
            f"The same network has {share_text(number)} on {files.fold} and {share_text(chose)} on"
            f" {files.select_fold}, further apart than their intervals. One of the two holds easier images,"
            " and new ones may be like either.",
            "" if leaves_untested(files) else "Test every image instead: `--cv 5`.",
        )


def _readings(files: RunFiles) -> Iterator[Note]:
    readings = files.ledger.get("test_readings", 0)
    if files.fold == "test" and readings > 1 and not chosen_where_reported(files):
        yield Note(
            f"The test fold was read {readings} times",
            "Each reading that led to a change of plan makes it less of a test. The ledger below lists them.",
        )


def _interruption(files: RunFiles) -> Iterator[Note]:
    if files.ledger.get("interrupted"):
        planned = files.part("training").get("epochs")
        done = (
            f"after {len(files.history)} of {planned} epochs"
            if files.history and planned
            else "before its end"
        )
        yield Note(
            "Training was interrupted",
            f"It was stopped {done}. The number is that of the best epoch until then.",
            "Go on with `groupwise train ... --resume`.",
        )


def short_of_time(files: RunFiles) -> Iterator[Note]:
    """What a clock that ran while others had the processors has done to the trainings."""
    epochs = files.crossval.get("epochs") or [1]
    if 0 < UNEQUAL * min(epochs) <= max(epochs) and ended_by_clock(files):
        yield Note(
            "The fold models are not trained alike",
            f"The time held {count(min(epochs), 'epoch')} of one and {max(epochs)} of another, and the number"
            " is that of all of them.",
            "Train again when the machine is free, or with a longer `--budget`.",
        )
    waited = (files.ledger.get("budget") or {}).get("waited", 0.0)
    if waited >= BUSY and ended_by_clock(files):
        yield Note(
            "The machine was busy",
            f"Of the time that this command wanted a processor, others had it for {percent(waited)}; the"
            " budget held so much less training.",
            "Train again when the machine is free.",
        )


def _left_out(files: RunFiles) -> Iterator[Note]:
    unread = sum(sample.status == "quarantined" for sample in files.manifest)
    excluded = files.split.get("excluded", 0)
    parts = []
    if unread:
        parts.append(f"{count(unread, 'file')} could not be used and {verb(unread, 'was', 'were')} set aside")
    if excluded:
        parts.append(f"{count(excluded, 'image')} {verb(excluded, 'was', 'were')} excluded from every fold")
    if parts:
        yield Note(
            "Not all of the data took part",
            f"{' and '.join(parts)}. If these are not like the rest, the number does not speak for them.",
        )


def _stops(files: RunFiles) -> Iterator[Note]:
    titles = Counter(str(item.get("title")) for item in unsettled(files.findings or (), files.part("split")))
    if titles:
        told = "; ".join(title if n == 1 else f"{title} ({n} times)" for title, n in titles.items())
        yield Note("The audit found what has to be settled first", f"{told}. See the data below.")
