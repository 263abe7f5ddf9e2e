"""Robustness counts the right answers on damaged images, by source; what sees no damage keeps its score."""

import numpy as np
import pytest

from groupwise.evaluation.corruptions import CORRUPTIONS, corrupt
from groupwise.evaluation.robustness import measure
from groupwise.stats.intervals import fraction


def pictures(n=24, side=24):
    """Dark images of class 0 and light ones of class 1, two a source."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) // 2 % 2
    images = rng.integers(0, 60, (n, side, side, 3)) + 100 * labels[:, None, None, None]
    return images.astype(np.uint8), labels, np.arange(n) // 2


def by_brightness(images):
    return (images.mean(axis=(1, 2, 3)) > 110).astype(np.int64)


def test_a_rule_that_reads_brightness_fails_by_brightness_alone():
    images, labels, sources = pictures()
    facts = measure(images, labels, sources, by_brightness, seed=0)
    assert facts["clean"]["value"] == 1
    values = {name: [one["value"] for one in c["accuracy"]] for name, c in facts["corruptions"].items()}
    assert values["brightness"][0] == 1
    assert values["brightness"][-1] == 0.5  # all look light
    assert values["blur"] == [1] * 5
    assert values["jpeg"] == [1] * 5


def test_each_figure_is_of_the_damaged_images_with_the_interval_of_their_sources():
    images, labels, sources = pictures()
    facts = measure(images, labels, sources, by_brightness, seed=3)
    damaged = corrupt(images, "brightness", 3, seed=3)
    right = np.bincount(sources, weights=by_brightness(damaged) == labels)
    expected = fraction(right, np.bincount(sources).astype(float), "").as_json()
    assert facts["corruptions"]["brightness"]["accuracy"][2] == expected
    assert facts["sources"] == 12


def test_the_seed_decides_and_every_step_is_told():
    images, labels, sources = pictures()
    seen = []
    first = measure(images, labels, sources, by_brightness, seed=1, progress=lambda *step: seen.append(step))
    assert first == measure(images, labels, sources, by_brightness, seed=1)
    assert seen == [(i, 20) for i in range(1, 21)]


def test_the_steps_come_with_their_sizes_and_unit():
    facts = measure(*pictures(), by_brightness, seed=0)
    for name, corruption in facts["corruptions"].items():
        assert corruption["sizes"] == list(CORRUPTIONS[name].sizes)
        assert corruption["unit"]
        assert len(corruption["accuracy"]) == 5


def test_sources_may_have_any_numbers():
    images, labels, sources = pictures()
    assert measure(images, labels, sources * 7 + 3, by_brightness, seed=0)["clean"]["low"] == pytest.approx(
        measure(images, labels, sources, by_brightness, seed=0)["clean"]["low"]
    )
