import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from groupwise.console import Console
from groupwise.data.divisions import divide_again, hold_out
from groupwise.data.participants import Participants
from groupwise.data.proof import proof
from groupwise.data.split import EXCLUDED, Split, make_split
from groupwise.experiments.crossval import _warn_of_cut_sources
from groupwise.files import write_json
from groupwise.runs.request import CrossValidation
from groupwise.runs.run import Run

NAMES = {f"fold-{k}": 1.0 for k in range(1, 6)}


def samples(seed=0, groups=60, most=12):
    """(path, label, group) of groups of unequal size that hold mostly one of three classes."""
    rng = np.random.default_rng(seed)
    rows = []
    for group in range(groups):
        usual = rng.choice(3, p=[0.6, 0.3, 0.1])
        for _ in range(rng.integers(1, most + 1)):
            label = usual if rng.random() < 0.9 else rng.integers(3)
            rows.append((f"{len(rows):04}.png", "abc"[label], f"g{group}"))
    return rows


def divide(rows, seed=0, excluded=(), **options):
    return make_split(rows, Participants(range(len(rows)), excluded), shares=NAMES, seed=seed, **options)


def imbalance(labels, folds):
    """The largest distance of a fold's share of a class from an equal one, in parts of the class."""
    labels, folds = np.asarray(labels), np.asarray(folds)
    shares = [
        (folds[labels == label] == fold).mean() for label in np.unique(labels) for fold in np.unique(folds)
    ]
    return max(abs(share - 1 / len(np.unique(folds))) for share in shares)


def test_folds_are_as_even_as_scikit_learns():
    found = []
    for seed in range(30):
        rows = samples(seed)
        labels, groups = [row[1] for row in rows], [row[2] for row in rows]
        theirs = np.zeros(len(rows), dtype=int)
        splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        for number, (_, test) in enumerate(splitter.split(rows, labels, groups)):
            theirs[test] = number
        first = divide(rows, seed)
        divisions = [[row.fold for row in d.rows] for d in (first, divide_again(first, seed=seed))]
        found.append([imbalance(labels, folds) for folds in (*divisions, theirs)])
    ours, again, peer = np.mean(found, axis=0)
    assert ours < peer + 0.005
    assert again < peer + 0.005


@pytest.mark.parametrize("seed", range(10))
def test_each_image_is_tested_once_by_a_model_that_never_saw_its_source(seed):
    division = divide(samples(seed), seed)
    tested = np.zeros(len(division.rows), dtype=int)
    for fold in NAMES:
        split = hold_out(division, fold, val=0.2, seed=seed)
        test = split.indices("test")
        tested[test] += 1
        seen = {split.rows[i].group for name in ("train", "val") for i in split.indices(name)}
        assert not seen & {split.rows[i].group for i in test}
        train, val = ({split.rows[i].group for i in split.indices(name)} for name in ("train", "val"))
        assert not train & val
        assert 0.1 < len(split.indices("val")) / (len(split.rows) - len(test)) < 0.3
        assert [row[:4] for row in split.rows] == [row[:4] for row in division.rows]
    assert (tested == 1).all()


def test_what_is_excluded_stays_so():
    rows = samples()
    division = divide(rows, excluded=[rows[0][0]])
    assert divide_again(division, seed=1).rows[0].fold == EXCLUDED
    assert hold_out(division, "fold-1", val=0.1, seed=0).rows[0].fold == EXCLUDED


def joined_by_what_is_left_out(joined=True):
    """30 groups of three images, the last of each left out; it is, if `joined`, the same as a neighbour's."""
    rows = [(f"g{g}-{i}", "ab"[g % 4 // 2], f"g{g}") for g in range(30) for i in range(3)]
    clusters = [g // 2 if joined and i == 2 else 100 + 3 * g + i for g in range(30) for i in range(3)]
    excluded = {path for path, _, _ in rows if path.endswith("-2")}
    return make_split(rows, Participants(clusters, excluded), shares=NAMES, seed=0)


def cut_pairs(split):
    """Pairs of groups of which one is in train and the other in val."""
    fold = {row.group: row.fold for row in split.rows if row.fold != EXCLUDED}
    return sum({fold[f"g{g}"], fold[f"g{g + 1}"]} == {"train", "val"} for g in range(0, 30, 2))


@pytest.mark.parametrize("fold", NAMES)
def test_what_an_image_that_is_left_out_joins_stays_together(fold):
    held = hold_out(joined_by_what_is_left_out(), fold, val=0.3, seed=0)
    assert proof(held)["spanning_sources"] == cut_pairs(held) == 0
    # Without such an image the groups are free to part
    assert cut_pairs(hold_out(joined_by_what_is_left_out(joined=False), fold, val=0.3, seed=0)) > 0


@pytest.mark.parametrize("fold", NAMES)
def test_an_image_of_the_fold_held_out_joins_too_where_the_data_bring_the_folds(fold):
    division = joined_by_what_is_left_out()
    brought = Split(tuple(r._replace(fold=fold) if r.fold == EXCLUDED else r for r in division.rows))
    assert cut_pairs(hold_out(brought, fold, val=0.3, seed=0)) == 0


def test_a_repeat_draws_sources_whose_first_image_is_left_out():
    rows = [(f"g{g}-{i}", "ab"[g % 2], f"g{g}") for g in range(30) for i in range(2)]
    again = divide_again(divide(rows, excluded={path for path, _, _ in rows if path.endswith("-0")}), seed=1)
    assert {row.fold for row in again.rows if row.path.endswith("-1")} == set(NAMES)


@pytest.mark.parametrize(("method", "named"), [("grouped", True), ("given", False)])
def test_fold_models_of_old_that_cut_sources_are_named(tmp_path, capsys, method, named):
    study = Run.create(tmp_path, data=tmp_path, root=tmp_path, version="test")
    write_json(tmp_path / "split.json", {"method": method, "spanning_sources": 0})
    cv = CrossValidation(3)
    for number, name in enumerate(cv.models):
        write_json(tmp_path / name / "split.json", {"method": method, "spanning_sources": number})
    _warn_of_cut_sources(study, cv, Console())
    said = " ".join(capsys.readouterr().out.split())
    assert ("train and val of 2 fold models (repeat-1/fold-2, repeat-1/fold-3)" in said) == named


def test_a_repeat_divides_anew_even_where_all_sources_differ_in_size():
    rows = [(f"{g}-{i}", "ab"[g % 2], f"g{g}") for g in range(30) for i in range(g + 1)]
    first = divide(rows)
    assert divide(rows, seed=7) == first  # stratification alone leaves nothing to chance here
    together = [same_fold(divide_again(first, seed=seed)) & same_fold(first) for seed in range(1, 6)]
    # By chance a fifth of the pairs stays together; a relabelled copy of the first division keeps all.
    kept = [pairs.sum() / same_fold(first).sum() for pairs in together]
    assert max(kept) < 0.6
    assert divide_again(first, seed=3) == divide_again(first, seed=3)


def same_fold(division):
    fold = {row.group: row.fold for row in division.rows}
    names = np.array(list(fold.values()))
    return np.triu(names[:, None] == names, 1)
