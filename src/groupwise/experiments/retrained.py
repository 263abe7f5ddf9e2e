"""The answers of retrained networks as `retrained` of `leakage.json`:

seeds, epochs       pairs of networks that were trained, and the epochs of each
chosen_on           the fold that chose the epoch; null where the last one was taken
random, grouped     the share of the reported fold that is right: {value, sd over seeds}
difference          random less grouped: {value, low, high}
selection           for `random` and `grouped`, what the epoch that is best on the reported fold itself adds
                    to that: {value, low, high}
tutorial            random split and epoch chosen on the reported fold: {value, sd}
total               `tutorial` less `grouped`: {value, low, high}
by_seed             [{seed, random, grouped, random_luckiest, grouped_luckiest}]
test_readings       {networks, readings, shared_images, run_images}: how many networks read a fold of their
                    own, how often in all, and how many images of the run's own fold lie in those
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from groupwise.evaluation.leakage import spread
from groupwise.experiments.retrain import METHODS, Materials
from groupwise.stats.repeated import Scores, gap


class RetrainedPrediction(NamedTuple):
    """One row of `leakage.csv`: what the network of a seed and a split answered on an image of its test fold.

    `right` is 1 or 0 with the epoch that was chosen apart from that fold, `right_luckiest` with the one that
    is best on it.
    """

    seed: int
    split: str
    path: str
    source: int
    right: int
    right_luckiest: int


def summarise(answers: Sequence[RetrainedPrediction], materials: Materials) -> dict[str, Any]:
    """What is said of `answers`; those of every seed and both methods have to be there."""
    chosen: dict[str, Scores] = {method: _column(answers, method, "right") for method in METHODS}
    best_on_test: dict[str, Scores] = {
        method: _column(answers, method, "right_luckiest") for method in METHODS
    }
    networks, epochs = len({answer[:2] for answer in answers}), materials.recipe.training.epochs
    own = {materials.split.rows[i].path for i in materials.split.indices(materials.fold)}
    return {
        "seeds": networks // len(METHODS),
        "epochs": epochs,
        "chosen_on": materials.chosen_on,
        "random": spread(chosen["random"]),
        "grouped": spread(chosen["grouped"]),
        "difference": asdict(gap(chosen["grouped"], chosen["random"])),
        "selection": {method: asdict(gap(chosen[method], best_on_test[method])) for method in METHODS},
        "tutorial": spread(best_on_test["random"]),
        "total": asdict(gap(chosen["grouped"], best_on_test["random"])),
        "by_seed": _by_seed(chosen, best_on_test),
        "test_readings": {
            "networks": networks,
            "readings": networks * epochs,
            "shared_images": len(own & {answer.path for answer in answers}),
            "run_images": len(own),
        },
    }


def _column(answers: Sequence[RetrainedPrediction], method: str, name: str) -> Scores:
    table = np.array(
        [(a.seed, a.source, getattr(a, name)) for a in answers if a.split == method], dtype=np.int64
    )
    return Scores(table[:, 0], table[:, 1], table[:, 2].astype(np.float64))


def _by_seed(chosen: dict[str, Scores], best_on_test: dict[str, Scores]) -> list[dict[str, Any]]:
    columns = {method: answers.by_seed() for method, answers in chosen.items()}
    columns |= {f"{method}_luckiest": answers.by_seed() for method, answers in best_on_test.items()}
    seeds = np.unique(chosen["random"].seeds).tolist()
    return [
        {"seed": seed} | {name: values[k] for name, values in columns.items()} for k, seed in enumerate(seeds)
    ]
