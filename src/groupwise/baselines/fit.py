"""The baselines of a training: the largest class, simple features, and the plain network by the clock."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.exceptions import ConvergenceWarning

from groupwise.baselines import features, plain
from groupwise.data.cache import Images
from groupwise.data.preprocessing import Preprocessing
from groupwise.data.stratify import Labels
from groupwise.runs.baselines import FEATURES, LARGEST_CLASS, PLAIN_NETWORK, PREVALENCE
from groupwise.stats.arrays import Floats, Ints
from groupwise.text import duration

LEAST_PLAIN_S = 3.0  # below which it is not worth asking how fast the plain network is
LEARNING = 3  # times an answer: forwards once, and backwards twice that
SQUARE = Preprocessing(image_size_px=plain.SIZE_PX, interpolation="bicubic")  # as a plain resize does
MOST_IMAGES = 20_000  # to learn from, so that the features' part stays a matter of seconds


@dataclass(frozen=True, eq=False)
class FittedBaseline:
    """One baseline's probabilities (N, K) for the rows that were asked, and what it took.

    `learnt_from` counts training images, `epochs` passes over them where there were any.
    """

    name: str
    probs: Floats
    seconds: float
    learnt_from: int
    epochs: float | None = None


@dataclass(frozen=True, eq=False)
class FittedBaselines:
    """Those that were fitted, all seconds together, and why the others were not, by name."""

    fitted: tuple[FittedBaseline, ...]
    seconds: float
    skipped: dict[str, str]


def fit_baselines(
    images: Images,
    labels: Labels,
    train: Ints,
    asked: Ints,
    *,
    num_classes: int,
    seconds: float,
    seed: int,
) -> FittedBaselines:
    """Fit every baseline on the rows `train`, and answer the rows `asked`; nothing else is looked at.

    `images` (N, S, S, C) are uint8, `labels` class numbers (N,), or 1 for each label of an image, (N, K). The
    largest class and the features always take what they need; what is left of `seconds` is the plain
    network's, which is skipped where too little is left.
    """
    started = time.perf_counter()
    rng = np.random.default_rng(seed)
    learnt = train if len(train) <= MOST_IMAGES else np.sort(rng.permutation(train)[:MOST_IMAGES])
    fitted = [_without_looking(labels[train], len(asked), num_classes)]
    skipped: dict[str, str] = {}
    if len(np.unique(labels[learnt], axis=0)) < 2:
        alone = "as all training images are of one class"
        return FittedBaselines(
            tuple(fitted), time.perf_counter() - started, {FEATURES: alone, PLAIN_NETWORK: alone}
        )
    shown, tested = _squares(images, learnt), _squares(images, asked)
    fitted.append(_fit_features(shown, labels[learnt], tested, num_classes, started))
    left_s = _seconds_to_learn(started + seconds, len(learnt), len(asked), num_classes)
    if left_s == 0:
        skipped[PLAIN_NETWORK] = f"as one epoch of it does not fit into {duration(max(seconds, 1))}"
    else:
        fitted.append(_fit_plain(shown, labels[learnt], tested, num_classes, left_s, seed))
    return FittedBaselines(tuple(fitted), time.perf_counter() - started, skipped)


def _seconds_to_learn(ends: float, learnt: int, asked: int, num_classes: int) -> float:
    """What the plain network has left until `ends` but for its answers, or 0 where no epoch fits into it.

    `ends` is a reading of `time.perf_counter`; `learnt` and `asked` count images.
    """
    if ends - time.perf_counter() < LEAST_PLAIN_S:
        return 0.0
    answer_s = plain.seconds_to_answer(num_classes)
    left_s = ends - time.perf_counter() - asked * answer_s
    return left_s if left_s >= LEARNING * learnt * answer_s else 0.0


def _squares(images: Images, rows: Ints) -> npt.NDArray[np.uint8]:
    """The images of some rows as the baselines see them, (N, 64, 64, C), whatever size the network has."""
    squares = np.zeros((len(rows), plain.SIZE_PX, plain.SIZE_PX, images.shape[3]), dtype=np.uint8)
    for square, row in zip(squares, rows, strict=True):
        square[:] = SQUARE.resize_image(images[row])
    return squares


def _without_looking(labels: Labels, n: int, num_classes: int) -> FittedBaseline:
    """Always the commonest class of training, with the shares of training as its probabilities.

    Of sets of labels, the share of training images that have each.
    """
    if labels.ndim == 2:
        return FittedBaseline(PREVALENCE, np.tile(labels.mean(axis=0), (n, 1)), 0.0, len(labels))
    shares = np.bincount(labels, minlength=num_classes) / len(labels)
    return FittedBaseline(LARGEST_CLASS, np.tile(shares, (n, 1)), 0.0, len(labels))


def _fit_features(
    shown: npt.NDArray[np.uint8],
    labels: Labels,
    tested: npt.NDArray[np.uint8],
    num_classes: int,
    started: float,
) -> FittedBaseline:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a last digit of a regression that is cut short
        fitted = features.fit_regression(features.image_features(shown), labels)
    probs = features.class_probabilities(fitted, features.image_features(tested), num_classes)
    return FittedBaseline(FEATURES, probs, time.perf_counter() - started, len(labels))


def _fit_plain(
    shown: npt.NDArray[np.uint8],
    labels: Labels,
    tested: npt.NDArray[np.uint8],
    num_classes: int,
    seconds: float,
    seed: int,
) -> FittedBaseline:
    """Trained for so many `seconds`; torch's generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        trained = plain.train_plain(shown, labels, num_classes, seed=seed, seconds=seconds)
        started = time.perf_counter()
        probs = plain.class_probabilities(trained.network, tested, several=labels.ndim == 2)
    spent_s = trained.seconds + time.perf_counter() - started
    return FittedBaseline(PLAIN_NETWORK, probs, spent_s, len(labels), trained.epochs)
