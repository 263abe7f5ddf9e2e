"""Preprocessing that ONNX files and the JSON beside them declare."""

import json
from dataclasses import asdict

import pytest

from groupwise.data.preprocessing import Preprocessing
from groupwise.errors import GroupwiseError
from groupwise.models.declared import declared_preprocessing

TIMM = {
    "input_size": [3, 160, 160],
    "interpolation": "bicubic",
    "crop_pct": 0.95,
    "crop_mode": "center",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
}
EXPECTED = {
    "image_size_px": 160,
    "resize": "crop",
    "interpolation": "bicubic",
    "mean": (0.5, 0.5, 0.5),
    "std": (0.25, 0.25, 0.25),
}


@pytest.mark.parametrize("name", ["config.json", "net.json"])
def test_timm_beside_the_file(name, tmp_path):
    (tmp_path / name).write_text(json.dumps({"architecture": "x", "pretrained_cfg": TIMM}))
    found = declared_preprocessing(tmp_path / "net.onnx", {})
    assert (found.fields, found.source) == (EXPECTED, name)
    assert "middle 0.95" in found.notes[0]


def test_the_files_own_metadata_come_first(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"pretrained_cfg": TIMM | {"input_size": [3, 99, 99]}}))
    found = declared_preprocessing(tmp_path / "net.onnx", {"pretrained_cfg": json.dumps(TIMM)})
    assert (found.fields, found.source) == (EXPECTED, "the metadata of net.onnx")


def test_transformers_and_bundles(tmp_path):
    held = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "size": {"shortest_edge": 160}, "resample": 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(held))
    found = declared_preprocessing(tmp_path / "net.onnx", {})
    assert found.fields == EXPECTED | {"resize": "squash"}
    whole = asdict(Preprocessing(image_size_px=48, resize="pad"))
    (tmp_path / "bundle.json").write_text(json.dumps({"preprocessing": whole}))
    assert declared_preprocessing(tmp_path / "model.onnx", {}).fields == whole


SQUARE = {"height": 224, "width": 224}
HALVES = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


@pytest.mark.parametrize(
    ("held", "fields", "notes"),
    [
        ({"size": SQUARE}, {"image_size_px": 224, "resize": "squash", "interpolation": "bilinear"}, []),
        ({"size": 224, "do_normalize": False}, {"mean": (0.0,) * 3, "std": (1.0,) * 3}, []),
        ({"size": 224, "do_normalize": True}, {"mean": (0.5,) * 3, "std": (0.5,) * 3}, []),
        ({"size": 224, "rescale_factor": 1 / 255}, {"mean": (0.5,) * 3, "std": (0.5,) * 3}, []),
        (  # levels up to 255, as EfficientNets take them
            {"size": 224, "do_rescale": False, "image_mean": [127.5] * 3, "image_std": [51] * 3},
            {"mean": (0.5,) * 3, "std": (0.2,) * 3},
            [],
        ),
        (  # from -1 to 1
            {"size": 224, "rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False},
            {"mean": (0.5,) * 3, "std": (0.5,) * 3},
            [],
        ),
        (
            {"size": {"shortest_edge": 256}, "crop_size": SQUARE, "do_center_crop": True},
            {"image_size_px": 224, "resize": "crop"},
            ["middle 0.875"],
        ),
        (
            {"size": {"shortest_edge": 224}, "crop_size": 224, "do_center_crop": True},
            {"image_size_px": 224, "resize": "crop"},
            [],
        ),
        (
            {"size": {"height": 384, "width": 384}, "crop_size": SQUARE, "do_center_crop": False},
            {"image_size_px": 384, "resize": "squash"},
            [],
        ),
        (
            {"size": {"shortest_edge": 224}, "crop_pct": 0.875},
            {"image_size_px": 224, "resize": "crop"},
            ["middle 0.875"],
        ),
        (
            {"size": {"shortest_edge": 384}, "crop_pct": 0.875},
            {"image_size_px": 384, "resize": "squash"},
            ["oblong pictures, which are made 384 x 384"],
        ),
        (
            {"size": {"height": 384, "width": 128}, "resample": 1},
            {"image_size_px": 128, "interpolation": "bicubic"},
            ["pictures of 128 x 384, which are made 128 x 128", "interpolation 'lanczos' is done as bicubic"],
        ),
    ],
)
def test_transformers_fields_are_read_as_they_are_meant(held, fields, notes, tmp_path):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(HALVES | held))
    found = declared_preprocessing(tmp_path / "net.onnx", {})
    assert fields.items() <= found.fields.items()
    assert len(found.notes) == len(notes)
    assert all(words in note for words, note in zip(notes, found.notes, strict=True))


def test_flipped_channels_are_refused(tmp_path):
    for flips in (False, True):
        held = {"do_flip_channel_order": flips, "size": SQUARE}
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(held))
        if not flips:
            assert declared_preprocessing(tmp_path / "net.onnx", {}).fields["image_size_px"] == 224
    with pytest.raises(GroupwiseError, match="a network of blue, green and red"):
        declared_preprocessing(tmp_path / "net.onnx", {})


def test_nothing_declared_is_none_and_other_json_is_not_meant(tmp_path):
    (tmp_path / "config.json").write_text('{"learning_rate": 1}')
    assert declared_preprocessing(tmp_path / "net.onnx", {"producer": "x"}) is None
    for other in ([1], {"pretrained_cfg": 3}, {"mean": None, "std": None}):
        (tmp_path / "config.json").write_text(json.dumps(other))
        assert declared_preprocessing(tmp_path / "net.onnx", {}) is None


def test_oblong_pictures_and_those_of_other_channels_are_said(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(TIMM | {"input_size": [5, 160, 320]}))
    found = declared_preprocessing(tmp_path / "net.onnx", {})
    assert "320 x 160, which are made 320 x 320" in found.notes[1]
    for n in (1, 5):
        (tmp_path / "config.json").write_text(json.dumps(TIMM | {"mean": [0.5] * n, "std": [0.25] * n}))
        assert declared_preprocessing(tmp_path / "net.onnx", {}).fields["mean"] == (0.5,) * max(3, n)


@pytest.mark.parametrize(
    "held",
    [
        TIMM | odd
        for odd in (
            {"mean": [123.7, 116.3, 103.5]},
            {"std": [0, 1, 1]},
            {"mean": 0.5},
            {"input_size": ["a"]},
            {"input_size": [3, 24.5, 24.5]},
            {"input_size": [3, 10**5, 10**5]},
            {"input_size": {"width": 24}},
            {"crop_pct": "0.9"},
            {"interpolation": ["bicubic"]},
            {"crop_mode": ["center"]},
            {"image_mean": [0.5] * 3, "resample": [3]},
        )
    ],
)
def test_values_that_cannot_be_meant_are_refused(held, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(held))
    with pytest.raises(GroupwiseError, match="cannot be meant"):
        declared_preprocessing(tmp_path / "net.onnx", {})
    with pytest.raises(GroupwiseError, match="cannot be meant"):
        declared_preprocessing(tmp_path / "net.onnx", {"pretrained_cfg": "{no json"})
