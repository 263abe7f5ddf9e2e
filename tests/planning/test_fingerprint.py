from pathlib import Path

import pytest

from groupwise.data.manifest import Manifest, Sample
from groupwise.data.split import EXCLUDED, Assignment, Split
from groupwise.models.pretrained import WEIGHTS
from groupwise.planning.fingerprint import fingerprint, known_side_px


def facts_of(rows, modes=("RGB",), sizes=((30, 20),)):
    """`rows` are (label, group, cluster, fold)."""
    samples = tuple(
        Sample(f"{i}.png", label, group, width=sizes[i % len(sizes)][0], height=sizes[i % len(sizes)][1],
               mode=modes[i % len(modes)])
        for i, (label, group, _, _) in enumerate(rows)
    )  # fmt: skip
    split = Split(
        tuple(
            Assignment(f"{i}.png", label, group, cluster, fold)
            for i, (label, group, cluster, fold) in enumerate(rows)
        )
    )
    return fingerprint(Manifest(Path(), samples), split, split.indices("train"), split.indices("val"))


ROWS = [
    ("cat", "", 0, "train"),
    ("cat", "", 0, "train"),  # a copy of the first
    ("cat", "ann", 1, "train"),
    ("dog", "ann", 2, "train"),  # the same source as the cat before it, and one of its own class
    ("dog", "", 3, "val"),
    ("dog", "", 4, EXCLUDED),
]


def test_sizes_are_counted_in_the_training_fold():
    facts = facts_of(ROWS)
    assert (facts.images, facts.train_images, facts.select_images) == (5, 4, 1)
    assert facts.class_sizes == {"cat": 3, "dog": 1}
    assert facts.imbalance == 3


def test_the_short_side_is_the_median():
    assert facts_of(ROWS, sizes=((30, 20), (10, 90), (64, 64))).short_side_px == 20


@pytest.mark.parametrize(("modes", "grey"), [(("L",), True), (("I;16", "L"), True), (("L", "RGB"), False)])
def test_one_coloured_image_is_enough(modes, grey):
    assert facts_of(ROWS, modes=modes).grey is grey


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_file_of_published_weights_is_known_to_have_seen_their_size(name, tmp_path):
    one = WEIGHTS[name]
    assert known_side_px(tmp_path / "downloaded.pth", one.preset) == one.image_size_px


def test_of_a_network_that_nobody_published_the_size_is_not_guessed(tmp_path):
    assert known_side_px(tmp_path / "mine.pth", "resnext22_w8") is None
