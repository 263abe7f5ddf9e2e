"""The permutation test of a pipeline: trained on labels that mean nothing, an honest one scores chance.

`control.json` holds fold, method (of the split; `given` where the folds are the run's, as the data brought
them), permuted (what was, in words), sources, epochs, and for each of `controls` its seed, accuracy (a figure
as in metrics.json), chance, and `at_chance`: whether the interval holds chance (null without one). Chance is
the agreement that answers and labels of these frequencies have when they are unrelated (Cohen 1960, Educ.
Psychol. Meas. 20:37). Where images have several labels whole sets are permuted, and in place of the accuracy
stands `auroc`, the mean over labels, whose chance is a half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.stats import binomtest

from groupwise.console import Console
from groupwise.data.split import EXCLUDED, Split
from groupwise.errors import UsageError
from groupwise.experiments.retrain import Labels, Materials, open_materials, retrain
from groupwise.files import write_json
from groupwise.runs.run import Run
from groupwise.stats.arrays import Ints
from groupwise.stats.estimate import SCHEMA, Estimate
from groupwise.stats.intervals import fraction
from groupwise.stats.label_metrics import LabelDraws, check_label_fold, mean_over_labels
from groupwise.text import count

FILE = "control.json"
AMONG, WITHIN = "labels among sources", "the names of the classes within each source"
WITHIN_SETS = "which set of labels is called which, within each source"
ALPHA = 0.05
DRAWS = 2000


def permutation_test(
    folder: Path, *, permutations: int = 1, root: Path | None = None, console: Console
) -> dict[str, Any]:
    """Train by the recipe of the run in `folder` on permuted labels; returns what `control.json` holds.

    `root` is where the images lie if not where they lay during training. The run's own network is not asked.
    """
    if permutations < 1:
        raise UsageError(f"{permutations} is below 1", place="--permutations", remedy="Give at least 1.")
    run = Run.open(folder)
    with TemporaryDirectory(dir=run.folder, prefix="study-") as scratch:
        materials = open_materials(run, Path(scratch), console, root=root)
        recipe = materials.recipe
        seeds = range(recipe.seed + 1, recipe.seed + 1 + permutations)
        splits = {seed: permuted_split(materials, seed) for seed in seeds}  # one that fails does so at once
        networks = [
            _train_permuted(materials, split, seed, Path(scratch), console) for seed, split in splits.items()
        ]
    facts = {
        "schema": SCHEMA,
        "fold": materials.fold,
        "method": "given" if recipe.split.is_given else recipe.split.method,
        **_permuted(materials),
        "epochs": recipe.training.epochs,
        "controls": networks,
    }
    run.count_study_readings(recipe.training.epochs * permutations)
    write_json(run.path(FILE), facts)
    run.record(FILE, ["recipe.yaml", "split.csv"])
    return facts


def _kept(materials: Materials) -> tuple[list[int], list[str], Ints]:
    """The rows that take part, their labels and their sources."""
    rows = [i for i, row in enumerate(materials.split.rows) if row.fold != EXCLUDED]
    return rows, [materials.split.rows[i].label for i in rows], materials.split.sources[rows]


def _permuted(materials: Materials) -> dict[str, Any]:
    _, labels, sources = _kept(materials)
    within = WITHIN_SETS if materials.split.several else WITHIN
    return {
        "permuted": AMONG if one_class_each(labels, sources) else within,
        "sources": len(np.unique(sources)),
    }


def permuted_split(materials: Materials, seed: int) -> Split:
    """A split under permuted labels: new, or the folds that the data brought, whose leak is to be found."""
    rows, kept, sources = _kept(materials)
    labels = [row.label for row in materials.split.rows]
    for row, label in zip(rows, permute_labels(kept, sources, seed=seed), strict=True):
        labels[row] = label
    config = materials.recipe.split
    if config.is_given:
        if materials.fold not in materials.split.folds:
            raise UsageError(
                f"it holds no fold {materials.fold} of its own to recognise labels on",
                place="control",
                remedy="Give the run that was measured; of a cross-validation one of its networks, as"
                " RUN/repeat-1/fold-1.",
            )
        return materials.relabelled(labels)
    return materials.split_again(method=config.method, seed=seed, labels=labels)


def _train_permuted(
    materials: Materials, split: Split, seed: int, scratch: Path, console: Console
) -> dict[str, Any]:
    training = materials.recipe.training
    with console.progress(f"Permutation {seed}") as progress:
        asked = retrain(materials, split, seed=seed, scratch=scratch, on_batch=progress)
    # The recipe's own way to choose, also where it is the mistake of choosing on the reported fold.
    epoch = asked.best_on_test if training.select_fold == materials.fold else asked.chosen
    sources = split.sources[asked.rows]
    if asked.probs is not None:
        return {"seed": seed, **judge_sets(asked.labels, asked.probs[epoch], sources, split.classes)}
    return {"seed": seed, **judge(asked.labels, asked.predicted[epoch], sources)}


def judge(labels: Labels, predicted: Labels, sources: Ints) -> dict[str, Any]:
    """Accuracy of `predicted` classes with its interval over `sources`, and chance; all are (T,)."""
    _, number = np.unique(sources, return_inverse=True)
    hits = np.bincount(number, labels == predicted).astype(np.float64)
    accuracy = fraction(hits, np.bincount(number).astype(np.float64), "no image was asked")
    classes = int(max(labels.max(), predicted.max())) + 1
    frequencies = [np.bincount(values, minlength=classes) / len(labels) for values in (labels, predicted)]
    chance = float(frequencies[0] @ frequencies[1])
    return {"accuracy": accuracy.as_json(), "chance": chance, "at_chance": _holds(accuracy, chance)}


def judge_sets(members: Labels, probs: Any, sources: Ints, classes: Sequence[str]) -> dict[str, Any]:
    """The mean AUROC of `probs` for the labels, both (T, K), with its interval over `sources`, and chance."""
    fold = check_label_fold(members, probs, sources)
    drawn = LabelDraws.of(fold, fold.members, draws=DRAWS, seed=0)
    auroc = mean_over_labels(fold, drawn, "auroc", classes)
    return {"auroc": auroc.as_json(), "chance": 0.5, "at_chance": _holds(auroc, 0.5)}


def _holds(figure: Estimate, chance: float) -> bool | None:
    if figure.low is None or figure.high is None:
        return None
    return bool(figure.low <= chance <= figure.high)


def permutation_test_words(facts: Mapping[str, Any]) -> list[str]:
    """What `control.json` says, as sentences."""
    return [
        f"Permuted {facts['permuted']} ({count(facts['sources'], 'source')}); {facts['method']} split,"
        f" {facts['epochs']} epochs. Nothing is left to learn, so an honest network can only guess.",
        *(f"  Control {k}: {_line(one)}" for k, one in enumerate(facts["controls"], start=1)),
        _verdict(facts["controls"]),
    ]


def _line(one: Mapping[str, Any]) -> str:
    figure = _figure(one)
    interval = "no interval"
    if "auroc" in one:
        if figure.get("low") is not None:
            interval = f"95 % interval {figure['low']:.3f} to {figure['high']:.3f}"
        value = "undefined" if figure["value"] is None else f"{figure['value']:.3f}"
        return f"mean AUROC {value} ({interval}); chance is {one['chance']:g}."
    if figure["low"] is not None:
        interval = f"95 % interval {100 * figure['low']:.1f} to {100 * figure['high']:.1f} %"
    return f"{100 * figure['value']:.1f} % right ({interval}); chance is {100 * one['chance']:.1f} %."


def _figure(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(one["auroc"] if "auroc" in one else one["accuracy"])


def _verdict(networks: Sequence[Mapping[str, Any]]) -> str:
    told = [one for one in networks if one["at_chance"] is not None]
    n = len(told)
    if not n:
        return "No interval, so it cannot be told whether they are at chance: too few sources hold a label."
    missed = [one for one in told if not one["at_chance"]]
    above = sum(_figure(one)["low"] > one["chance"] for one in missed)
    within, below = n - len(missed), len(missed) - above
    # An interval that holds chance 95 % of the time lies above it in one of forty controls, and below in one.
    if _is_more_than_luck(above, n, ALPHA / 2):
        said = (
            f"{above} of {n} above chance: labels that mean nothing were recognised, so something"
            " else than the class is in training and test, and the score on true labels is too high."
        )
    elif _is_more_than_luck(below, n, ALPHA / 2):
        said = (
            f"{below} of {n} below chance, which shows no leak and excludes none: of few sources the test"
            " fold lacks what training has much of. Repeat it on a run of more sources."
        )
    elif _is_more_than_luck(len(missed), n, ALPHA):
        said = (
            f"{within} of {n} at chance, {above} above and {below} below: more miss it than by bad luck, so"
            " nothing is shown. Repeat it on a run of more sources."
        )
    else:
        said = f"{within} of {n} at chance, as it should be; one in twenty may miss it by bad luck."
    unknown = len(networks) - n
    return said + f" Of {unknown} more it cannot be told, as there is no interval." * bool(unknown)


def _is_more_than_luck(count: int, n: int, rate: float) -> bool:
    return bool(binomtest(count, n, rate, alternative="greater").pvalue < ALPHA)


def one_class_each(labels: Sequence[str], sources: Ints) -> bool:
    """Whether no source holds two classes; `labels` and `sources` are (N,)."""
    return len(set(zip(labels, sources.tolist(), strict=True))) == len(set(sources.tolist()))


def permute_labels(labels: Sequence[str], sources: Ints, *, seed: int) -> list[str]:
    """Labels (N,) that mean nothing, for images of `sources` (N,)."""
    rng = np.random.default_rng(seed)
    names, label = np.unique(np.asarray(labels), return_inverse=True)
    _, first, source = np.unique(sources, return_index=True, return_inverse=True)
    if one_class_each(labels, sources):
        return [str(name) for name in names[rng.permutation(label[first])[source]]]
    squares = [_latin_square(len(names), rng) for _ in range(-(-len(first) // len(names)))]
    renamings = rng.permutation(np.concatenate(squares))  # (at least S, K): a row is the renaming of a source
    return [str(name) for name in names[renamings[source, label]]]


def _latin_square(order: int, rng: np.random.Generator) -> Ints:
    """A shuffled cyclic square (K, K): every row and every column holds every symbol."""
    cyclic = (np.arange(order)[:, None] + np.arange(order)) % order
    rows, columns, symbols = (rng.permutation(order) for _ in range(3))
    return np.asarray(symbols[cyclic[rows][:, columns]], dtype=np.int64)
