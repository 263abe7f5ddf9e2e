"""A run on pictures of 4 or 13 channels, from the scan to the server, and what it refuses."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tifffile
import yaml
from fastapi.testclient import TestClient
from PIL import Image

from cli_case import run
from folder_case import tiny_options
from groupwise.cli.main import main
from groupwise.data.decode import decode
from groupwise.data.pixel_reading import Reading
from groupwise.data.scan import scan
from groupwise.errors import UsageError
from groupwise.files import read_json
from groupwise.inference.bundle import open_predictor
from groupwise.runs.files import read_metrics
from groupwise.serving.app import create_app

SIDE_PX = 24


def write_bands(file: Path, levels: np.ndarray, apart: bool = False) -> None:
    """A TIFF of many channels, pixel by pixel or plane by plane."""
    file.parent.mkdir(parents=True, exist_ok=True)
    planes = np.ascontiguousarray(levels.transpose(2, 0, 1)) if apart else levels
    layout = "separate" if apart else "contig"
    tifffile.imwrite(file, planes, photometric="minisblack", planarconfig=layout, metadata=None)


def make_set(root: Path, channels: int, dtype: type, n: int = 24) -> Path:
    """Dark and light in the last channel alone; the others are noise. Of 16 bits 9 or 12 are used."""
    rng = np.random.default_rng(channels)
    for i in range(n):
        light = i % 2
        values = rng.random((SIDE_PX, SIDE_PX, channels))
        values[..., -1] = 0.3 * values[..., -1] + 0.6 * light
        top = np.array([255 if dtype is np.uint8 else (511, 4095)[k % 2] for k in range(channels)])
        scaled = (values * top).astype(dtype)
        write_bands(root / ("dark", "light")[light] / f"{i:02}.tif", scaled, apart=i % 3 == 0)
    return root


def channel_options(count: int) -> list[str]:
    return ["--data.channels", str(list(range(1, count + 1)))]


class Banded(NamedTuple):
    """A run of so many channels, its data and its folder, which holds a bundle."""

    count: int
    data: Path
    folder: Path


@pytest.fixture(scope="module", params=[(4, np.uint8), (13, np.uint16)], ids=["4", "13"])
def banded(request, tmp_path_factory):
    count, dtype = request.param
    base = tmp_path_factory.mktemp(f"channels{count}")
    data = make_set(base / "data", count, dtype)
    options = [*channel_options(count), *tiny_options(), "--training.epochs", "12", "--augment.erase", "0.2"]
    assert main(["train", str(data), "--run", str(base / "run"), *options]) == 0
    assert main(["export", str(base / "run"), "--to", "bundle"]) == 0
    return Banded(count, data, base / "run")


def test_it_learns_from_the_channel_that_tells(banded):
    assert read_metrics(banded.folder / "metrics.json")["test"]["accuracy"]["value"] > 0.9
    config = read_json(banded.folder / "config.json")
    assert config["pretrained_cfg"]["input_size"][0] == banded.count
    assert len(config["pretrained_cfg"]["mean"]) == len(config["pretrained_cfg"]["std"]) == banded.count


def test_each_channel_has_its_own_range_and_statistics(banded):
    kept = yaml.safe_load((banded.folder / "recipe.yaml").read_text())["data"]
    assert kept["channel_count"] == banded.count
    deep = None if banded.count == 4 else [[0.0, (511.0, 4095.0)[k % 2]] for k in range(banded.count)]
    assert kept["channel_ranges"] == deep
    # All channels but the last are even noise from black to white: the mean and deviation of a uniform law,
    # resized to two thirds.
    np.testing.assert_allclose(kept["mean"][:-1], 0.5, atol=0.02)
    assert all(0.1 < std < 0.29 for std in kept["std"][:-1])


def test_answers_of_bundle_and_server_equal_torchs(banded):
    files = sorted(banded.data.glob("*/*.tif"))[::3]
    torch_, onnx = open_predictor(banded.folder), open_predictor(banded.folder / "export" / "bundle")
    expected = torch_.predict(files)
    for one, other in zip(expected, onnx.predict(files), strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
    with TestClient(create_app(onnx), base_url="http://127.0.0.1") as client:
        answer = client.post("/v1/predict", content=files[0].read_bytes()).json()
    assert answer["probabilities"] == pytest.approx(expected[0].probabilities, abs=1e-5)


def test_explain_and_robustness_take_all_channels(banded, capsys):
    file = next(banded.data.glob("light/*.tif"))
    status, _, _ = run(capsys, "explain", banded.folder, file)
    assert status == 0
    assert (banded.folder / "explain" / "explain.html").is_file()
    status, _, _ = run(capsys, "explain", banded.folder, file, "--groups", "layer1.0")
    assert status == 0
    status, _, _ = run(capsys, "robustness", banded.folder)
    assert status == 0


@pytest.mark.parametrize("other", [3, 5, 14])
def test_another_number_of_channels_is_refused_by_name(banded, tmp_path, capsys, other):
    write_bands(tmp_path / "other.tif", np.full((SIDE_PX, SIDE_PX, other), 90, np.uint8))
    for model in (banded.folder, banded.folder / "export" / "bundle"):
        status, out, err = run(capsys, "predict", model, tmp_path / "other.tif")
        assert status == 1
        assert f"it has {other} channels" in out + err
        assert f"the data set is of pictures of {banded.count}" in out + err


def test_colours_and_grey_are_refused_by_name(banded, capsys):
    with TestClient(
        create_app(open_predictor(banded.folder / "export" / "bundle")), base_url="http://127.0.0.1"
    ) as client:
        for mode in ("RGB", "L", "RGBA"):
            buffer = io.BytesIO()
            Image.new(mode, (SIDE_PX, SIDE_PX)).save(buffer, "PNG")
            answer = client.post("/v1/predict", content=buffer.getvalue())
            assert answer.status_code == 415
            assert "3 channels (red, green, blue)" in answer.text


def test_other_libraries_forms_are_refused(banded, capsys):
    status, out, err = run(capsys, "export", banded.folder, "--to", "torchvision")
    assert status == 2
    assert f"in_channels {banded.count} instead of 3" in out + err


def test_named_channels_of_a_stack_are_found_wherever_they_stand(tmp_path):
    planes = np.stack([np.full((SIDE_PX, SIDE_PX), level, np.uint8) for level in (10, 20, 30, 40, 50)])
    names = ["DAPI", "GFP", "RFP", "Cy5", "DIC"]
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, planes, ome=True, metadata={"axes": "CYX", "Channel": {"Name": names}})
    reading = Reading(channels=("Cy5", "DAPI", "DIC", "GFP"))
    decoded = decode(buffer.getvalue(), reading=reading)
    assert decoded.bands is not None
    assert decoded.bands[0, 0].tolist() == [40, 10, 50, 20]
    assert decoded.rgb[0, 0].tolist() == [40, 10, 50]  # for the eye


def test_colours_of_a_tiff_are_taken_in_the_order_that_is_asked(tmp_path):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.full((20, 20, 3), (10, 20, 30), np.uint8), photometric="rgb", metadata=None)
    assert decode(buffer.getvalue(), reading=Reading(channels=(3, 2, 1))).rgb[0, 0].tolist() == [30, 20, 10]


def test_the_opacity_of_a_tiff_is_a_channel_where_it_is_asked_for(tmp_path):
    buffer = io.BytesIO()
    values = np.full((20, 20, 4), (10, 20, 30, 40), np.uint8)
    tifffile.imwrite(buffer, values, photometric="rgb", extrasamples=["unassalpha"], metadata=None)
    decoded = decode(buffer.getvalue(), reading=Reading(channels=(1, 2, 3, 4)))
    assert decoded.bands is not None
    assert decoded.bands[0, 0].tolist() == [10, 20, 30, 40]


def test_pictures_that_differ_in_a_channel_that_no_eye_sees_are_no_copies(tmp_path):
    from groupwise.audit.measure import measure

    digests = []
    for last in (0, 90):
        values = np.full((20, 20, 4), 90, np.uint8)
        values[..., 3] = last
        write_bands(tmp_path / f"{last}.tif", values)
        digests.append(measure(tmp_path / f"{last}.tif", Reading(channels=(1, 2, 3, 4))).digest)
    assert digests[0] != digests[1]


def test_files_of_several_numbers_settle_none(tmp_path):
    for count in (4, 5):
        write_bands(tmp_path / "data/cat" / f"{count}.tif", np.full((20, 20, count), 90, np.uint8))
    reading = Reading(channels=(1, 2, 3, 4))
    assert scan(tmp_path / "data", reading=reading).reading.channel_count is None
    (tmp_path / "data/cat/5.tif").unlink()
    assert scan(tmp_path / "data", reading=reading).reading.channel_count == 4


@pytest.mark.parametrize("mean", [[0.5, 0.5], [0.5, 0.5, 0.5, 0.5, 0.5], [0.1, 0.2, 0.3]])
def test_means_that_do_not_fit_the_channels_are_refused(mean):
    from groupwise.data.decode import Preprocessing

    with pytest.raises(UsageError, match="Give 4 values from 0 to 1"):
        Preprocessing(channels=(1, 2, 3, 4), mean=tuple(mean), std=(0.2,) * len(mean))
