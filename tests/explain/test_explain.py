import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from groupwise.cli.main import main
from groupwise.data.cache import load_image
from groupwise.data.split import read_split
from groupwise.errors import UsageError
from groupwise.evaluation.decide import reference_rows
from groupwise.explain.explain import explain_images, nearest_training_images
from groupwise.explain.overlay import overlay, photograph, picture_name
from groupwise.explain.request import Asked, most_wrong
from groupwise.files import write_csv
from groupwise.inference.decision import write_decision
from groupwise.inference.predictor import load_run, predict_outputs
from groupwise.stats.conformal import OperatingPoint
from run_case import PREPROCESSING, random_model, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with the reference that training leaves."""
    run = write_run(tmp_path_factory.mktemp("explained"))
    predictor, split = load_run(run.folder), read_split(run.path("split.csv"))
    files = [run.folder.parent / "pets" / split.rows[i].path for i in reference_rows(split, 0)]
    images = np.stack([load_image(file, PREPROCESSING) for file in files])
    features = predict_outputs(predictor.model, images, PREPROCESSING).features
    write_decision(run, predictor.decision, features)
    return run


def pets(run, n):
    return sorted((run.folder.parent / "pets").glob("*/*.png"))[:n]


def explained(run, n=1, **options):
    asked = [Asked(file.name, file) for file in pets(run, n)]
    return list(explain_images(run, load_run(run.folder), asked, on_bad=pytest.fail, **options))


def test_a_training_image_is_its_own_nearest(run):
    predictor, split = load_run(run.folder), read_split(run.path("split.csv"))
    row = split.rows[split.indices("train")[3]]
    image = np.stack([load_image(run.folder.parent / "pets" / row.path, PREPROCESSING)])
    features = predict_outputs(predictor.model, image, PREPROCESSING).features
    nearest = nearest_training_images(run, predictor, features)[0]
    assert (nearest[0].path, nearest[0].label) == (row.path, row.label)
    assert nearest[0].similarity == pytest.approx(1, abs=1e-5)
    assert [near.similarity for near in nearest] == sorted((n.similarity for n in nearest), reverse=True)


def test_the_command_writes_overlays_a_listing_and_a_page(run, tmp_path, capsys):
    files = pets(run, 2)
    assert main(["explain", str(run.folder), *map(str, files), "--out", str(tmp_path), "--class", "dog"]) == 0
    listing = json.loads((tmp_path / "heatmaps.json").read_text())
    assert list(listing) == [str(file) for file in files]
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in listing.values())
    page = (tmp_path / "explain.html").read_text()
    assert page.count("Nearest training images") == 2
    assert "http" not in page.replace("http-equiv", "")
    assert "heat for dog" in capsys.readouterr().out


def test_groups_and_filters_are_drawn(run, tmp_path, capsys):
    shutil.copy(pets(run, 1)[0], tmp_path / "same.png")
    (tmp_path / "b").mkdir()
    shutil.copy(pets(run, 2)[1], tmp_path / "b/same.png")
    out = tmp_path / "out"
    files = [str(tmp_path / name) for name in ("same.png", "b/same.png")]
    assert main(["explain", str(run.folder), *files, "--out", str(out), "--groups", "layer1.0"]) == 0
    names = sorted(path.name for path in out.iterdir())
    assert len(names) == 3  # neither of two files of one stem has the other's name
    assert names[0] == "filters.png"
    assert all(name.startswith("same-") and name.endswith("-layer1.0.png") for name in names[1:])
    assert "cells" not in capsys.readouterr().out  # 32 x 32


def test_maps_that_show_no_places_are_named(tmp_path, capsys):
    run = write_run(tmp_path, random_model(depths=(1, 1, 1, 1), stem="imagenet"))
    (file,) = pets(run, 1)
    command = ["explain", str(run.folder), str(file), "--out", str(tmp_path / "out"), "--groups"]
    assert main([*command, "layer3.0"]) == 0
    assert "layer3.0 has maps of only 2x2 cells: they show no places." in capsys.readouterr().out
    assert main([*command, "layer2.0"]) == 0
    assert "cells" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "value"), [("--method", "eigencam"), ("--class", "cat"), ("--stage", "layer1")]
)
def test_options_of_heat_maps_do_not_go_with_groups(run, capsys, tmp_path, option, value):
    command = ["explain", str(run.folder), "--groups", "layer1.0", option, value, "--out", str(tmp_path)]
    assert main(command) == 2
    assert f"{option}: goes with heat maps, and --groups draws none" in capsys.readouterr().err


def test_a_class_that_is_not_there_is_refused_before_torch_is_loaded(run):
    program = (
        "import sys; from groupwise.cli.main import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    )
    picture = str(next(Path(run.root).rglob("*.png")))
    command = [sys.executable, "-c", program, "explain", str(run.folder), picture, "--class", "cow"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--class: no class 'cow'. Choose one of cat, dog" in done.stderr
    assert done.stdout == "False\n"


def test_folders_are_explained_and_bad_files_named(run, tmp_path, capsys):
    for i, file in enumerate(pets(run, 2)):
        (tmp_path / f"in/{i}").mkdir(parents=True)
        shutil.copy(file, tmp_path / f"in/{i}/a.png")
    (tmp_path / "in/words.png").write_text("no picture")
    command = ["explain", str(run.folder), str(tmp_path / "in"), "gone.png", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "words.png: the file holds text" in out
    assert "gone.png: cannot be read" in out
    listing = json.loads((tmp_path / "out/heatmaps.json").read_text())
    assert list(listing) == [str(tmp_path / f"in/{i}/a.png") for i in (0, 1)]
    assert len(set(listing.values())) == 2


@pytest.mark.parametrize("options", [[], ["--groups", "layer1.0"]])
def test_where_no_file_can_be_read_nothing_is_written(run, tmp_path, capsys, options):
    out, words = tmp_path / "out", tmp_path / "words.png"
    words.write_text("no picture")
    assert main(["explain", str(run.folder), str(words), "--out", str(out), *options]) == 1
    told = capsys.readouterr()
    assert "words.png: the file holds text" in told.out
    assert "none of the files could be read" in told.err
    assert not out.exists()


def test_the_most_wrong_are_shown_with_their_class_and_what_was_decided(tmp_path, capsys):
    run = write_run(tmp_path)
    predictor, split = load_run(run.folder), read_split(run.path("split.csv"))
    rows = [split.rows[i] for i in split.indices("test")]
    probs = [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], *[[0.5, 0.5]] * 20]
    header = [*rows[0]._fields, "predicted", "prob_cat", "prob_dog"]
    write_csv(
        run.path("predictions.csv"), header, [(*r, "cat", *p) for r, p in zip(rows, probs, strict=False)]
    )
    run.record("predictions.csv")
    called = OperatingPoint("dog", 0.9, threshold=0.0)  # whatever it is, it is called dog
    write_decision(run, replace(predictor.decision, operating_point=called), None)
    wrong = most_wrong(run)
    assert main(["explain", str(run.folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    page = (run.folder / "explain/explain.html").read_text()
    assert wrong
    for one, line in zip(wrong, lines, strict=False):
        assert line.startswith(f"{one.name}: ")
        assert f"; in truth {one.truth}; heat for " in line
        assert ("decided as dog" in line) == (": cat (" in line)
    assert page.count("In truth <strong>") == len(wrong)
    assert page.count("decided as <strong>dog") == sum(": cat (" in line for line in lines)


@pytest.mark.parametrize(
    ("size", "shown"),
    [((20, 20), (256, 256)), ((64, 32), (512, 256)), ((300, 400), (300, 400)), ((4000, 3000), (683, 512)),
     ((10, 1000), (20, 2048))],
)  # fmt: skip
def test_heat_lies_over_a_photograph_that_can_be_seen(tmp_path, size, shown):
    Image.new("RGB", size).save(tmp_path / "p.png")
    assert photograph(tmp_path / "p.png").shape == (*shown[::-1], 3)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"refit_of": "abc"}, r"has learnt from every image.*after it, or explain the run that was measured"),
        (
            {"members": ["fold-1", "fold-2"]},
            r"has learnt from every image.*one of its models, such as .*fold-1",
        ),
    ],
)
def test_a_run_without_a_test_wants_images_to_be_named(tmp_path, entries, words):
    run = write_run(tmp_path)
    run.note(**entries)
    with pytest.raises(UsageError, match=words):
        most_wrong(run)


def test_a_test_fold_without_answers_is_not_called_right(tmp_path):
    run = write_run(tmp_path)
    rows = read_split(run.path("split.csv")).rows
    for fold in ("val", "test"):
        of_fold = [row for row in rows if row.fold == fold]
        answers = [(*row, row.label, row.label == "cat", row.label == "dog") for row in of_fold]
        header = [*rows[0]._fields, "predicted", "prob_cat", "prob_dog"]
        write_csv(
            run.path("predictions.csv"), header, [[*one[:-2], *map(float, one[-2:])] for one in answers]
        )
        run.record("predictions.csv")
        if fold == "val":
            with pytest.raises(UsageError, match=r"no answers to images of its test fold\. Name the images"):
                most_wrong(run)
    assert most_wrong(run) == []  # all are right


def test_the_name_of_a_picture_is_one_that_a_file_can_have():
    assert picture_name("a/photo.jpg", "layer1.0").startswith("photo-")
    long = [f"{'名' * 83}{n}.png" for n in (1, 2)]
    odd = [os.fsdecode(f"b{'x' * n}\xff.png".encode("latin-1")) for n in (0, 1)]
    names = [picture_name(name, "layer1.0") for name in (*long, *odd)]
    assert len(set(names)) == 4
    assert all(len(name.encode()) < 150 for name in names)
    assert names[2].startswith("b-")


def test_names_that_are_long_or_no_utf_8_are_explained(run, tmp_path):
    names = ["x" * 251 + ".png", os.fsdecode(b"a\xff.png")]
    for name in names:
        shutil.copy(pets(run, 1)[0], tmp_path / name)
    files = [str(tmp_path / name) for name in names]
    assert main(["explain", str(run.folder), *files, "--out", str(tmp_path / "out")]) == 0
    listing = json.loads((tmp_path / "out/heatmaps.json").read_text())
    assert [Path(name).name for name in listing] == [names[0], "a\\udcff.png"]
    assert all((tmp_path / "out" / name).is_file() for name in listing.values())
    assert "a\\udcff.png" in (tmp_path / "out/explain.html").read_text()


@pytest.mark.parametrize(("resize", "left"), [("squash", True), ("crop", False), ("pad", True)])
def test_heat_lies_where_the_network_looked(resize, left):
    image = np.zeros((100, 200, 3), np.uint8)
    drawn = overlay(image, np.ones((4, 4)), resize)
    assert drawn.shape == image.shape
    assert drawn[50, 100].sum() > 400
    assert (drawn[50, 5].sum() > 400) == left
    low = overlay(image, np.repeat([[1.0], [0], [0], [0]], 4, axis=1), resize)
    assert (low[5, 100].sum() > 100) == (resize != "pad")  # the hot quarter lies above the photograph


def test_heat_on_the_border_is_cautioned(run, monkeypatch):
    frame = np.ones((1, 10, 10))
    monkeypatch.setattr("groupwise.explain.explain.heat_maps", lambda *_, **__: frame)
    (found,) = explained(run)
    assert found.warning is None  # even heat is no reason
    frame[:, 2:8, 2:8] = 0
    (found,) = explained(run)
    assert "of the heat lies on the border" in found.warning


def test_a_coarse_map_says_nothing_of_the_border(run, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("groupwise.explain.explain.heat_maps", lambda *_, **__: np.ones((1, 3, 3)))
    (file,) = pets(run, 1)
    (found,) = explained(run)
    assert found.border is None
    assert main(["explain", str(run.folder), str(file), "--out", str(tmp_path)]) == 0
    page = (tmp_path / "explain.html").read_text()
    assert "on the border" not in page
    for told in (page, capsys.readouterr().out):
        assert "only 3x3 cells: the map is too coarse to say where, an earlier --stage has more" in told
    monkeypatch.setattr("groupwise.explain.explain.heat_maps", lambda *_, **__: np.ones((1, 4, 4)))
    (found,) = explained(run)
    assert (found.border, found.warning) == (pytest.approx(0.36), None)
