import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from groupwise.data.manifest import Sample
from known_sets.joined import count_verdicts, draw_pairs
from known_sets.published import KnownSet
from known_sets.readers import read_chest, read_magnetic_tiles, read_sign_digits
from known_sets.row import count_copies, leaks


def plant(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())
    return folder


def test_frames_that_follow_one_another_are_one_tile_across_classes(tmp_path):
    names = (
        "MT_Free/Imgs/exp1_num_100.jpg",
        "MT_Crack/Imgs/exp2_num_229.jpg",
        "MT_Free/Imgs/exp1_num_359.jpg",
    )
    found = read_magnetic_tiles(plant(tmp_path, *names, "MT_Free/Imgs/exp1_num_100.png"))
    assert [one.label for one in found] == ["Free", "Crack", "Free"]
    assert found[0].group == found[1].group != found[2].group


def test_a_student_begins_where_the_digit_falls_or_the_number_jumps(tmp_path):
    names = ("8/IMG_1.JPG", "9/IMG_2.JPG", "0/IMG_3.JPG", "5/IMG_34.JPG")
    groups = [one.group for one in read_sign_digits(plant(tmp_path, *(f"Dataset/{name}" for name in names)))]
    assert groups[0] == groups[1] != groups[2]
    assert groups[2] != groups[3]


def test_the_patient_and_the_part_of_a_chest_are_in_its_name(tmp_path):
    names = ("train/PNEUMONIA/person1_virus_2.jpeg", "test/NORMAL/NORMAL2-IM-0012-0001.jpeg")
    one, other = sorted(read_chest(plant(tmp_path, *names)))
    assert (one.group, one.part) == ("NORMAL2-IM-0012", "test")
    assert (other.group, other.part) == ("person1", "train")


def test_another_copy_is_refused_with_what_it_holds(tmp_path):
    known = KnownSet("x", "X", "chest", "here", "c", "none", 1, "0" * 16, read_chest)
    with pytest.raises(SystemExit, match="no pictures of X"):
        known.list_pictures(tmp_path)
    plant(tmp_path, "train/NORMAL/IM-1-1.jpeg")
    with pytest.raises(SystemExit, match=r"1 pictures of digest [0-9a-f]{16}, where here at c holds 1"):
        known.list_pictures(tmp_path)


def test_what_the_given_split_leaks_is_counted_by_copies_and_groups():
    parts = ("train", "val", "test", "test", "test")
    usable = [Sample(str(i), "a", extra={"part": part}) for i, part in enumerate(parts)]
    told = leaks(usable, np.array([0, 1, 0, 2, 2]), ["", "p", "", "p", ""])
    assert told == {"part": "test", "pictures": 3, "copies": 1, "groups": 1}
    assert leaks([Sample("0", "a", extra={"part": ""})], np.array([0]), [""]) is None


def test_copies_and_conflicts_are_counted_by_photograph():
    found = count_copies(np.array([0, 0, 1, 2, 2]), list("aabab"))
    assert found == {"photographs": 3, "joined_files": 4, "largest": 2, "conflicts": 1}


def test_pairs_are_drawn_from_one_photograph_each_and_all_where_they_are_few():
    clusters = np.array([0, 1, 0, 2, 0])
    assert draw_pairs(clusters) == [(0, 2), (0, 4), (2, 4)]
    drawn = draw_pairs(np.repeat(np.arange(9), 9), count=20)
    assert len(set(drawn)) == 20
    assert all(a // 9 == b // 9 and a < b for a, b in drawn)


def test_the_committed_verdicts_are_of_the_rule():
    assert count_verdicts("trash")["pairs"] == 50
    assert count_verdicts("nobody") is None
