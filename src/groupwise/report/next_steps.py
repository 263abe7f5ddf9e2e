"""What to do next after a run: at most three steps, the most urgent first, each with reason and command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from groupwise.data.group_columns import find_group_columns
from groupwise.data.reading import reading_words
from groupwise.report.baseline_words import OPENINGS
from groupwise.report.sections.number import Headline, headline
from groupwise.report.validity import copies_unknown, hidden_faults, sources_known
from groupwise.report.words import NBSP, as_clause, count, percent
from groupwise.runs.files import RunFiles
from groupwise.text import duration

MOST = 3
WIDE = 0.10  # of an interval, above which one fold says little
FOLDS = 5  # of the cross-validation that is proposed
GAP = 0.15  # between training and test, above which the network knows its images by heart
SHARE_OF_MISTAKES, LEAST_MISTAKES = 1 / 3, 5  # of two classes that are mixed up
SHOWN_MISTAKES = 4
LONGER = 2  # times the time that training had


@dataclass(frozen=True)
class Step:
    """One thing to do: what, why by the figures of this run, and the command that does it."""

    what: str
    reason: str
    command: str

    @property
    def sentence(self) -> str:
        """All of it, as the terminal says it."""
        return f"{self.what} ({self.reason}): `{self.command}`"


def next_steps(files: RunFiles) -> tuple[Step, ...]:
    """The steps that this run asks for, at most three, and always one."""
    return tuple(islice(_steps(files, headline(files)), MOST))


def _steps(files: RunFiles, said: Headline) -> Iterator[Step]:
    yield from _mend(files)
    if said.standing == "loses":
        yield from _beat_baselines(files, said)
    yield from _name_sources(files)
    yield from _settle_findings(files)
    if files.several:  # what comes between these asks for one class an image
        yield from _narrow(files, said)
        if said.standing == "not_shown":
            yield from _beat_baselines(files, said)
        yield from _go_on(files, said)
        yield from _hand_over(files, said)
        return
    yield from _narrow(files, said)  # which may yet show that it beats them
    if said.standing == "not_shown":
        yield from _beat_baselines(files, said)
    yield from _check_labels(files)
    yield from _tell_apart(files)
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
                _audit(files),
            )
            return
        yield Step(
            "train again by the usual rules, whole sources on one side and the epoch chosen on val",
            as_clause(fault.title),
            _train(files, "again", planned=True),
        )


def _name_sources(files: RunFiles) -> Iterator[Step]:
    if copies_unknown(files) or sources_known(files) or any(row.group for row in files.assignments):
        return
    rows = [dict(sample.extra) for sample in files.manifest]
    column = next(iter(find_group_columns(rows, files.further_columns)), None)
    reason = "several may show the same person, place or thing, and then the number is too high"
    if column:
        yield Step(
            f"say that {column} tells which images belong together, if it does",
            reason,
            _train(files, "grouped", "--group-column", column),
        )
        return
    yield Step(
        "find out which images belong together, and name it by --group-column or --group-regex",
        reason,
        _audit(files),
    )


def _settle_findings(files: RunFiles) -> Iterator[Step]:
    grave = [item for item in files.findings or () if item.get("severity") == "stop"]
    if grave:
        yield Step(
            f"settle what the audit found, with {files.folder / 'audit.html'} open",
            as_clause(str(grave[0]["title"])),
            _audit(files),
        )


def _beat_baselines(files: RunFiles, said: Headline) -> Iterator[Step]:
    if _is_probe(files):
        yield Step(
            "train a network instead",
            "the frozen features are not shown to beat what is cheap",
            _train(files, "trained", planned=True),
        )
    elif said.standing and said.baseline_share is not None:
        share, own = percent(said.baseline_share), percent(said.accuracy.value or 0.0)
        yield Step(
            "do not use this network; give training more time"
            if said.standing == "loses"
            else "train longer",
            f"{as_clause(OPENINGS[said.standing])}: {share} for its {own}",
            _longer(files),
        )


def _narrow(files: RunFiles, said: Headline) -> Iterator[Step]:
    """One fold is not enough where its interval is wide; a cross-validation measures every image."""
    low, high = said.accuracy.low, said.accuracy.high
    wide = 1.0 if low is None or high is None else high - low
    if files.crossval or wide <= WIDE:
        return
    told = f"is {100 * wide:.0f} points wide" if said.accuracy.has_interval else "cannot be told"
    sources = files.metrics[files.fold]["sources"]
    time = duration(FOLDS * _training_s(files)).replace(NBSP, " ")
    yield Step(
        f"test every image instead of one fold, in about {time}",
        f"the interval of {count(sources, 'source')} {told}",
        _train(files, "cv", "--cv", str(FOLDS)),
    )


def _check_labels(files: RunFiles) -> Iterator[Step]:
    if files.label_errors:
        n = len(files.label_errors)
        yield Step(
            "look at the suspected labels",
            f"{count(n, 'label')} of this run may be wrong",
            shlex.join(["groupwise", "labels", str(files.folder), "--top", str(n)]),
        )


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
            shlex.join(["groupwise", "explain", str(files.folder), *paths[:SHOWN_MISTAKES]]),
        )


def _close_gap(files: RunFiles, said: Headline) -> Iterator[Step]:
    known, new = files.history[-1:], said.accuracy.value
    if not known or new is None or known[0]["train_accuracy"] - new <= GAP:
        return
    augment = files.recipe.get("augment")
    varied = isinstance(augment, Mapping) and augment.get("trivial")
    change = ("--augment.mixup", "0.2") if varied else ("--augment.trivial", "true")
    yield Step(
        "vary the training images more; more sources would help most",
        f"{percent(known[0]['train_accuracy'])} of the training images are right, {percent(new)} of new ones",
        _train(files, "varied", *change),
    )


def _go_on(files: RunFiles, said: Headline) -> Iterator[Step]:
    if files.ledger.get("stopped") and not said.failed:
        yield Step("give training more time", "the clock ended it", _longer(files))


def _hand_over(files: RunFiles, said: Headline) -> Iterator[Step]:
    run, single = str(files.folder), files.single.replace("RUN", str(files.folder), 1)
    if _is_probe(files) and not said.failed:
        yield Step(
            "train a network, which should beat this",
            "a probe takes minutes, and is what training has to be worth",
            _train(files, "trained", planned=True),
        )
    elif not said.failed and not (files.folder / "refit").exists():
        learnt = files.split["folds"].get("train", {}).get("n", 0)
        all_of_them = sum(fold["n"] for fold in files.split["folds"].values())
        one = f"this one has learnt from {learnt:,} of {all_of_them:,}"
        yield Step(
            "train the network that is handed over on every image",
            "one network answers faster than all fold models together" if files.crossval else one,
            shlex.join(["groupwise", "refit", run]),
        )
    if not files.robustness and not said.failed:
        yield Step(
            "measure what poorer images do to it",
            "nobody has yet",
            shlex.join(["groupwise", "robustness", single]),
        )
    yield _try_it(files)


def _try_it(files: RunFiles) -> Step:
    serve = shlex.join(["groupwise", "serve", str(files.folder)])
    return Step("try it in the browser", "its number is known", serve)


def _longer(files: RunFiles) -> str:
    seconds = (files.ledger.get("budget") or {}).get("seconds") or _training_s(files)
    if "plan" in files.ledger:
        minutes = max(2, round(LONGER * seconds / 60))
        return _train(files, "longer", "--budget", f"{minutes}min")
    epochs = int((files.recipe.get("training") or {}).get("epochs") or max(len(files.history), 1))
    repeated = ("--cv", str(files.ledger["cv"]["folds"])) if files.crossval and "cv" in files.ledger else ()
    return _train(files, "longer", *repeated, "--training.epochs", str(LONGER * epochs))


def _is_probe(files: RunFiles) -> bool:
    model = files.recipe.get("model")
    return isinstance(model, Mapping) and model.get("features") is not None


def _training_s(files: RunFiles) -> float:
    return float(files.probe.get("seconds") or sum(row["seconds"] for row in files.history))


def _reading(files: RunFiles) -> list[str]:
    """The options that read the data as this run did."""
    return reading_words(files.ledger.get("reading") or {})


def _audit(files: RunFiles) -> str:
    """The command that audits the same data into a new folder."""
    words = ["groupwise", "audit", str(files.ledger["data"]), *_reading(files)]
    return shlex.join([*words, "--out", f"{files.folder}-audit"])


def _train(files: RunFiles, name: str, *options: str, planned: bool = False) -> str:
    """The command that trains on the same data into a new folder; by the same recipe if that was given."""
    recipe = [] if planned or "plan" in files.ledger else ["--recipe", str(files.folder / "recipe.yaml")]
    if not recipe and (named := files.ledger.get("pretrained")):
        recipe = ["--weights", named["name"]]
    words: Sequence[str] = [str(files.ledger["data"]), *_reading(files), *recipe, *options]
    return shlex.join(["groupwise", "train", *words, "--run", f"{files.folder}-{name}"])
