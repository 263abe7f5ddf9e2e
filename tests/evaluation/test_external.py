"""What is left out of new data, what is compared with the run's own figures, and when a promise is broken."""

import numpy as np
import pytest

from groupwise.audit.known import PIXELS, KnownCopies
from groupwise.data.manifest import Manifest, Sample
from groupwise.errors import GroupwiseError
from groupwise.evaluation.class_names import MatchedClasses
from groupwise.evaluation.drift import measure_drift, measure_pixels
from groupwise.evaluation.external import choose_images, compare_with
from groupwise.evaluation.external_words import difference_sentence, drift_sentence
from groupwise.evaluation.promises import check_promises
from groupwise.report.translation import translated
from groupwise.runs.external import External
from groupwise.stats.drift import Collections


def listed(tmp_path, *labels):
    return Manifest(tmp_path, tuple(Sample(f"{i}.png", label, f"p{i}") for i, label in enumerate(labels)))


def copies(of, clusters):
    return KnownCopies(tuple(of), np.array(clusters), PIXELS, {})


MATCHED = MatchedClasses({"Cat": "cat", "dog": "dog"}, {"fox": 1}, ())


def test_copies_conflicts_and_unknown_classes_are_left_out_each_for_its_reason(tmp_path):
    manifest = listed(tmp_path, "Cat", "dog", "fox", "Cat", "dog", "dog", "dog")
    found = copies([None, "old.png", None, None, None, None, None], [0, 1, 2, 3, 3, 4, 4])
    new = choose_images(manifest, MATCHED, found, several=False)
    assert [(row.path, row.label) for row in new.rows] == [
        ("0.png", "cat"),
        ("5.png", "dog"),
        ("6.png", "dog"),
    ]
    assert new.left_out == {"unusable": 0, "copies": 1, "label_conflicts": 2, "unknown_classes": 1}
    assert new.copies == (("1.png", "old.png"),)
    sources = new.sources
    assert sources[1] == sources[2] != sources[0]  # copies of one photograph, though their groups differ


@pytest.mark.parametrize(("clusters", "sources"), [([0, 1, 1, 2], 1), ([0, 1, 3, 2], 2)])
def test_a_photograph_that_is_left_out_joins_the_patients_it_shows(tmp_path, clusters, sources):
    samples = [("0.png", "Cat", "p"), ("1.png", "Cat", "p"), ("2.png", "dog", "q"), ("3.png", "Cat", "q")]
    manifest = Manifest(tmp_path, tuple(Sample(*cells) for cells in samples))
    of = [None, "old.png", "old.png", None]
    new = choose_images(manifest, MATCHED, copies(of, clusters), several=False)
    assert [row.path for row in new.rows] == ["0.png", "3.png"]
    assert len(set(new.sources.tolist())) == sources


def test_nothing_left_says_why(tmp_path):
    with pytest.raises(
        GroupwiseError, match=r"1 of 1 images are copies of the run's own, as 0.png of old.png"
    ):
        choose_images(listed(tmp_path, "Cat"), MATCHED, copies(["old.png"], [0]), several=False)


def figure(value, low, high):
    return {"value": value, "low": low, "high": high, "n": 10, "sources": 5}


def figures(accuracy, present=("cat", "dog")):
    per_class = {name: {"n": 5 if name in present else 0} for name in ("cat", "dog", "cow")}
    return {"accuracy": accuracy, "balanced_accuracy": accuracy, "per_class": per_class}


def test_means_over_classes_are_compared_over_the_same_classes_alone():
    home, there = figure(0.9, 0.8, 0.95), figure(0.7, 0.6, 0.8)
    found = compare_with(figures(home), "test", figures(there))
    assert found["differences"]["balanced_accuracy"]["value"] == pytest.approx(-0.2)
    other = compare_with(figures(home, ("cat", "dog", "cow")), "test", figures(there))
    assert other["differences"]["accuracy"]["value"] == pytest.approx(-0.2)
    assert other["differences"]["balanced_accuracy"]["value"] is None
    assert "different classes" in other["differences"]["balanced_accuracy"]["reason"]
    assert difference_sentence(found, "accuracy").startswith("Worse than at home: -20.0 points")
    assert "beside the run's own fold test" in difference_sentence(found, "accuracy")
    assert "beside the measured network's fold test" in difference_sentence(
        {"refit": True, **found}, "accuracy"
    )
    assert difference_sentence({"reason": "the run was not measured"}, "accuracy") == ""


@pytest.mark.parametrize(
    ("low", "high", "standing"),
    [(0.91, 0.99, "kept"), (0.7, 0.88, "broken"), (0.7, 0.95, "open"), (None, None, "open")],
)
def test_a_promise_is_broken_where_the_interval_excludes_it(low, high, standing):
    part = {"alpha": 0.1, "coverage_of_sources": figure(0.85, low, high)}
    (told,) = check_promises({"conformal": part, "abstention": {"error_rate": 0.05, "reason": "too few"}})
    assert (told["promised"], told["bound"], told["standing"]) == (0.9, "least", standing)


@pytest.mark.parametrize(
    ("low", "high", "standing"), [(0.0, 0.04, "kept"), (0.06, 0.2, "broken"), (0.02, 0.2, "open")]
)
def test_a_rate_that_is_promised_at_most_is_broken_from_above(low, high, standing):
    (told,) = check_promises(
        {"abstention": {"error_rate": 0.05, "wrong_of_sources": figure(0.04, low, high)}}
    )
    assert told["standing"] == standing


def test_the_descriptions_of_an_image_are_its_levels_sharpness_and_size():
    images = np.zeros((2, 8, 8, 3), np.uint8)
    images[0, :, ::2] = [255, 0, 0]
    found = measure_pixels(images, [(1000, 500), (100, 200)])
    assert found["mean of red"].tolist() == pytest.approx([0.5, 0])
    assert found["spread of red"].tolist() == pytest.approx([0.5, 0])
    assert found["mean of blue"].tolist() == [0, 0]
    assert found["sharpness"][0] > 1 > found["sharpness"][1] == 0
    assert found["megapixels"].tolist() == pytest.approx([0.5, 0.02])
    assert found["width over height"].tolist() == [2, 0.5]


def test_drift_names_what_differs_and_by_how_much():
    rng = np.random.default_rng(0)
    images = rng.integers(60, 90, (40, 6, 6, 3)) + rng.integers(0, 60, (40, 1, 1, 1))
    images[20:, ..., 2] += 60
    pixels = measure_pixels(images.astype(np.uint8), [(6, 6)] * 40)
    held = Collections(np.zeros(40, np.int64), np.arange(40), np.arange(40) >= 20)
    found = measure_drift(pixels, None, held, seed=0)
    assert found["tests"]["pixels"]["told"]
    assert not found["tests"]["classes"]["told"]
    assert found["largest"][0]["name"] == "mean of blue"
    facts = {"name": "b", "drift": {"against": ["test"], "n": 20, **found}}
    assert "mean of blue" in drift_sentence(External(facts, {}))
    assert "width over height" not in drift_sentence(External(facts, {}))


def test_a_drift_that_was_not_looked_for_is_not_said_to_be_absent():
    tests = {"pixels": {"reason": "too few"}, "features": {"reason": "too few"}}
    clear, drifted = {"p": 0.5, "p_holm": 0.5, "told": False}, {"p": 0.001, "p_holm": 0.001, "told": True}

    def said(mix):
        drift = {"against": ["test"], "n": 20, "largest": [], "tests": {**tests, "classes": mix}}
        return drift_sentence(External({"name": "b", "drift": drift}, {}))

    untold = "It cannot be told of the pixels and the features: too few."
    held_out = "from the 20 images that the run held out"
    assert said(clear) == f"No drift is shown {held_out} in the mix of classes. {untold}"
    assert said(drifted) == f"They differ {held_out}: in the mix of classes (p = 0.001). {untold}"
    tests = {"pixels": clear}
    assert said(clear) == "No drift is shown from the 20 images that the run held out."


def test_a_refit_which_held_no_image_out_is_told_by_those_it_learnt_from():
    clear, drifted = {"p": 0.5, "p_holm": 0.5, "told": False}, {"p": 0.001, "p_holm": 0.001, "told": True}
    untold = {"reason": "no class has two sources on either side"}
    for tests, words in (
        ({"pixels": clear}, "No drift is shown from the 20 images that the run {}."),
        ({"pixels": clear, "classes": untold}, "No drift is shown from the 20 images that the run {} in the"),
        ({"pixels": drifted}, "They differ from the 20 images that the run {}: in the pixels"),
        ({"pixels": untold}, "Whether they differ from the 20 images that the run {} cannot be told: no"),
    ):
        for against, did in ((["train"], "learnt from"), (["val", "test"], "held out")):
            drift = {"against": against, "n": 20, "largest": [], "tests": tests}
            said = drift_sentence(External({"name": "b", "drift": drift}, {}))
            assert said.startswith(words.format(did))
            assert translated(f"<p>{said}</p>", "zh")[1] == []
