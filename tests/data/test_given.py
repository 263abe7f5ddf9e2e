"""A split that the data bring is used as it is; what it lacks is cut from training, the rest is refused."""

from __future__ import annotations

from collections import Counter

import pytest

from groupwise.data.given import repair_split, use_given_division, use_given_split
from groupwise.data.manifest import Sample
from groupwise.data.participants import Participants, choose_participants
from groupwise.data.proof import proof
from groupwise.data.split import EXCLUDED, Assignment, Split, make_split
from groupwise.errors import GroupwiseError, UsageError


def samples(n=40, group=lambda i: f"g{i // 2}"):
    return [(f"{'ab'[i % 2]}/{i:03}.jpg", "ab"[i % 2], group(i)) for i in range(n)]


def use(folds, val=0.1, excluded=(), group=lambda i: f"g{i // 2}"):
    rows = samples(len(folds), group)
    return use_given_split(rows, range(len(rows)), folds, val=val, seed=0, excluded=excluded)


def counted(split):
    return Counter(row.fold for row in split.rows)


def test_a_whole_split_is_used_as_it_is():
    folds = ["train"] * 24 + ["val"] * 8 + ["test"] * 8
    given = use(folds)
    assert [row.fold for row in given.split.rows] == folds
    assert given.notes == ()


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_train_and_one_more_keep_their_images_apart(held_out):
    folds = ["train"] * 32 + [held_out] * 8
    given = use(folds)
    assert [row.fold == "test" for row in given.split.rows] == [fold == held_out for fold in folds]
    assert 0 < counted(given.split)["val"] < 8
    assert proof(given.split)["spanning_sources"] == 0
    assert any("choose the epoch" in note for note in given.notes)
    assert any("called test here" in note for note in given.notes) == (held_out == "val")


def clusters_of(n, *, joined):
    """Where `joined`, the first images of two groups after one another are the same; else no two are."""
    return [i // 8 if joined and i % 4 == 0 else n + i for i in range(n)]


@pytest.mark.parametrize("joined", [True, False])
def test_val_is_cut_along_what_images_that_are_left_out_join(joined):
    rows = samples(160, lambda i: f"g{i // 4}")
    first = {rows[i][0] for i in range(0, 160, 4)}
    given = use_given_split(
        rows,
        clusters_of(160, joined=joined),
        ["train"] * 152 + ["test"] * 8,
        val=0.3,
        seed=0,
        excluded=first,
    )
    fold = {row.group: row.fold for row in given.split.rows if row.fold != EXCLUDED}
    cut = sum(fold[f"g{g}"] != fold[f"g{g + 1}"] for g in range(0, 38, 2))
    assert (cut == 0) == joined
    assert proof(given.split)["spanning_sources"] == 0


def test_nothing_is_cut_where_the_epoch_is_chosen_otherwise():
    assert set(counted(use(["train"] * 32 + ["test"] * 8, val=None).split)) == {"train", "test"}


def test_a_class_of_one_source_in_training_is_not_taken_for_val():
    folds = ["train"] * 20 + ["test"] * 20
    split = use(folds, group=lambda i: "one" if i % 2 and i < 20 else f"g{i}").split
    assert [row.fold for row in split.rows if row.label == "b"] == ["train"] * 10 + ["test"] * 10
    assert counted(split)["val"] > 0


def test_a_source_that_it_cuts_stays_cut_and_is_proven():
    split = use(["train", "train", "test", "test"] * 10, group=lambda i: f"g{i // 4}").split
    facts = proof(split)
    assert facts["folds"]["test"]["with_sibling_in_train"] > 10


def test_images_without_a_fold_and_conflicts_take_no_part():
    given = use(["train"] * 30 + ["test"] * 8 + [""] * 2, excluded=["a/000.jpg"])
    assert counted(given.split)[EXCLUDED] == 3
    assert any("2 images are in no fold" in note for note in given.notes)


@pytest.mark.parametrize(
    ("folds", "words"),
    [
        (["test"] * 40, "none to learn from"),
        (["train"] * 40, "nothing is left to measure"),
        ([""] * 40, "bring no folds"),
        ([f"fold-{i % 4}" for i in range(40)], "--cv 4` uses them"),
        (["fold-1"] * 40, "all images with a class are in one numbered fold"),
        (["fold-1", "fold-2"] * 20, "call them train and test"),
        (["train" if i % 2 else "test" for i in range(40)], "'a' are held out and not in training"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_remedy(folds, words):
    with pytest.raises(GroupwiseError, match=words):
        use(folds)


def test_numbered_folds_are_those_of_a_cross_validation():
    folds = [f"fold-{1 + i % 10}" for i in range(40)]
    names = [f"fold-{i:02}" for i in range(1, 11)]
    split = use_given_division(samples(), range(40), folds, names)
    assert [int(row.fold[5:]) for row in split.rows] == [int(fold[5:]) for fold in folds]
    with pytest.raises(UsageError, match="Give --cv 10"):
        use_given_division(samples(), range(40), folds, names[:5])


def choose(clusters, conflicts=(), **options):
    rows = [Sample(path, label) for path, label, _ in samples(len(clusters))]
    usual = {"copies": "group", "min_sources": 0, "rare": "drop"}
    return choose_participants(rows, clusters, conflicts, **{**usual, **options})


class TestParticipants:
    def test_copies_bind_unless_they_are_only_reported(self):
        assert choose([0, 1, 0, 3]).clusters == [0, 1, 0, 3]
        reported = choose([0, 0, 0, 3], ["a/000.jpg", "b/001.jpg"], copies="report")
        assert (reported.clusters, reported.excluded) == ([0, 1, 2, 3], set())

    def test_files_of_equal_content_are_bound_even_then(self):
        rows = [
            Sample(f"{name}.jpg", "ab"[i % 2], sha256=name[0]) for i, name in enumerate(("x1", "y", "x2"))
        ]
        options = {"copies": "report", "min_sources": 0, "rare": "drop"}
        assert choose_participants(rows, [0, 1, 2], (), **options).clusters == [0, 1, 0]

    def test_equal_files_under_two_labels_are_left_out_even_then(self):
        rows = [Sample(f"{i}.jpg", "ab"[i % 2], sha256="xxyz"[i]) for i in range(4)]
        options = {"copies": "report", "min_sources": 0, "rare": "drop"}
        rows += [Sample("4.jpg", "a", sha256="u"), Sample("5.jpg", "b", sha256="v")]
        found = choose_participants(rows, [0, 0, 1, 1, 2, 3], [f"{i}.jpg" for i in range(4)], **options)
        assert found.excluded == {"0.jpg", "1.jpg"}
        assert any("Kept under several labels" in note and "2 images" in note for note in found.notes)
        assert choose_participants(rows, [0, 0, 1, 1, 2, 3], (), **options).excluded == set()

    def test_one_of_each_copy_is_kept(self):
        assert choose([0, 1, 0, 1], copies="drop").excluded == {"a/002.jpg", "b/003.jpg"}

    def test_conflicts_that_leave_no_class_name_the_options(self):
        paths = [path for path, _, _ in samples(4)]
        with pytest.raises(GroupwiseError, match=r"--copies report.*--label-conflicts keep"):
            choose([0, 0, 0, 0], paths)

    def test_conflicts_that_are_left_out_name_the_option_that_keeps_them(self):
        paths = [path for path, _, _ in samples(8)]
        [note] = choose(range(8), paths[:2]).notes
        assert note.endswith("2 images (if the labels are right: --label-conflicts keep)")
        assert choose(range(8)).notes == ()

    def test_rare_classes_are_left_out_or_only_learnt(self):
        rows = [*samples(20, lambda i: ""), ("c/0.jpg", "c", ""), ("c/1.jpg", "c", ""), ("d/0.jpg", "d", "")]
        made = [Sample(path, label) for path, label, _ in rows]
        options = {"copies": "group", "min_sources": 3}
        dropped = choose_participants(made, range(23), (), **options, rare="drop")
        assert dropped.excluded == {"c/0.jpg", "c/1.jpg", "d/0.jpg"}
        assert any("'c' (2), 'd' (1)" in note for note in dropped.notes)
        learnt = choose_participants(made, range(23), (), **options, rare="train")
        split = make_split(
            rows,
            learnt,
            shares={"train": 0.6, "val": 0.2, "test": 0.2},
            seed=0,
        )
        assert {row.fold for row in split.rows if row.label in "cd"} == {"train"}
        shares = {"train": 0.2, "test": 0.8}
        drawn = make_split(
            rows,
            Participants(range(23), untested=learnt.untested),
            shares=shares,
            seed=0,
            method="random",
        )
        assert {row.fold for row in drawn.rows if row.label in "cd"} == {"train"}

    @pytest.mark.parametrize(("joined", "rare"), [(True, {"c"}), (False, set())])
    def test_sources_are_counted_by_what_images_that_are_left_out_join(self, joined, rare):
        groups = {"c/0.jpg": "p", "c/1.jpg": "p", "c/2.jpg": "q", "c/3.jpg": "q", "c/4.jpg": "r"}
        rows = [Sample(path, label) for path, label, _ in samples(20)]
        rows += [Sample(path, "c", group=group) for path, group in groups.items()]
        clusters = [*range(20), 20, 21, 20 if joined else 22, 23, 24]  # c/0 is c/2
        options = {"copies": "group", "min_sources": 3, "rare": "train"}
        found = choose_participants(rows, clusters, ["c/0.jpg", "c/2.jpg"], **options)
        assert set(found.untested) == rare

    def test_all_rare_classes_are_named_at_once(self):
        rows = [*samples(20, lambda i: ""), ("c/0.jpg", "c", ""), ("d/0.jpg", "d", "")]
        with pytest.raises(GroupwiseError, match=r"'c' has 1 .*'d' has 1\. .*--min-sources 2"):
            make_split(rows, Participants(range(22)), shares={"train": 0.8, "test": 0.2}, seed=0)


def test_an_extended_split_without_val_is_refused_in_words():
    old = use(["train"] * 32 + ["test"] * 8, val=None).split
    with pytest.raises(GroupwiseError, match=r"fold val would hold no image.*--split\.given fold"):
        make_split(
            samples(), Participants(range(40)), shares={"train": 8, "val": 1, "test": 1}, seed=0, previous=old
        )


def test_a_repaired_split_keeps_what_is_measured():
    folds = {"g": ("train", "test"), "h": ("train", "val"), "i": ("val", "test"), "j": ("train", "train")}
    rows = [
        Assignment(f"{group}{k}.jpg", "a", group, n, fold)
        for n, (group, both) in enumerate(folds.items())
        for k, fold in enumerate(both)
    ]
    repaired = repair_split(Split(tuple(rows)))
    assert [row.fold for row in repaired.rows] == [
        *(EXCLUDED, "test"),
        *(EXCLUDED, "val"),
        *(EXCLUDED, "test"),
        *("train", "train"),
    ]
    assert proof(repaired)["spanning_sources"] == 0
    assert repair_split(repaired) == repaired
