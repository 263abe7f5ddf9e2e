import numpy as np
import pytest
from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from groupwise.data.split import Assignment
from groupwise.data.targets import read_names, write_set
from groupwise.evaluation.label_errors import find_label_errors, photographs
from groupwise.evaluation.label_search import change_labels
from groupwise.evaluation.predictions import Predictions

DIGITS = tuple("0123456789")


def predictions(labels, probs, *, clusters=None, classes=DIGITS):
    clusters = range(len(labels)) if clusters is None else clusters
    rows = [
        Assignment(f"{i:04}.png", classes[label], "", int(cluster), "out-of-fold")
        for i, (label, cluster) in enumerate(zip(labels, clusters, strict=True))
    ]
    return Predictions(tuple(rows), tuple(classes), np.asarray(probs, dtype=np.float64))


def suspects_of(table):
    return list(find_label_errors(table).suspects)


def out_of_fold(pixels, labels):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05))
    return cross_val_predict(model, pixels, labels, cv=5, method="predict_proba")


@pytest.fixture(scope="module")
def flipped():
    """Scikit-learn's digits with 90 of 1,797 labels (5 %) flipped at random, and which."""
    pixels, truth = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.choice(len(truth), 90, replace=False)
    labels = truth.copy()
    labels[wrong] = (truth[wrong] + rng.integers(1, 10, 90)) % 10
    return labels, out_of_fold(pixels, labels), {f"{i:04}.png": str(truth[i]) for i in wrong}


def test_flipped_labels_are_found(flipped):
    labels, probs, wrong = flipped
    found = suspects_of(predictions(labels, probs))
    hits = [suspect for suspect in found if suspect.path in wrong]
    assert len(hits) / len(wrong) > 0.8
    assert len(hits) / len(found) > 0.6
    assert sum(suspect.path in wrong for suspect in found[:40]) >= 36  # the surest first
    assert sum(suspect.suggested == wrong[suspect.path] for suspect in hits) / len(hits) > 0.9


def test_among_clean_labels_few_are_named(flipped):
    pixels, truth = load_digits(return_X_y=True)
    found = suspects_of(predictions(truth, out_of_fold(pixels, truth)))
    assert len(found) < 0.012 * len(truth)


def test_the_confident_joint_by_hand():
    # Thresholds are the mean probability of a class among its own labels: a 0.62, b 0.70. One image of label
    # a reaches b's (the fourth) and one of label b reaches a's (the last), so one of each is named.
    labels = [0] * 16 + [1] * 16
    of_a = np.array([0.9, 0.8, 0.6, 0.18, *[0.62] * 12, 0.1, 0.1, 0.2, 0.8, *[0.3] * 12])
    found = suspects_of(predictions(labels, np.column_stack([of_a, 1 - of_a]), classes="ab"))
    assert [(suspect.path, suspect.label, suspect.suggested) for suspect in found] == [
        ("0003.png", "a", "b"),
        ("0019.png", "b", "a"),
    ]
    assert found[0].score == pytest.approx(0.82 - 0.18)
    assert found[0].words() == "0003.png is labelled a (18.0 %); the network says b (82.0 %)."


def test_unsure_predictions_accuse_nobody():
    # The fourth image is predicted as b, but less surely than b usually is.
    of_a = [0.9, 0.8, 0.6, 0.45, 0.1, 0.1, 0.2, 0.1]
    probs = np.column_stack([of_a, 1 - np.array(of_a)])
    assert suspects_of(predictions([0, 0, 0, 0, 1, 1, 1, 1], probs, classes="ab")) == []


def test_copies_are_one_case(flipped):
    labels, probs, _ = flipped
    once = suspects_of(predictions(labels, probs))
    thrice = suspects_of(
        predictions(
            np.repeat(labels, 3), np.repeat(probs, 3, axis=0), clusters=np.repeat(range(len(labels)), 3)
        )
    )
    assert [suspect.copies for suspect in thrice] == [2] * len(once)
    assert [s.score for s in thrice] == pytest.approx([s.score for s in once])
    assert "(and 2 more of it)" in thrice[0].words()


def test_one_photograph_under_two_labels_is_two_cases():
    table = predictions([0, 1, 0], np.full((3, 2), 0.5), clusters=[7, 7, 7], classes="ab")
    assert photographs(table) == [[0, 2], [1]]


def answers_of(signal, wrong, n=500, classes=5):
    """What is known of normal noise whose mean is `signal` in the true class; some labels are wrong."""
    rng = np.random.default_rng(0)
    truth = rng.integers(classes, size=n)
    seen = rng.normal(size=(n, classes)) + signal * np.eye(classes)[truth]
    labels = np.where(rng.random(n) < wrong, (truth + 1) % classes, truth)
    probs = np.exp(signal * seen)
    return predictions(labels, probs / probs.sum(axis=1, keepdims=True), classes="abcde"), truth


@pytest.mark.parametrize("wrong", [0, 0.05])
def test_a_weak_network_names_nobody_and_says_why(wrong):
    table, _ = answers_of(1, wrong)
    assert table.right.mean() > 0.45  # of five classes: far from guessing
    found = find_label_errors(table)
    assert (found.suspects, found.judged) == ((), False)
    (sentence,) = found.words()
    assert sentence.startswith("No label is named: the network contradicts ")
    assert len(found.searches[""].issues) > 0.35 * 500  # of whom cleanlab alone would name every one


@pytest.mark.parametrize(("signal", "wrong", "many"), [(3, 0.05, False), (3, 0.2, True), (2.5, 0.05, False)])
def test_a_network_that_errs_a_little_or_has_many_wrong_labels_still_judges(signal, wrong, many):
    table, truth = answers_of(signal, wrong)
    found = find_label_errors(table)
    hits = sum("abcde"[truth[int(one.path[:4])]] != one.label for one in found.suspects)
    assert hits / (truth != table.labels).sum() > 0.6
    assert hits / len(found.suspects) > 0.3
    recall, *more = found.words()
    assert recall == f"Of labels changed at random it would name {100 * found.searches[''].recall:.0f} %."
    assert [sentence.startswith("More than 10 % of labels are named") for sentence in more] == [True] * many


def test_of_several_labels_the_one_that_is_hard_to_see_is_not_judged(sets):
    members, probs, wrong = sets
    probs, rng = probs.copy(), np.random.default_rng(1)
    probs[:, 1] = np.clip(0.45 + 0.04 * members[:, 1] + rng.normal(0, 0.1, len(probs)), 0.01, 0.99)
    found = find_label_errors(predictions_of_sets(members, probs))
    assert {(int(one.path[:4]), change(one)) for one in found.suspects} == {
        (i, "abc"[k]) for i, k in wrong if k != 1
    }
    assert [name for name, one in found.searches.items() if not one.tells] == ["b"]
    assert found.words()[0].startswith("b cannot be judged: the network contradicts ")


def test_labels_are_changed_in_every_class_as_others_occur():
    labels = np.repeat([0, 1, 2], [900, 95, 5])
    drawn = [change_labels(labels, np.random.default_rng(seed)) for seed in range(20)]
    assert [np.bincount(labels[rows]).tolist() for rows, _ in drawn] == [[18, 2, 1]] * 20
    assert all((np.flatnonzero(planted != labels) == np.sort(rows)).all() for rows, planted in drawn)
    assert sum((planted[:900] == 2).sum() for _, planted in drawn) < 0.15 * 20 * 18


@pytest.mark.parametrize("labels", [[], [1, 1, 1]])
def test_one_class_alone_says_nothing(labels):
    assert suspects_of(predictions(labels, np.full((len(labels), 2), 0.5), classes="ab")) == []


def test_a_class_without_images_does_no_harm(flipped):
    labels, probs, _ = flipped
    kept = labels < 9
    assert suspects_of(predictions(labels[kept], probs[kept]))


@pytest.fixture(scope="module")
def sets():
    """400 images of three labels with probabilities that tell them, and 12 whose set lacks or adds one."""
    rng = np.random.default_rng(0)
    truth = rng.random((400, 3)) < 0.4
    probs = np.clip(np.where(truth, 0.85, 0.15) + rng.normal(0, 0.1, truth.shape), 0.01, 0.99)
    wrong = {(i, int(k)) for i, k in zip(range(0, 360, 30), rng.integers(3, size=12), strict=True)}
    members = truth.copy()
    for i, k in wrong:
        members[i, k], probs[i, k] = not truth[i, k], 0.98 if truth[i, k] else 0.02
    return members, probs, wrong


def predictions_of_sets(members, probs, clusters=None):
    clusters = range(len(members)) if clusters is None else clusters
    rows = [
        Assignment(f"{i:04}.png", write_set(np.array(list("abc"))[has]), "", int(cluster), "out-of-fold")
        for i, (has, cluster) in enumerate(zip(members, clusters, strict=True))
    ]
    return Predictions(tuple(rows), tuple("abc"), probs)


def test_labels_that_a_set_lacks_or_has_too_many_are_named(sets):
    members, probs, wrong = sets
    found = suspects_of(predictions_of_sets(members, probs))
    named = {(int(one.path[:4]), change(one)) for one in found}
    assert named == {(i, "abc"[k]) for i, k in wrong}
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    (first,) = (one for one in found if one.path == "0000.png")
    k = "abc".index(change(first))
    assert first.prob_label == pytest.approx(probs[0, k] if members[0, k] else 1 - probs[0, k])
    assert f"the network says {'no ' * bool(members[0, k])}{change(first)} (" in first.words()
    given = [[k for k in range(3) if has[k]] for has in members]
    reference = find_multilabel_issues_per_class(
        given, probs, filter_by="prune_by_noise_rate", return_indices_ranked_by=None, n_jobs=1
    )
    assert named == {(int(i), "abc"[k]) for i, k in np.argwhere(reference)}


def change(suspect):
    (name,) = set(read_names(suspect.label)) ^ set(read_names(suspect.suggested))
    return name


def test_among_right_sets_few_are_named_and_copies_are_one(sets):
    members, probs, wrong = sets
    truth = members.copy()
    for i, k in wrong:
        truth[i, k] = not truth[i, k]
    assert suspects_of(predictions_of_sets(truth, probs)) == []
    once = suspects_of(predictions_of_sets(members, probs))
    twice = suspects_of(
        predictions_of_sets(np.repeat(members, 2, 0), np.repeat(probs, 2, 0), np.repeat(range(400), 2))
    )
    assert [one.score for one in twice] == pytest.approx([one.score for one in once])
    assert {one.copies for one in twice} == {1}
