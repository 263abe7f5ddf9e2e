import json

import numpy as np
import pytest

from groupwise.cli import main
from groupwise.data.cache import load_image
from groupwise.data.split import read_split
from groupwise.errors import UsageError
from groupwise.evaluation.decide import reference_rows
from groupwise.evaluation.decision_files import write_decision
from groupwise.evaluation.predict import load_run, predict_outputs
from groupwise.explanation.explain import explain_images, nearest_training_images
from run_case import PREPROCESSING, write_run


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


def test_groups_and_filters_are_drawn(run, tmp_path):
    (file,) = pets(run, 1)
    command = ["explain", str(run.folder), str(file), "--out", str(tmp_path), "--groups", "layer1.0"]
    assert main(command) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"filters.png", f"{file.stem}-layer1.0.png"}


def test_a_class_that_is_not_there_is_refused(run):
    with pytest.raises(UsageError, match=r"--class: no class 'cow'\. Choose one of cat, dog"):
        explain_images(run, load_run(run.folder), pets(run, 1), class_name="cow")


def test_heat_on_the_border_is_cautioned(run, monkeypatch):
    frame = np.ones((1, 10, 10))
    monkeypatch.setattr("groupwise.explanation.explain.heat_maps", lambda *_, **__: frame)
    (found,) = explain_images(run, load_run(run.folder), pets(run, 1))
    assert found.caution is None  # even heat is no reason
    frame[:, 2:8, 2:8] = 0
    (found,) = explain_images(run, load_run(run.folder), pets(run, 1))
    assert "of the heat lies on the border" in found.caution


def test_a_coarse_map_says_nothing_of_the_border(run, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("groupwise.explanation.explain.heat_maps", lambda *_, **__: np.ones((1, 3, 3)))
    (file,) = pets(run, 1)
    (found,) = explain_images(run, load_run(run.folder), [file])
    assert found.border is None
    assert main(["explain", str(run.folder), str(file), "--out", str(tmp_path)]) == 0
    page = (tmp_path / "explain.html").read_text()
    assert "on the border" not in page
    for told in (page, capsys.readouterr().out):
        assert "only 3x3 cells: the map is too coarse to say where, an earlier --stage has more" in told
    monkeypatch.setattr("groupwise.explanation.explain.heat_maps", lambda *_, **__: np.ones((1, 4, 4)))
    (found,) = explain_images(run, load_run(run.folder), [file])
    assert (found.border, found.caution) == (pytest.approx(0.36), None)
