"""What a fitted network leaves in its run: weights, `config.json`, and what its selection fold decided."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from groupwise.data.split import Split
from groupwise.evaluation.decide import (
    CHOSEN_ON_TEST,
    Seen,
    decide,
    decide_sets,
    reference_rows,
    undecided,
    undecided_sets,
)
from groupwise.evaluation.training_fold import write_training_fold
from groupwise.files import write_json
from groupwise.inference.decision import Decision, write_decision
from groupwise.inference.predictor import Outputs, model_config
from groupwise.models.ensemble import Member
from groupwise.models.probe import FEATURES_FILE, Probe, save_probe
from groupwise.models.resnext import ResNeXt
from groupwise.models.weights import save_weights
from groupwise.recipe.recipe import Recipe
from groupwise.runs.files import TEST
from groupwise.runs.run import Run
from groupwise.stats.arrays import Ints
from groupwise.stats.calibration import fit_temperature
from groupwise.stats.label_sets import fit_label_temperature
from groupwise.stats.ood import Features

Look = Callable[[Ints], Outputs]
"""What the network says of some rows of the split."""


def keep_network(run: Run, recipe: Recipe, model: Member, architecture: str, look: Look) -> Decision:
    """Write the weights with all that is needed to use them, and what is decided by them."""
    split, made_from = run.split(), ["recipe.yaml", "split.csv"]
    if isinstance(model, ResNeXt):
        save_weights(model, run.path("model.safetensors"))
    elif isinstance(model, Probe):
        save_probe(model, run.path("model.safetensors"))
        made_from.append(FEATURES_FILE)
    run.record("model.safetensors", made_from)
    learnt_from = reference_rows(split, recipe.seed)
    learnt = look(learnt_from)
    if not split.several:
        write_training_fold(run, split, learnt_from, learnt.logits)
    decision, reference = _decide(recipe, split, look, learnt.features)
    config = model_config(architecture, model, split.classes, recipe.data, decision.temperature)
    write_json(run.path("config.json"), config)
    run.record("config.json", ["model.safetensors"])
    write_decision(run, decision, reference)
    return decision


def _decide(
    recipe: Recipe, split: Split, look: Look, reference: Features
) -> tuple[Decision, Features | None]:
    """Calibrate and decide on the fold that chose the network, unless that is the test fold."""
    if recipe.training.select_fold == TEST:
        nothing = undecided_sets if split.several else undecided
        return nothing(split.classes, recipe.decision, CHOSEN_ON_TEST), None
    rows = split.indices(recipe.training.select_fold)
    outputs = look(rows)
    seen = Seen(outputs, split.targets.values[rows], split.sources[rows])
    fit, choose = (fit_label_temperature, decide_sets) if split.several else (fit_temperature, decide)
    temperature = fit(outputs.logits, seen.labels, len(np.unique(seen.sources)))
    return choose(seen, reference, split.classes, temperature, recipe.decision), reference
