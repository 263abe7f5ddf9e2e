"""The baselines of a cross-validation: out-of-fold answers of those that every fold model has, pooled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groupwise.evaluation.baselines import read_answers, score, write_baselines
from groupwise.evaluation.predictions import Predictions, read_predictions
from groupwise.runs.baselines import ANSWERS, FILE, Baseline, Baselines, read_baselines
from groupwise.runs.files import TEST
from groupwise.runs.run import Run


def pool_baselines(study: Run, models: Sequence[str]) -> None:
    """Write the study's `baselines.json` beside its `predictions.csv`, unless a fold model has none.

    A baseline that some fold models lack is left out, and said to be; which class is the largest may differ
    from fold to fold. The one to name is found on the pooled answers, as on a fold (`Baselines.rival`).
    """
    members = [Run.open(study.path(model)) for model in models]
    found = [read_baselines(member.path(FILE)) for member in members]
    network = read_predictions(study.require("predictions.csv"))
    (fold,) = {row.fold for row in network.rows}
    whole = [one for one in found if one is not None]
    if len(whole) < len(members):
        return
    names = [one.name for one in whole[0].baselines]
    shared = [name for name in names if all(name in one.names for one in whole)]
    skipped = {name: why for one in whole for name, why in one.skipped.items() if name not in shared}
    answers = [read_answers(member.require(ANSWERS)) for member in members]
    sources = study.split().sources_of(network.rows)
    baselines = []
    for name in shared:
        ones = [one.named(name) for one in whole]
        pooled = _pool([answer[name].of_fold(TEST) for answer in answers], network)
        said = {one.answer for one in ones}
        baselines.append(
            Baseline(
                name,
                sum(one.seconds for one in ones),
                min(one.learnt_from for one in ones),
                {fold: score(pooled, network, sources)},
                None if ones[0].epochs is None else float(np.mean([one.epochs for one in ones])),
                said.pop() if len(said) == 1 else None,
            )
        )
    seconds = sum(one.seconds for one in whole)
    pooled_all = Baselines(tuple(baselines), whole[0].measure, seconds, skipped)
    made_from = ["predictions.csv", *(f"{model}/{FILE}" for model in models)]
    write_baselines(study, pooled_all, made_from)


def _pool(parts: Sequence[Predictions], network: Predictions) -> Predictions:
    """The mean answer to each image over the models that never saw it, in the network's order."""
    answers: dict[str, list[np.ndarray]] = {}
    for part in parts:
        for row, probs in zip(part.rows, part.probs, strict=True):
            answers.setdefault(row.path, []).append(probs)
    probs = np.array([np.mean(answers[row.path], axis=0) for row in network.rows])
    return Predictions(network.rows, network.classes, probs)
