import json
import shlex
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from cli_case import rows, run
from groupwise.data.manifest import Sample
from groupwise.runs.baselines import Baseline, Baselines, BaselineScore, Lead
from groupwise.stats.estimate import Estimate
from known_sets.__main__ import ROWS, TRAINED, read_kept
from known_sets.joined import count_verdicts, draw_pairs
from known_sets.page import section, summary, table
from known_sets.published import KnownSet, Picture, digest, write_list
from known_sets.readers import (
    read_chest,
    read_faces,
    read_magnetic_tiles,
    read_objects,
    read_sign_digits,
    read_signs,
)
from known_sets.row import count_copies, leaks
from known_sets.sets import SETS
from known_sets.trained import read_outcome

PAGE = Path(__file__).parents[1] / "docs/known-sets.md"


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


def test_expressions_come_from_the_table_and_persons_from_the_names(tmp_path):
    plant(tmp_path, "images/Jane_Doe_0002.jpg", "images/Jane_Doe_0011.jpg", "images/of_a_crowd.png", "data/x")
    table = "user.id,image,emotion\n1,Jane_Doe_0002.jpg,NEUTRAL\n1,Jane_Doe_0011.jpg,fear\n1,gone.jpg,fear\n"
    (tmp_path / "data/legend.csv").write_text(table)
    found = [(one.label, one.group) for one in read_faces(tmp_path)]
    assert found == [("neutral", "Jane_Doe"), ("fear", "Jane_Doe")]


def test_frames_of_one_track_are_a_group_of_their_class(tmp_path):
    folder = "GTSRB/Final_Training/Images"
    paths = [f"{folder}/{name}" for name in ("00003/00006_00010.ppm", "00003/00006_00011.ppm")]
    plant(tmp_path, *paths, f"{folder}/00004/00006_00010.ppm", "GTSRB/Final_Test/Images/00001.ppm")
    assert [one.group for one in read_signs(tmp_path)] == ["00003-00006", "00003-00006", "00004-00006"]


def test_a_face_and_what_is_cut_out_of_it_are_a_group(tmp_path):
    names = [f"{kind}/image_{i:04}.jpg" for kind in ("Faces", "Faces_easy", "leopards") for i in range(100)]
    found = read_objects(plant(tmp_path, *(f"caltech-101/{name}" for name in names)))
    groups = {one.path.removeprefix("caltech-101/"): one.group for one in found}
    assert groups["Faces/image_0007.jpg"] == groups["Faces_easy/image_0007.jpg"] == "face0007"
    assert groups["Faces_easy/image_0008.jpg"] == "face0008"
    assert groups["leopards/image_0007.jpg"] == ""


def test_of_a_large_set_whole_groups_are_drawn_always_the_same():
    pictures = [Picture(f"{i:03}.png", "a", f"p{i // 10}" if i < 100 else "") for i in range(120)]
    known = KnownSet("x", "X", "chest", "here", "c", "none", 120, "0" * 16, read_chest, drawn=57)
    drawn = known.draw(pictures)
    assert drawn == known.draw(pictures[::-1]) == sorted(drawn)
    assert 47 < len(drawn) <= 57
    sizes = Counter(one.group for one in drawn)
    assert {size for name, size in sizes.items() if name} == {10}
    assert replace(known, drawn=120).draw(pictures) == pictures


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


def test_the_page_says_what_was_measured_and_has_a_section_of_each_set():
    text, trained = PAGE.read_text(encoding="utf-8"), read_kept(TRAINED)
    assert table(read_kept(ROWS)) in text
    assert summary(trained) in text.replace("\n", " ")
    for name, known in SETS.items():
        assert section(known, trained.get(name)) in text, name


def test_a_run_is_told_by_its_test_fold_beside_the_baseline_of_its_verdict(tmp_path):
    def fold(value):
        limits = {"value": value, "low": 0.5, "high": 0.9}
        return {"n": 20, "sources": 9, "accuracy": limits, "confusion": [], "per_class": []}

    def baseline(name, value):
        lead = {"accuracy": Lead(0.8 - value, 0.75 - value, 0.9 - value)}
        return Baseline(name, 1.0, 80, {"test": BaselineScore({"accuracy": Estimate(value)}, lead)})

    both = (baseline("largest_class", 0.3), baseline("plain_network", 0.75))
    beside = Baselines(both)
    (tmp_path / "metrics.json").write_text(json.dumps({"val": fold(0.6), "test": fold(0.8)}))
    (tmp_path / "baselines.json").write_text(json.dumps(beside.as_json()))
    kept = {"seconds": 300, "spent": 298.4, "waited": 0.61}
    (tmp_path / "run.json").write_text(json.dumps({"budget": kept}))
    found = read_outcome(tmp_path)
    head = section(SETS["pets"], found).splitlines()
    assert head[0] == "## pets"
    assert "groupwise train pets.csv --root COPY --budget 5min --run runs/pets" in head
    assert head[-1] == (
        "A fair number: 80.0 % right (95 % interval 50.0 to 90.0) of 20 pictures from 9 sources. The"
        " baseline, plain network, has 75.0 %: +5.0 points (0.0 to 15.0). It took 298 of 300 s; a"
        " processor was free for 39 % of the time that one was wanted."
    )
    assert section(SETS["pets"], None).endswith("The command was not run to its end.")
    (tmp_path / "baselines.json").unlink()
    with pytest.raises(SystemExit, match="no baselines beside the number"):
        read_outcome(tmp_path)


def test_of_all_commands_leads_and_kept_budgets_are_counted():
    def outcome(low, value, high, spent):
        return {"lead": {"low": low, "value": value, "high": high}, "spent_s": spent, "budget_s": 300}

    ahead, level, behind = (0.1, 0.2, 0.3, 286), (-0.1, 0.1, 0.2, 284), (-0.3, -0.2, -0.1, 316)
    trained = {str(number): outcome(*one) for number, one in enumerate((ahead, level, behind))}
    assert summary(trained) == (
        "Of 3 commands run to their end 2 are ahead of the baseline, 1 with an interval above 0 and 1 with"
        " one below; 1 ended within 5 % of their budget."
    )


def test_the_command_of_a_listed_copy_binds_its_groups(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for frame in range(4):  # two tiles, both labels each
        file = tmp_path / f"MT_{('Free', 'Crack')[frame % 2]}/Imgs/exp1_num_{1000 * (frame // 2)}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8)).save(file)
    known, found = SETS["magnetic-tiles"], sorted(read_magnetic_tiles(tmp_path))
    made = replace(known, files=len(found), digest=digest(tmp_path, found))
    write_list(made.list_pictures(tmp_path), tmp_path / "tiles.csv")
    tiles = [row["source"] for row in rows(tmp_path / "tiles.csv")]
    assert groups_of(made, tmp_path, capsys) == tiles
    assert Counter(tiles) == {"tile001": 2, "tile002": 2}
    assert not any(groups_of(replace(made, grouped=""), tmp_path, capsys))


def groups_of(known, folder, capsys):
    """What `scan` takes for groups, given what the command gives `train`."""
    words = shlex.split(known.command(str(folder / "tiles.csv"), str(folder)))
    data, out = words[2 : words.index("--budget")], folder / "manifest.csv"
    assert run(capsys, "scan", *data, "--out", out)[0] == 0
    return [row["group"] for row in rows(out)]
