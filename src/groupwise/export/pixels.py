"""Preprocessing as a graph of ONNX: a picture of any size, uint8 (H, W, C), to a network's input or answer.

Decoding stays outside: the picture is upright, sRGB and opaque, of chosen channels and of levels from 0 to
255; the metadata name what decides those, see `LEFT`. Scaling is two products with the weights of Pillow's
filters, in whole levels after each as there, so no level differs by more than 1, or by 2 where a picture is
enlarged. `Resize` with `antialias` would be the operator for it, but OpenVINO and OpenCV pass over the
attribute in silence, and it can neither begin at half a pixel nor read beyond its square, as a crop does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.data.decode import Preprocessing
from groupwise.data.levels import say_value
from groupwise.data.pixel_reading import Range
from groupwise.errors import UsageError, first_line
from groupwise.export.onnx import OPSET
from groupwise.export.resampling import DOUBLE, Axis, Graph
from groupwise.inference.bundle import MODEL
from groupwise.models.onnx_files import open_session, opset_of

PICTURE, IMAGES, PROBABILITIES = "picture", "images", "probabilities"
OLDEST_OPSET = 15  # of these nodes: `Shape` with an end
IR = 10
# What decides the levels of a picture before it is one of 8 bits: keys of the metadata, with values of JSON.
LEFT = ("integer_range", "float_range", "channel_ranges", "channels")


def with_preprocessing(
    model: bytes, preprocessing: Preprocessing, temperature: float, *, several: bool = False
) -> bytes:
    """The model of ONNX with its preprocessing before it and `probabilities` (1, K) as its first output.

    Its input is one `picture`, uint8 (H, W, C). A model of older operators, such as a probe's features may
    be of, gets those of `OPSET`; raises `UsageError` where it cannot have them.
    """
    import onnx
    from onnx import TensorProto, helper

    network = onnx.load_model_from_string(model)
    if opset_of(network) < OLDEST_OPSET:
        network = _renewed(network)
    graph = Graph()
    _prepare(graph, preprocessing)
    temperatures = graph.constant("temperature", np.float32(temperature))
    after = Graph()
    after.add("Div", ["logits", temperatures], "pixels.calibrated")
    if several:
        after.add("Sigmoid", ["pixels.calibrated"], PROBABILITIES)
    else:
        after.add("Softmax", ["pixels.calibrated"], PROBABILITIES, axis=1)
    classes = next(output for output in network.graph.output if output.name == "logits").type.tensor_type
    outputs = [
        helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, [1, classes.shape.dim[1].dim_value])
    ]
    merged = helper.make_graph(
        [*graph.nodes, *network.graph.node, *after.nodes],
        network.graph.name,
        [_picture(preprocessing)],
        [*outputs, *network.graph.output],
        [*graph.constants, *network.graph.initializer],
    )
    network.graph.CopyFrom(merged)
    for name in LEFT:
        if value := getattr(preprocessing, name):
            network.metadata_props.add(key=name, value=json.dumps(value))
    return bytes(network.SerializeToString())


def left_to_clients(preprocessing: Preprocessing) -> list[str]:
    """What a client has to do before `picture`, beside decoding, for a run on other pictures than of 8 bits.

    Its decoder brings samples of more than 8 bits to levels by all that the file could hold, without a word.
    """
    said = []
    for rule, samples in (
        (preprocessing.integer_range, "more than 8 bits"),
        (preprocessing.float_range, "floating-point values"),
    ):
        if rule is not None:
            said.append(f"Of pictures of {samples} the client has to map {_span(rule)} to 0..255")
    if preprocessing.channels:
        said.append(f"The client has to choose the channels {', '.join(map(str, preprocessing.channels))}")
    if preprocessing.channel_ranges is not None:
        ranges = ", ".join(map(_span, preprocessing.channel_ranges))
        said.append(
            f"Where they have more than 8 bits it has to map {ranges}, one after the other, to 0..255"
        )
    return [f"{one} before `{PICTURE}`; the metadata of {MODEL} say so too." for one in said]


def _span(rule: Range) -> str:
    return "..".join(map(say_value, rule))


def _renewed(network: Any) -> Any:
    """A model of ONNX with the operators of `OPSET`."""
    from onnx.version_converter import convert_version

    try:
        network.ir_version = IR  # in those below 4 each constant has to be an input
        renewed = convert_version(network, OPSET)
        open_session(renewed.SerializeToString(), Path(MODEL))  # converting may leave a part out
    except Exception as error:  # the converter and the session have their own kinds
        raise UsageError(
            f"needs operators of opset {OLDEST_OPSET}, and the model, of opset {opset_of(network)}, cannot be"
            f" converted ({first_line(error)})",
            place="--with-preprocessing",
            remedy=f"Leave it out, or export the features anew in opset {OPSET} and fit the probe on those.",
        ) from None
    return renewed


def preprocessing_model(preprocessing: Preprocessing, opset: int) -> bytes:
    """The preprocessing alone: `picture`, uint8 (H, W, C), to the network's `images`, (1, C, S, S)."""
    from onnx import TensorProto, helper

    graph = Graph()
    _prepare(graph, preprocessing)
    size = preprocessing.image_size_px
    shape = [1, preprocessing.input_channels, size, size]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "preprocessing",
            [_picture(preprocessing)],
            [helper.make_tensor_value_info(IMAGES, TensorProto.FLOAT, shape)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=IR,
    )
    return bytes(model.SerializeToString())


def _picture(preprocessing: Preprocessing) -> Any:
    from onnx import TensorProto, helper

    shape: list[str | int] = ["height", "width", preprocessing.input_channels]
    return helper.make_tensor_value_info(PICTURE, TensorProto.UINT8, shape)


def _prepare(graph: Graph, preprocessing: Preprocessing) -> None:
    """Nodes from `picture` to `images`."""
    planes = graph.add("Transpose", [PICTURE], "pixels.planes", perm=[2, 0, 1])
    sides = graph.add(
        "Cast", [graph.add("Shape", [PICTURE], "pixels.shape", end=2)], "pixels.sides", to=DOUBLE
    )
    rows, columns = (
        Axis.of(graph, preprocessing, name, sides, number) for number, name in enumerate(("rows", "columns"))
    )
    narrow = _whole(graph, columns.scale_last(planes))
    levels = _whole(graph, graph.add("MatMul", [rows.weights, narrow], "pixels.small"))
    if preprocessing.resize == "pad":
        inside = graph.add(
            "And",
            [
                rows.inside,
                graph.add("Reshape", [columns.inside, graph.constant("line", [1, -1])], "pixels.line"),
            ],
            "pixels.inside",
        )
        colour = np.array([round(255 * mean) for mean in preprocessing.mean], np.float32)
        around = graph.constant("colour", colour.reshape(-1, 1, 1))
        levels = graph.add("Where", [inside, levels, around], "pixels.padded")
    scale, shift = (
        graph.constant(name, getattr(preprocessing, name).reshape(-1, 1, 1)) for name in ("scale", "shift")
    )
    shifted = graph.add("Add", [graph.add("Mul", [levels, scale], "pixels.scaled"), shift], "pixels.shifted")
    graph.add("Unsqueeze", [shifted, graph.constant("first", [0])], IMAGES)


def _whole(graph: Graph, levels: str) -> str:
    """Levels rounded to whole numbers from 0 to 255, halves up, as Pillow rounds."""
    low, high, half = (graph.constant(f"{levels}.{name}", np.float32(name)) for name in ("0", "255", "0.5"))
    floor = graph.add("Floor", [graph.add("Add", [levels, half], f"{levels}.raised")], f"{levels}.floor")
    return graph.add("Clip", [floor, low, high], f"{levels}.whole")
