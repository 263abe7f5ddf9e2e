"""Baselines equal what a plain script has, learn from the training fold alone, and keep to their time."""

import math
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression

from groupwise.baselines import features, fit, plain
from groupwise.baselines.fit import fit_baselines
from groupwise.runs.baselines import FEATURES, LARGEST_CLASS, PLAIN_NETWORK

CLASSES = 3


@pytest.fixture(scope="module")
def data():
    """Ninety noisy pictures of 40 px, whose class shows in brightness; the last thirty are to be answered."""
    rng = np.random.default_rng(0)
    labels = rng.choice(CLASSES, 90, p=[0.5, 0.3, 0.2])
    images = rng.integers(0, 160, (90, 40, 40, 3)) + 30 * labels[:, None, None, None]
    return images.astype(np.uint8), labels, np.arange(60), np.arange(60, 90)


def fitted(data, seconds=0.0):
    images, labels, train, asked = data
    found = fit_baselines(images, labels, train, asked, num_classes=CLASSES, seconds=seconds, seed=0)
    return found, {one.name: one for one in found.fitted}


def by_hand(picture):
    """The features of one picture, pixel by pixel as the docstring has them."""
    pixels = np.asarray(Image.fromarray(picture).resize((64, 64)), dtype=float)
    thumbnail = [
        pixels[8 * i : 8 * i + 8, 8 * j : 8 * j + 8, c].mean() / 255
        for i in range(8)
        for j in range(8)
        for c in range(3)
    ]
    histogram = [np.mean((pixels[..., c] // 16) == k) for c in range(3) for k in range(16)]
    grey = pixels @ [299, 587, 114]
    edges = np.zeros((8, 8, 8))
    for y in range(64):
        for x in range(64):
            across = grey[y, min(x + 1, 63)] - grey[y, max(x - 1, 0)]
            down = grey[min(y + 1, 63), x] - grey[max(y - 1, 0), x]
            angle = math.atan2(down, across) / math.pi % 1
            edges[y // 8, x // 8, int(angle * 8) % 8] += math.hypot(across, down) / 255_000
    shares = np.sqrt(edges / (edges.sum(axis=2, keepdims=True) + 1))
    return np.concatenate([thumbnail, histogram, shares.ravel()])


def test_largest_class_and_features_equal_a_plain_script(data):
    images, labels, train, asked = data
    _, found = fitted(data)
    shares = np.bincount(labels[train]) / len(train)
    np.testing.assert_allclose(found[LARGEST_CLASS].probs, np.tile(shares, (len(asked), 1)))
    table = np.array([by_hand(picture) for picture in images])
    mean, spread = table[train].mean(axis=0), table[train].std(axis=0)
    spread[spread < 1e-9] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        regression = LogisticRegression(C=0.003, max_iter=200)
        regression.fit((table[train] - mean) / spread, labels[train])
    expected = regression.predict_proba((table[asked] - mean) / spread)
    np.testing.assert_allclose(features.image_features(_squares(images)), table, atol=2e-6)
    right = (found[FEATURES].probs.argmax(1) == labels[asked]).mean()
    assert right == pytest.approx((expected.argmax(1) == labels[asked]).mean(), abs=1e-6)
    assert right > 0.6  # of which the largest class alone has half
    np.testing.assert_allclose(found[FEATURES].probs, expected, atol=1e-4)


def _squares(images):
    return np.stack([np.asarray(Image.fromarray(picture).resize((64, 64))) for picture in images])


def test_what_is_asked_teaches_nothing(data):
    images, labels, train, asked = data
    other = labels.copy()
    other[asked] = (labels[asked] + 1) % CLASSES
    _, before = fitted(data)
    _, after = fitted((images, other, train, asked))
    for name in (LARGEST_CLASS, FEATURES):
        np.testing.assert_array_equal(before[name].probs, after[name].probs)
    # The near miss: a label of training does count.
    taught = labels.copy()
    taught[train] = (labels[train] + 1) % CLASSES
    _, moved = fitted((images, taught, train, asked))
    assert (moved[FEATURES].probs != before[FEATURES].probs).any()


@pytest.mark.parametrize(("seconds", "there"), [(0.0, False), (90.0, False), (300.0, True)])
def test_the_plain_network_is_left_out_where_hardly_any_time_is_left(data, seconds, there, monkeypatch):
    asked_for = []

    def train_plain(images, labels, num_classes, *, seed, seconds):
        asked_for.append(seconds)
        return plain.Trained(plain.plain_network(num_classes), 1.5, seconds, seconds)

    monkeypatch.setattr(fit.plain, "train_plain", train_plain)
    monkeypatch.setattr(fit.plain, "seconds_to_answer", lambda _: 1.0)  # 30 to answer, and 3 x 60 to learn
    found, by_name = fitted(data, seconds)
    assert (PLAIN_NETWORK in by_name) is there
    assert (PLAIN_NETWORK in found.skipped) is not there
    if there:
        assert seconds - 60 < asked_for[0] < seconds - 30  # less by what features and answers take
        assert by_name[PLAIN_NETWORK].epochs == 1.5


def test_the_plain_network_answers_and_leaves_the_generator_alone(data, monkeypatch):
    train = plain.train_plain
    monkeypatch.setattr(plain, "train_plain", lambda *a, seconds, **others: train(*a, epochs=1, **others))
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    _, found = fitted(data, seconds=600.0)
    assert torch.rand(1) == expected
    assert found[PLAIN_NETWORK].probs.sum(axis=1) == pytest.approx(1.0)
    assert found[PLAIN_NETWORK].epochs == 1


def test_classes_that_training_lacks_get_nothing(data):
    images, labels, train, asked = data
    seen = train[labels[train] != 2]
    _, found = fitted((images, labels, seen, asked))
    assert (found[FEATURES].probs[:, 2] == 0).all()
    alone = train[labels[train] == 0]
    whole, found = fitted((images, labels, alone, asked))
    assert list(found) == [LARGEST_CLASS]
    assert "one class" in whole.skipped[FEATURES]
