"""Measures one answer a case on simulated networks whose accuracy is known.

    python benchmarks/cases.py [--seeds 400]        half a minute on one core

Cases of four pictures on average, of which a network sees: pictures with errors of their own, pictures that
share the error of their case, cases that one picture alone gives away, and pictures of which a fifth is
loudly wrong. In each world 40 held-out cases choose the rule and 60 others measure it, once a seed; the truth
is that of 40,000 cases. Printed are the true accuracy of each rule, how often each is chosen, how often the
interval covers the truth of the chosen one, and how far that lies from the surest picture's (`max`), at worst
and in the mean of all seeds.
"""

from __future__ import annotations

import argparse

import numpy as np

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.cases import MAX, RULES, aggregate, choose_case_rule, label_cases
from groupwise.stats.fold import check_fold
from groupwise.stats.intervals import share_of_images

CLASSES = ("a", "b", "c")
CHOOSING, MEASURING, TRUTH = 40, 60, 40_000
PICTURES = 4
WORLDS = {
    "errors of a picture": (0.5, 1.5),
    "errors of a case": (1.5, 0.5),
    "one picture tells": (0.3, 0.5),
    "loud errors": (0.5, 0.5),
}


def draw(world: str, cases: int, rng: np.random.Generator) -> tuple[Ints, Floats, Ints]:
    """Class numbers (N,), probabilities (N, K) and cases (N,) of pictures."""
    of_case, of_picture = WORLDS[world]
    numbers = np.repeat(np.arange(cases), 1 + rng.poisson(PICTURES - 1, cases))
    k = len(CLASSES)
    labels = rng.integers(k, size=cases)[numbers]
    logits = 1.5 * np.eye(k)[labels]
    if world == "one picture tells":
        first = np.append(True, numbers[1:] != numbers[:-1])
        logits = np.where(first[:, None], 4 * np.eye(k)[labels], 0.0)
    if world == "loud errors":
        loud = rng.random(len(numbers)) < 0.2
        logits = np.where(loud[:, None], 6 * rng.normal(size=logits.shape), logits)
    logits = logits + of_case * rng.normal(size=(cases, k))[numbers]
    logits = logits + of_picture * rng.normal(size=logits.shape)
    probs = np.exp(logits)
    return labels, probs / probs.sum(axis=1, keepdims=True), numbers


def measure(world: str, seeds: int) -> None:
    labels, probs, cases = draw(world, TRUTH, np.random.default_rng(10**6))
    truth = label_cases(labels, cases)
    accuracy = {rule: float((aggregate(probs, cases, rule).argmax(axis=1) == truth).mean()) for rule in RULES}
    covered, chosen, lead = [], [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        rule = choose_case_rule(*draw(world, CHOOSING, rng))
        labels, probs, cases = draw(world, MEASURING, rng)
        own = label_cases(labels, cases)
        fold = check_fold(own, rule.aggregate(probs, cases), np.arange(len(own)), CLASSES)
        figure = share_of_images(fold, fold.right, np.ones(fold.n, dtype=bool))
        assert figure.low is not None
        assert figure.high is not None
        covered.append(figure.low <= accuracy[rule.rule] <= figure.high)
        chosen.append(rule.rule)
        lead.append(100 * (accuracy[rule.rule] - accuracy[MAX]))
    rates = ", ".join(f"{rule} {100 * accuracy[rule]:.1f} ({chosen.count(rule)})" for rule in RULES)
    print(
        f"{world:20} {rates}; covered {100 * np.mean(covered):.1f} %; over the surest picture at worst"
        f" {min(lead):+.1f}, mean {np.mean(lead):+.1f} points",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=400)
    arguments = parser.parse_args()
    for name in WORLDS:
        measure(name, arguments.seeds)
