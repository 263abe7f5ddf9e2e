import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from groupwise.stats import ood as unlike
from groupwise.stats.conformal import SCORE_MARGIN
from groupwise.stats.ood import energies, fit_ood, neighbour_distances


def features(seed, n, width=16):
    rng = np.random.default_rng(seed)
    return np.abs(rng.normal(size=(n, width)) + np.linspace(0, 3, width)).astype(np.float32)


@pytest.mark.parametrize("chunk", [1024, 3])
def test_distances_are_scikit_learns(monkeypatch, chunk):
    monkeypatch.setattr(unlike, "CHUNK", chunk)
    reference, ours = features(0, 50), features(1, 20)
    search = NearestNeighbors(n_neighbors=unlike.NEIGHBOUR).fit(normalize(reference))
    expected = search.kneighbors(normalize(ours))[0][:, -1]
    np.testing.assert_allclose(neighbour_distances(ours, reference), expected, atol=2e-4)


def test_few_references_and_silent_features_are_borne():
    few = neighbour_distances(features(1, 5), features(0, 3))
    assert few.shape == (5,)
    silent = neighbour_distances(np.zeros((2, 16), np.float32), features(0, 30))
    np.testing.assert_allclose(silent, np.sqrt(2))


def test_energy_is_the_papers():
    logits = np.random.default_rng(0).normal(size=(9, 5)) * 300
    np.testing.assert_allclose(energies(logits), -logsumexp(logits, axis=1))


def logits_of(vectors):
    return vectors[:, :4].astype(np.float64)


def test_about_the_stated_share_of_new_sources_is_flagged_and_most_foreign_images():
    reference, flagged, caught = features(0, 300), [], []
    for seed in range(1, 200):
        known, new = features(seed, 40), features(1000 + seed, 100)
        foreign = new[:, ::-1]  # strong where the others are weak
        rule = fit_ood(logits_of(known), known, reference, np.arange(40), 0.1)
        flagged.append(rule.flags(logits_of(new), new, reference).mean())
        caught.append(rule.flags(logits_of(foreign), foreign, reference).mean())
    assert 0.07 < np.mean(flagged) < 0.115
    assert np.mean(caught) > 0.95


def test_each_line_is_passed_alone():
    reference, known = features(0, 300), features(1, 60)
    rule = fit_ood(logits_of(known), known, reference, np.arange(60), 0.1)
    usual = known[[np.argmin(neighbour_distances(known, reference))]]
    sure = np.full((1, 4), 9.0)
    assert not rule.flags(sure, usual, reference)[0]
    assert rule.flags(np.full((1, 4), -9.0), usual, reference)[0]
    assert rule.flags(sure, -usual, reference)[0]


def test_copies_of_the_known_images_change_nothing():
    reference, known, sources = features(0, 300), features(1, 60), np.arange(60)
    once = fit_ood(logits_of(known), known, reference, sources, 0.1)
    copies = np.repeat(known, 5, axis=0)
    again = fit_ood(logits_of(copies), copies, reference, np.repeat(sources, 5), 0.1)
    assert (again.distance, again.energy) == pytest.approx((once.distance, once.energy))


def test_lines_keep_off_the_images_that_they_come_from():
    reference, known = features(0, 300), features(1, 60)
    rule = fit_ood(logits_of(known), known, reference, np.arange(60), 0.1)
    for line, scores in (
        (rule.distance, neighbour_distances(known, reference)),
        (rule.energy, energies(logits_of(known))),
    ):
        assert line - scores[scores < line].max() == pytest.approx(SCORE_MARGIN)


def test_too_few_sources_are_refused():
    known = features(1, 18)
    rule = fit_ood(logits_of(known), known, features(0, 30), np.arange(18), 0.05)
    assert rule.distance is None
    assert rule.reason == "18 sources to decide by, and a promise of 5 % needs at least 19"
