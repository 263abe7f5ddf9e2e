from contextlib import nullcontext
from dataclasses import replace

import pytest

from groupwise.data.manifest import Sample
from groupwise.data.participants import Participants
from groupwise.data.proof import proof
from groupwise.data.source_counts import refuse_few_groups
from groupwise.data.split import EXCLUDED, make_split, read_split, refuse_other_paths
from groupwise.data.split_options import SplitConfig
from groupwise.errors import GroupwiseError, UsageError

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def folder(n=60, group=lambda i: ""):
    return [(f"{'ab'[i % 2]}/{i:03}.jpg", "ab"[i % 2], group(i)) for i in range(n)]


def split(samples, clusters=None, excluded=(), **options):
    clusters = range(len(samples)) if clusters is None else clusters
    return make_split(
        samples, Participants(list(clusters), excluded), **{"shares": SHARES, "seed": 0} | options
    )


def test_groups_and_clusters_joined_stay_on_one_side():
    samples = folder(200, group=lambda i: f"g{i // 4}")
    clusters = [i if i % 7 else 0 for i in range(200)]  # one big cluster that ties many groups
    result = split(samples, clusters)
    assert proof(result)["spanning_sources"] == 0
    assert len({row.fold for row in result.rows if row.cluster == 0}) == 1


def test_what_a_left_out_image_joins_is_one_source_in_the_proof_and_in_figures():
    samples = folder(group=lambda i: f"g{i // 2}")
    clusters = [2, *range(1, 60)]  # the first image, of g0, is a copy of the third, of g1
    result = split(samples, clusters, [samples[0][0]])
    rows = [row for row in result.rows if row.fold != EXCLUDED]
    sources = result.sources_of(rows)
    assert len(set(sources.tolist())) == proof(result)["sources"] == 29
    assert sources[0] == sources[1] == sources[2] != sources[3]


def test_the_proof_finds_a_cut_source():
    clusters = [0, 0] + list(range(2, 60))
    result = split(folder(), clusters, method="random", shares={"train": 0.5, "test": 0.5}, seed=1)
    assert result.rows[0].fold != result.rows[1].fold
    facts = proof(result)
    assert facts["spanning_sources"] == 1
    assert facts["folds"]["test"]["with_sibling_in_train"] == 1
    assert any("a/000.jpg" in name for name in facts["spanning_examples"][0])


def test_added_files_do_not_move_the_others(tmp_path):
    old = split(folder(60))
    old.write(tmp_path / "split.csv")
    new = split(folder(90), previous=read_split(tmp_path / "split.csv"), seed=99)
    folds = {row.path: row.fold for row in new.rows}
    assert all(folds[row.path] == row.fold for row in old.rows)
    assert {row.fold for row in new.rows[60:]} == {"train", "val", "test"}


def test_added_files_do_not_move_the_others_at_random_either():
    old = split(folder(60), method="random")
    rows = split(folder(160), previous=old, seed=99, method="random").rows
    assert [row.fold for row in rows[:60]] == [row.fold for row in old.rows]
    assert [[row.fold for row in rows[60:]].count(fold) for fold in SHARES] == [80, 10, 10]
    assert split(folder(60), seed=99, method="random").rows != old.rows


def test_what_is_joined_to_absent_images_goes_where_they_are():
    """As further photographs of patients whose first ones lie on another disk."""
    old = split(folder(60, group=lambda i: f"g{i // 2}"))
    fold_of = {row.group: row.fold for row in old.rows}
    new = [(f"new/{path}", label, group) for path, label, group in folder(60, group=lambda i: f"g{i // 2}")]
    after = split([*folder(2, group=lambda i: "g0"), *new], previous=old, seed=99)
    assert all(row.fold == fold_of[row.group] for row in after.rows)
    others = split([(path, label, f"other {group}") for path, label, group in new], previous=old, seed=99)
    assert any(row.fold != fold_of[row.group.removeprefix("other ")] for row in others.rows)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_an_image_that_joins_absent_ones_of_two_folds_is_refused(elsewhere):
    """A copy of an image of g0 that has the group of absent images, which lie in another fold."""
    old = split(folder(60, group=lambda i: f"g{i // 2}"))
    fold_of = {row.group: row.fold for row in old.rows}
    absent = next(name for name in fold_of if fold_of[name] != fold_of["g0"])
    there = [row[:3] for row in old.rows if row.group != absent]
    new = ("new.jpg", "a", absent if elsewhere else "g0")
    clusters = [*range(len(there)), 0]
    with pytest.raises(GroupwiseError, match="share a source") if elsewhere else nullcontext():
        split([*there, new], clusters, previous=old)


def test_rows_of_absent_images_are_kept_in_clusters_of_their_own():
    old = split(folder(60), clusters=[i // 2 for i in range(60)])
    now = split(folder(20), previous=old)
    whole = now.keep(old.absent(row.path for row in now.rows))
    assert {row.path: row.fold for row in whole.rows} == {row.path: row.fold for row in old.rows}
    assert len(set(whole.sources.tolist())) == 20 + 20
    assert proof(whole)["spanning_sources"] == 0
    assert now.keep(()) == now


def test_a_split_of_other_paths_is_not_extended():
    old = split(folder(20))
    paths = [row.path for row in old.rows]
    with pytest.raises(UsageError, match=r"'a/000\.jpg', and those of the data as 'pets/a/000\.jpg'\. Paths"):
        refuse_other_paths(old, [f"pets/{path}" for path in paths])
    refuse_other_paths(old, ["pets/a/000.jpg", paths[-1]])


def test_a_new_copy_follows_its_original():
    old = split(folder(60))
    samples = [*folder(60), ("a/copy.jpg", "a", "")]
    for original in range(0, 60, 2):
        new = split(samples, [*range(60), original], previous=old)
        assert new.rows[60].fold == old.rows[original].fold


def test_an_old_assignment_that_cuts_a_source_is_refused():
    old = split(folder(60))
    train = next(i for i, row in enumerate(old.rows) if row.fold == "train")
    test = next(i for i, row in enumerate(old.rows) if row.fold == "test")
    clusters = list(range(60))
    clusters[test] = clusters[train]
    with pytest.raises(GroupwiseError, match=r"now known to share a source. Start a new split"):
        split(folder(60), clusters, previous=old)


def test_too_few_sources_are_refused_with_the_class_and_the_count():
    samples = [("a/1.jpg", "a", ""), ("a/2.jpg", "a", "")] + [(f"b/{i}.jpg", "b", "") for i in range(9)]
    with pytest.raises(GroupwiseError, match=r"class 'a' has 2 independent sources, too few for the 3 folds"):
        split(samples)
    assert split(samples, shares={"train": 0.5, "test": 0.5}).folds == ("train", "test")
    with pytest.raises(GroupwiseError, match=r"fold-012 and 988 more; class 'b' has 9\."):
        split(samples, shares={f"fold-{i + 1:03}": 1e-3 for i in range(1000)})


def test_copies_do_not_count_as_sources():
    samples = [(f"a/{i}.jpg", "a", "one patient") for i in range(20)] + folder(20)[1::2]
    with pytest.raises(GroupwiseError, match="class 'a' has 1 independent source,"):
        split(samples)


def test_one_class_is_refused():
    with pytest.raises(GroupwiseError, match="1 class, and there is nothing to tell apart"):
        split([(f"a/{i}.jpg", "a", "") for i in range(20)])


def test_excluded_samples_are_in_no_fold_and_do_not_count():
    result = split(folder(60), excluded=["a/000.jpg"])
    assert result.rows[0].fold == EXCLUDED
    assert EXCLUDED not in result.folds
    assert sum(fold["n"] for fold in proof(result)["folds"].values()) == 59
    assert proof(result)["excluded"] == 1


def test_a_cell_that_is_no_number_is_named(tmp_path):
    (tmp_path / "split.csv").write_text("path,label,group,cluster,fold\na.jpg,a,,x,train\n")
    with pytest.raises(GroupwiseError, match="cluster is not a whole number"):
        read_split(tmp_path / "split.csv")


@pytest.mark.parametrize("shares", [{"train": 0.0}, {"val": -0.1}])
def test_impossible_shares_are_refused(shares):
    with pytest.raises(UsageError, match=r"split\.train, split\.val, split\.test"):
        SplitConfig(**shares)


def test_a_fold_without_a_share_does_not_exist():
    assert SplitConfig(train=0.8, val=0, test=0.2).shares == {"train": 0.8, "test": 0.2}


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (lambda i: "p", "All images have the group 'p'"),
        (lambda i: f"g{i % 2}", "Each group is a class"),
        (lambda i: f"g{i // 10}", "Add photographs from other sources"),
        (lambda i: "" if i else "p", None),
    ],
)
def test_groups_that_leave_nothing_to_divide_are_blamed_and_not_copies(group, words):
    samples = [(f"{i}.png", ("cat", "dog")[i % 2], group(i)) for i in range(20)]
    shares = {"train": 0.6, "val": 0.2, "test": 0.2}
    if words is None:
        assert make_split(samples, Participants(range(20)), shares=shares, seed=0).folds
        return
    with pytest.raises(GroupwiseError, match=words) as caught:
        make_split(samples, Participants(range(20)), shares=shares, seed=0)
    assert "--copies report" not in str(caught.value)
    with pytest.raises(GroupwiseError, match=words):  # and before copies are looked for
        refuse_few_groups([Sample(*sample) for sample in samples], list(shares))


def test_groups_that_are_sets_of_labels_are_blamed():
    labels = ("|cat|", "|cat|dog|")
    samples = [Sample(f"{i}.png", labels[i % 2], labels[i % 2]) for i in range(20)]
    with pytest.raises(GroupwiseError, match="Each group is a set of labels"):
        refuse_few_groups(samples, ["train", "val", "test"])
    mixed = [replace(sample, group=str(k % 4)) for k, sample in enumerate(samples)]  # two groups a set
    with pytest.raises(GroupwiseError, match="Add photographs from other sources"):
        refuse_few_groups(mixed, [f"fold{k}" for k in range(5)])
    alone = [replace(sample, label=labels[k], group=str(k)) for k, sample in enumerate(samples[:2])]
    with pytest.raises(GroupwiseError, match="Add photographs from other sources"):  # of one image each
        refuse_few_groups(alone, ["train", "val", "test"])


@pytest.mark.parametrize(
    ("rare", "counts", "words"),
    [
        ("drop", (1, 1), "0 of 2 classes have 3 .*Each group is a class"),
        ("train", (1, 1), "0 of 2 classes have 3 .*Each group is a class"),
        ("drop", (5, 2), "1 of 2 classes have 3 .*add --rare train"),
        ("train", (5, 2), None),
        ("drop", (3, 3), None),
    ],
)
def test_classes_of_too_few_groups_are_not_all_set_aside(rare, counts, words):
    samples = [
        Sample(f"{label}{i}.png", label, f"{label}{i % count}")
        for label, count in zip(("cat", "dog"), counts, strict=True)
        for i in range(10)
    ]
    with pytest.raises(GroupwiseError, match=words) if words else nullcontext():
        refuse_few_groups(samples, ["train", "val", "test"], min_sources=3, rare=rare)


@pytest.mark.parametrize("group", ["", "p"])
def test_copies_that_leave_too_few_sources_are_blamed(group):
    samples = [(f"{i}.png", ("cat", "dog")[i % 2], group if i < 4 else "") for i in range(20)]
    refuse_few_groups([Sample(*sample) for sample in samples], ["train", "val", "test"])
    with pytest.raises(GroupwiseError, match="--copies report"):
        make_split(samples, Participants([0] * 20), shares={"train": 0.6, "val": 0.2, "test": 0.2}, seed=0)


def test_a_cross_validation_is_not_told_to_learn_labels_without_testing_them():
    folds = ["fold-1", "fold-2", "fold-3"]
    samples = [Sample(f"{i}.png", label, "") for i, label in enumerate(["|a|"] * 9 + ["|a|b|"] * 2)]
    with pytest.raises(GroupwiseError, match="add --min-sources 3 --rare train to learn labels"):
        refuse_few_groups(samples, ["train", "val", "test"])
    with pytest.raises(GroupwiseError, match="fewer folds, or take labels that have fewer out of the table"):
        refuse_few_groups(samples, folds)
    classes = [replace(sample, label=sample.label[-2]) for sample in samples]
    with pytest.raises(GroupwiseError, match=r"Ask for fewer sources, or add --rare train\.$"):
        refuse_few_groups(classes, ["train", "val", "test"], min_sources=3)
    with pytest.raises(GroupwiseError, match=r"Ask for fewer sources\.$"):
        refuse_few_groups(classes, folds, min_sources=3)


@pytest.mark.parametrize(("least", "rare", "fewest"), [(3, "train", 3), (3, "drop", 0), (0, "train", 0)])
def test_only_rare_classes_that_are_learnt_are_not_tested(least, rare, fewest):
    assert SplitConfig(min_sources=least, rare=rare).fewest_tested == fewest


@pytest.mark.parametrize("fold", ["train", "val", "test"])
def test_a_class_that_is_not_tested_follows_the_source_that_has_a_fold(fold):
    """Nobody put the new picture into train, so nothing is cut."""
    before = split([(f"{c}/{i}", c, f"{c}{i}") for c in "ab" for i in range(8)])
    known = next(row for row in before.rows if row.fold == fold and row.label == "a")
    samples = [(row.path, row.label, row.group) for row in before.rows]
    samples += [("r/0", "r", known.group), ("r/1", "r", "another")]
    after = make_split(
        samples,
        Participants(range(len(samples)), untested=frozenset("r")),
        shares=SplitConfig().shares,
        seed=0,
        previous=before,
    )
    assert [row.fold for row in after.rows[-2:]] == [fold, "train"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"extend": "split.csv"}, r"does not extend split\.csv, which is there already\. .*another file"),
        ({"method": "random"}, r"is not divided by split\.method random\. Leave one"),
    ],
)
def test_a_split_that_is_given_is_not_made_otherwise(other, message):
    with pytest.raises(UsageError, match=message):
        SplitConfig(given="fold", **other)
