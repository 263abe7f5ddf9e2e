"""Holds the sentences that quote a figure against what a reader should read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from groupwise.evaluation.words import lower_limits, may_be_guessing, sentence
from groupwise.stats.metrics import evaluate_fold

ACCURACY: dict[str, Any] = {"value": 0.861, "low": 0.8024, "high": 0.9087, "n": 366, "sources": 41}


def test_accuracy_is_quoted_with_its_images_sources_and_interval() -> None:
    expected = "86.1 % of 366 images from 41 sources were classified correctly; 95 % interval 80.2 to 90.9 %."
    assert sentence("accuracy", ACCURACY) == expected


@pytest.mark.parametrize(
    ("metric", "middle"),
    [
        ("recall", "of the class were recognised"),
        ("specificity", "of other classes were told apart from it"),
        ("precision", "predicted so belong to the class"),
    ],
)
def test_other_shares_say_of_what(metric: str, middle: str) -> None:
    assert sentence(metric, ACCURACY).startswith(f"86.1 % of 366 images from 41 sources {middle};")


def test_figures_that_are_no_share_of_images_keep_their_scale() -> None:
    figure = {**ACCURACY, "of": "Monkeypox against the rest"}
    expected = (
        "AUROC 0.861 (Monkeypox against the rest) on 366 images from 41 sources; "
        "95 % interval 0.802 to 0.909."
    )
    assert sentence("auroc", figure) == expected
    assert sentence("log_loss", ACCURACY).startswith("Log loss 0.861 on 366 images from 41 sources;")


def test_one_is_singular_and_thousands_are_grouped() -> None:
    said = sentence(
        "accuracy", {**ACCURACY, "n": 12000, "sources": 1, "low": None, "reason": "a single source"}
    )
    assert (
        said
        == "86.1 % of 12,000 images from 1 source were classified correctly; no interval: a single source."
    )


def test_what_is_undefined_says_why() -> None:
    undefined = {"value": None, "low": None, "high": None, "n": 9, "sources": 2, "reason": "no image of cat"}
    assert sentence("auroc", undefined) == "AUROC is undefined: no image of cat."
    assert sentence("recall", undefined) == "Recall is undefined: no image of cat."


def test_an_unknown_metric_is_no_figure() -> None:
    with pytest.raises(KeyError):
        sentence("confusion", ACCURACY)


@pytest.mark.parametrize(("signal", "guessing"), [(2.2, False), (0, True)])
def test_a_network_for_unequal_classes_guesses_only_where_no_figure_is_above_chance(signal, guessing):
    ill = (np.arange(1000) < 60).astype(np.int64)
    odds = signal * (2 * ill - 1) / 2 + np.random.default_rng(0).standard_normal(1000)
    probs = 1 / (1 + np.exp(-np.stack([-odds, odds], axis=1)))
    figures = evaluate_fold(ill, probs, np.arange(1000), ("healthy", "ill"), seed=0, draws=200)
    low, share = lower_limits(figures)["accuracy"]
    assert low < share  # the largest class alone is right more often
    assert may_be_guessing(figures) == guessing


def test_a_class_that_is_absent_gives_chance_no_share() -> None:
    figures = {"confusion": [[5, 1, 0], [2, 6, 0], [0, 0, 0]], "balanced_accuracy": {"low": 0.45}}
    assert lower_limits(figures) == {"balanced_accuracy": (0.45, 0.5)}
    assert may_be_guessing(figures)
    assert not may_be_guessing(figures | {"balanced_accuracy": {"low": 0.51}})
    assert not may_be_guessing(figures | {"balanced_accuracy": {"low": None}})  # no interval tells nothing


def test_of_sets_of_labels_auroc_alone_tells() -> None:
    figures: dict[str, Any] = {"labels": "several", "accuracy": {"low": 0.01}, "auroc": {"low": 0.49}}
    assert may_be_guessing(figures)
    assert not may_be_guessing(figures | {"auroc": {"low": 0.51}})
