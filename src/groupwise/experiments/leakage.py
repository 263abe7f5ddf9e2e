"""What a random split of a run's images would have reported, on request by training under both.

Every answer of a retrained network is a row of `leakage.csv` (see `RetrainedPrediction`), written network by
network, so that a study that was stopped goes on, and one with more seeds trains only the new ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from groupwise.console import Console
from groupwise.data.split import Split
from groupwise.errors import UsageError
from groupwise.evaluation.leakage import EVIDENCE, FILE, estimate_leakage, write_leakage
from groupwise.experiments.retrain import METHODS, Asked, Materials, open_materials, retrain
from groupwise.experiments.retrained import RetrainedPrediction, summarise
from groupwise.files import read_csv, read_json, write_csv
from groupwise.runs.run import Run

ANSWERS = "leakage.csv"


def leakage(folder: Path, *, seeds: int = 0, root: Path | None = None, console: Console) -> dict[str, Any]:
    """What `leakage.json` holds of the run in `folder`; with `seeds`, after training that many pairs.

    `root` is where the images lie if not where they lay during training. The run's own network is not asked
    again; what others read of folds of their own is counted apart in the ledger. Raises `UsageError` where
    there is nothing to measure.
    """
    run = Run.open(folder)
    facts = read_json(run.require(FILE)) if FILE in run.ledger["artefacts"] else None
    if facts is not None and not seeds:
        return dict(facts)
    with TemporaryDirectory(dir=run.folder, prefix="study-") as scratch:
        materials = open_materials(run, Path(scratch), console, root=root)
        shares, seed = materials.recipe.split.shares, materials.recipe.seed
        facts = facts or estimate_leakage(materials.split, shares, materials.images, seed=seed)
        if seeds:
            _refuse_nothing_to_measure(facts, seeds)
            answers = _train(run, materials, seeds, Path(scratch), console)
            facts["retrained"] = summarise(answers, materials)
            facts["evidence"]["retrained"] = EVIDENCE["retrained"]
    write_leakage(run, facts)
    return facts


def _refuse_nothing_to_measure(facts: dict[str, Any], seeds: int) -> None:
    if seeds < 0:
        raise UsageError(f"{seeds} is negative", place="--seeds", remedy="Give at least 1, better 3 or more.")
    if not facts["known"]:
        raise UsageError(
            "no two images are known to share a source, so a random split and a grouped one are the same",
            place="--retrain",
            remedy="Say which images belong together: train with --group-column or --group-regex.",
        )


def _train(
    run: Run, materials: Materials, seeds: int, scratch: Path, console: Console
) -> list[RetrainedPrediction]:
    """The answers of `seeds` pairs of networks; those that `leakage.csv` holds are not trained again.

    The seeds follow the run's own, so that none of the networks is the run's.
    """
    numbers = range(materials.recipe.seed + 1, materials.recipe.seed + 1 + seeds)
    plans = [
        (seed, method, materials.split_again(method=method, seed=seed))
        for seed in numbers
        for method in METHODS
    ]  # all splits first: one that cannot be made is refused before an hour of training
    answers = _read(run)
    done = {(answer.seed, answer.split) for answer in answers}
    for seed, method, split in plans:
        if (seed, method) in done:
            continue
        with console.progress(f"Seed {seed}, {method} split") as progress:
            asked = retrain(materials, split, seed=seed, scratch=scratch, on_batch=progress)
        answers += _answers(seed, method, split, asked)
        write_csv(run.path(ANSWERS), RetrainedPrediction._fields, answers)
        run.record(ANSWERS, ["recipe.yaml", "split.csv"])
        run.count_study_readings(len(asked.predicted))
        console.say(f"Seed {seed}, {method} split: {100 * asked.right[asked.chosen].mean():.1f} %")
    return [answer for answer in answers if answer.seed in numbers]


def _read(run: Run) -> list[RetrainedPrediction]:
    if ANSWERS not in run.ledger["artefacts"]:
        return []
    return [
        RetrainedPrediction(
            int(row["seed"]),
            row["split"],
            row["path"],
            int(row["source"]),
            int(row["right"]),
            int(row["right_luckiest"]),
        )
        for row in read_csv(run.require(ANSWERS), RetrainedPrediction._fields)
    ]


def _answers(seed: int, method: str, split: Split, asked: Asked) -> Iterator[RetrainedPrediction]:
    sources = split.sources[asked.rows].tolist()
    chosen, best_on_test = asked.right[asked.chosen], asked.right[asked.best_on_test]
    for row, source, *right in zip(asked.rows, sources, chosen, best_on_test, strict=True):
        yield RetrainedPrediction(seed, method, split.rows[row].path, source, *map(int, right))
