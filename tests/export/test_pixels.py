import json

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from groupwise.cli.main import main
from groupwise.data.decode import Preprocessing
from groupwise.errors import GroupwiseError, UsageError
from groupwise.export import pixels_parity
from groupwise.export.bundle import Terms
from groupwise.export.onnx import OPSET
from groupwise.export.pixels import left_to_clients, preprocessing_model, with_preprocessing
from groupwise.export.pixels_parity import largest_level
from groupwise.export.probe import probe_model
from groupwise.export.targets import export_run
from groupwise.files import read_json
from groupwise.inference.predictor import load_run
from groupwise.models.feature_graph import cut_features, read_onnx
from groupwise.models.onnx_files import open_session, opset_of
from groupwise.models.probe import Probe
from onnx_case import write_backbone

SIZES = [(64, 64), (100, 100), (300, 401), (401, 300), (97, 500), (65, 64)]
ENLARGED = [(30, 50), (1000, 3), (1, 1), (64, 20)]


def picture(height, width, channels=3):
    """Patches of many sizes with noise, as hard for a filter as photographs are."""
    random = np.random.default_rng(height * width)
    patches = random.integers(0, 256, (9, 9, channels), np.uint8)
    smooth = np.dstack([Image.fromarray(patches[..., i]).resize((width, height)) for i in range(channels)])
    return (smooth // 2 + random.integers(0, 128, (height, width, channels), np.uint8)).astype(np.uint8)


def session(preprocessing):
    return onnxruntime.InferenceSession(preprocessing_model(preprocessing, OPSET))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_the_graph_prepares_as_pillow_does(resize, interpolation):
    preprocessing = Preprocessing(64, resize, interpolation)
    graph = session(preprocessing)
    for size in SIZES + ENLARGED:
        shown = picture(*size)
        (found,) = graph.run(["images"], {"picture": shown})
        level = largest_level(found[0], preprocessing.resize_image(shown), preprocessing)
        assert level <= (1 if size in SIZES else 2), (size, level)


@pytest.mark.parametrize("size", [(150, 90), (300, 60), (90, 150)])
@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_the_graph_prepares_sharp_strokes_alike(resize, size):
    """Bicubic overshoots there and is clipped, so the order of the sides has to be the same."""
    preprocessing = Preprocessing(64, resize, "bicubic")
    strokes = np.random.default_rng(0).integers(0, 2, (*size, 3), np.uint8) * 255
    (found,) = session(preprocessing).run(["images"], {"picture": strokes})
    assert largest_level(found[0], preprocessing.resize_image(strokes), preprocessing) <= 2


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_opencv_computes_the_graph_alike(resize):
    """Which it does not for `Resize` with `antialias`: findings/openvino_opencv_resize_antialias.sh."""
    preprocessing, shown = Preprocessing(32, resize), picture(90, 131)
    network = cv2.dnn.readNetFromONNX(np.frombuffer(preprocessing_model(preprocessing, OPSET), np.uint8))
    network.setInput(shown, "picture")
    found = np.asarray(network.forward("images")).reshape(3, 32, 32)
    assert largest_level(found, preprocessing.resize_image(shown), preprocessing) <= 1


def test_a_filter_without_antialias_would_be_found():
    """The near miss: what OpenCV's INTER_LINEAR does to the same picture is far more than a level away."""
    preprocessing, shown = Preprocessing(64), picture(300, 401)
    other = cv2.resize(shown, (64, 64), interpolation=cv2.INTER_LINEAR)
    assert (
        largest_level(
            preprocessing.normalise(other[None])[0], preprocessing.resize_image(shown), preprocessing
        )
        > 20
    )


def test_pictures_of_other_channels_are_prepared_too():
    preprocessing = Preprocessing(32, "pad", mean=(0.1, 0.2, 0.3, 0.9), std=(0.5,) * 4, channels=(1, 2, 3, 4))
    shown = picture(50, 90, 4)
    (found,) = session(preprocessing).run(["images"], {"picture": shown})
    assert largest_level(found[0], preprocessing.resize_image(shown), preprocessing) <= 1


def test_the_model_takes_a_picture_and_gives_calibrated_probabilities(run, tmp_path):
    folder, _ = export_run(run.folder, "onnx", tmp_path / "out", terms=Terms(with_preprocessing=True))
    model = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [output.name for output in model.graph.output] == ["probabilities", "logits", "features", "maps"]
    graph, predictor = onnxruntime.InferenceSession(folder / "model.onnx"), load_run(run.folder)
    files = sorted((run.folder.parent / "pets").glob("*/*.png"))[:4]
    for file, answer in zip(files, predictor.predict(files), strict=True):
        with Image.open(file) as image:
            shown = np.asarray(image.convert("RGB"))
        (probs,) = graph.run(["probabilities"], {"picture": shown})
        np.testing.assert_allclose(probs[0], list(answer.answer.probabilities.values()), atol=2e-3)
    assert (folder / "classes.txt").read_text() == "cat\ndog\n"
    proof = read_json(folder / "parity.json")["pixels"]
    assert (proof["pictures"], proof["largest_level_difference"] <= 1) == (8, True)


def test_a_graph_that_prepares_otherwise_is_not_written(run, tmp_path, monkeypatch):
    def other(preprocessing, opset):
        return preprocessing_model(Preprocessing(preprocessing.image_size_px, "crop", "bicubic"), opset)

    monkeypatch.setattr(pixels_parity, "preprocessing_model", other)
    with pytest.raises(GroupwiseError, match=r"the file prepares it otherwise, by \d+ grey levels"):
        export_run(run.folder, "onnx", tmp_path / "out", terms=Terms(with_preprocessing=True))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("opset", [11, 14, 15, 17])
def test_a_probe_of_older_operators_takes_a_picture_too(opset, tmp_path):
    file = write_backbone(tmp_path / "small.onnx", opset=opset)
    graph = cut_features(read_onnx(file), file, output=None, side_px=24)
    preprocessing, shown = Preprocessing(24), picture(50, 90)
    model = probe_model(Probe(graph.model, graph.num_features, 2, graph.channels))
    whole = with_preprocessing(model, preprocessing, 1.0)
    assert opset_of(onnx.load_from_string(whole)) == (opset if opset >= 15 else OPSET)
    inputs = preprocessing.normalise(preprocessing.resize_image(shown)[None])
    (expected,) = open_session(model, file).run(["logits"], {"images": inputs})
    (found,) = open_session(whole, file).run(["logits"], {"picture": shown})
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, ()),
        ({"trust_declared": False}, ()),
        (
            {"integer_range": (0.0, 4095.0)},
            ("Of pictures of more than 8 bits the client has to map 0..4095 to 0..255",),
        ),
        (
            {"float_range": (-0.5, 1.0)},
            ("Of pictures of floating-point values the client has to map -0.5..1 to",),
        ),
        (
            {"channels": ("red", 2), "channel_ranges": ((0.0, 511.0), (0.0, 4095.0))},
            (
                "The client has to choose the channels red, 2 before `picture`;",
                "Where they have more than 8 bits it has to map 0..511, 0..4095, one after the other, to",
            ),
        ),
    ],
)
def test_what_a_run_on_other_pictures_leaves_to_clients_is_said_and_in_the_file(fields, said, tmp_path):
    file = write_backbone(tmp_path / "small.onnx", opset=17)
    preprocessing = Preprocessing(24, **fields)
    told = left_to_clients(preprocessing)
    assert [line.startswith(start) for line, start in zip(told, said, strict=True)] == [True] * len(said)
    graph = cut_features(read_onnx(file), file, output=None, side_px=24)
    whole = with_preprocessing(
        probe_model(Probe(graph.model, graph.num_features, 2, graph.channels)), preprocessing, 1.0
    )
    held = {one.key: json.loads(one.value) for one in onnx.load_from_string(whole).metadata_props}
    expected = {name: value for name, value in fields.items() if value}
    assert held == json.loads(json.dumps(expected))


def test_operators_that_cannot_be_renewed_are_refused():
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node("Upsample", ["images"], ["logits"], domain="elsewhere")],
            "small",
            [onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["N", 3, 24, 24])],
            [onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["N", 2])],
        ),
        opset_imports=[onnx.helper.make_opsetid("", 12), onnx.helper.make_opsetid("elsewhere", 1)],
    )
    with pytest.raises(UsageError, match=r"of opset 12, cannot be converted .*fit the probe on those"):
        with_preprocessing(model.SerializeToString(), Preprocessing(24), 1.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--to", "bundle", "--with-preprocessing"], "goes into the file of --to onnx"),
        (["--to", "onnx", "--with-pictures"], "goes into a bundle, and --to onnx writes none"),
        (
            ["--to", "timm", "--licence", "mit"],
            "--licence: goes into a bundle or a card, and --to timm writes",
        ),
        (
            ["--to", "bundle", "--max-drop", "0"],
            "--max-drop: bounds what --to int8 may lose, and --to bundle",
        ),
    ],
)
def test_an_option_of_another_form_is_refused(run, capsys, options, words):
    assert main(["export", str(run.folder), *options]) == 2
    assert words in capsys.readouterr().err
