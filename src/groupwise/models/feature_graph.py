"""Frozen features of any ONNX file: its graph cut behind what its own head classifies.

What comes out has one input, `images` (N, C, S, S), normalised, for any N, and two outputs: `features` (N, D)
and `maps` (N, D, h, w), of which the features are the mean where the file says so, and else (N, D, 1, 1).
A file that takes grey pictures is given the grey of three colours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groupwise.errors import GroupwiseError, UsageError, did_you_mean, first_line
from groupwise.models.onnx_files import onnx_packages, open_session, opset_of

IMAGES, FEATURES, MAPS = "images", "features", "maps"
PREFIX = "backbone/"
FLOAT = 1  # TensorProto.FLOAT
OLDEST_OPSET = 11
TOLERANCE = 1e-3  # relative, between an image alone and among others
NAMES_SHOWN = 8
COLOUR_COUNTS = (1, 3, 4)
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue in grey, as Pillow has it


@dataclass(frozen=True, eq=False)
class FeatureGraph:
    """A cut graph as bytes, and what its input and its output look like; `side_px` is None where it is free.

    `told` says which tensor became the features.
    """

    model: bytes
    channels: int
    side_px: int | None
    num_features: int
    told: str


def read_onnx(file: Path) -> Any:
    """An ONNX model with weights that may lie beside it; raises `GroupwiseError` where it is none."""
    onnx, _ = onnx_packages(file)
    if not file.is_file():
        raise UsageError(
            "no such file",
            place=file,
            remedy="Give --features an ONNX file, a bundle, or the folder of a run.",
        )
    try:
        model = onnx.load(file)
    except Exception as error:  # protobuf, onnx and the file system each have their own
        raise _damaged(file, first_line(error)[:120]) from None
    if not model.graph.node:  # what an empty file is read as
        raise _damaged(file, "nothing is computed in it")
    return model


def cut_features(model: Any, file: Path, *, output: str | None, side_px: int) -> FeatureGraph:
    """The graph of `model` up to its features; `output` names their tensor where it is not the usual one.

    The usual one is an output called `features`, or the input of the linear layer that gives the only output,
    or that output. It is run once, on images of `side_px` where the file leaves that free. Raises
    `GroupwiseError` for a graph that has no features of images, or not for any number of them.
    """
    onnx, _ = onnx_packages(file)
    opset = opset_of(model)
    if opset < OLDEST_OPSET:
        raise _unsuited(file, f"is of opset {opset}, and at least {OLDEST_OPSET} is read")
    shown = _images_of(model.graph, file)
    channels, side = _side(shown, file)
    seen = len(LUMA) if channels == 1 else channels
    model = onnx.compose.add_prefix(onnx.shape_inference.infer_shapes(model), PREFIX)
    name, told = _features_of(model.graph, file, output)
    maps = _maps_behind(model.graph, name)
    cut = _extract(model, shown.name, name, maps, file)
    features = _try(cut, seen, side or side_px, file)
    return FeatureGraph(cut, seen, side, features, told)


def _images_of(graph: Any, file: Path) -> Any:
    """The one input that is no weight, if it is a batch of float images with channels first."""
    weights = {one.name for one in graph.initializer}
    inputs = [one for one in graph.input if one.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(one.name for one in inputs)
        raise _unsuited(file, f"has {len(inputs)} inputs ({names}), and pictures are one")
    kind = inputs[0].type.tensor_type
    if kind.elem_type != FLOAT or len(kind.shape.dim) != 4:
        raise _unsuited(file, "does not take float32 images (N, C, S, S)")
    return inputs[0]


def _side(images: Any, file: Path) -> tuple[int, int | None]:
    """Channels, and the side of the square, None where it is free."""
    _, channels, height, width = (dim.dim_value for dim in images.type.tensor_type.shape.dim)
    if channels == height and width in COLOUR_COUNTS:
        raise _unsuited(file, f"takes images with their {width} channels last")
    if not channels:
        raise _unsuited(file, "takes images of any number of channels, where colours are 3, channels first")
    if height != width:
        raise _unsuited(file, f"takes images of {width} x {height}, which are no squares")
    return channels, height or None


def _features_of(graph: Any, file: Path, output: str | None) -> tuple[str, str]:
    """The name of the features' tensor in the prefixed graph, and what to say of it."""
    made_by = {name: node for node in graph.node for name in node.output if name}
    outputs = [one.name for one in graph.output]
    if output is not None:
        if f"{PREFIX}{output}" not in made_by:
            names = [name.removeprefix(PREFIX) for name in made_by]
            raise UsageError(
                f"{file} has no tensor {output!r}{did_you_mean(output, names)}",
                place="--output",
                remedy=f"Its last ones are {', '.join(names[-NAMES_SHOWN:])}.",
            )
        return f"{PREFIX}{output}", f"the tensor {output!r}"
    if f"{PREFIX}{FEATURES}" in outputs:
        return f"{PREFIX}{FEATURES}", f"its output {FEATURES!r}"
    if len(outputs) > 1:
        each = ", ".join(name.removeprefix(PREFIX) for name in outputs)
        raise UsageError(f"{file} has {len(outputs)} outputs", place="--output", remedy=f"Say which: {each}.")
    weights = {one.name for one in graph.initializer}
    before = _input_of_linear(made_by, outputs[0], weights)
    if before is not None:
        return before, "what its last linear layer classifies"
    return outputs[0], f"its output {outputs[0].removeprefix(PREFIX)!r}"


def _input_of_linear(made_by: Mapping[str, Any], name: str, weights: set[str]) -> str | None:
    """What the linear layer takes that gives a tensor, perhaps by way of a softmax; None without one."""
    node = made_by.get(name)
    while node is not None and node.op_type in ("Softmax", "LogSoftmax", "Sigmoid", "Identity"):
        node = made_by.get(node.input[0])
    if node is not None and node.op_type == "Add":  # MatMul, and the bias apart
        node = next((made_by[one] for one in node.input if one in made_by), None)
        if node is None or node.op_type != "MatMul":
            return None
    if node is None or node.op_type not in ("Gemm", "MatMul"):
        return None
    fixed = node.input[1] in weights or made_by.get(node.input[1]) is not None
    taken: str = node.input[0]
    return taken if fixed and taken in made_by else None


def _maps_behind(graph: Any, name: str) -> str | None:
    """The maps whose mean over places is the tensor `name`; itself where it is maps; None where unknown."""
    made_by = {one: node for node in graph.node for one in node.output if one}
    if _rank(graph, name) == 4:
        return name
    node = made_by.get(name)
    while node is not None and node.op_type in ("Flatten", "Reshape", "Squeeze", "Identity", "Dropout"):
        node = made_by.get(node.input[0])
    if node is None or node.op_type not in ("GlobalAveragePool", "ReduceMean"):
        return None
    maps: str = node.input[0]
    return maps if _rank(graph, maps) == 4 and _width(graph, maps) == _width(graph, name) else None


def _shape(graph: Any, name: str) -> list[int] | None:
    known = [one for one in (*graph.value_info, *graph.output, *graph.input) if one.name == name]
    if not known or not known[0].type.tensor_type.HasField("shape"):
        return None
    return [dim.dim_value for dim in known[0].type.tensor_type.shape.dim]


def _rank(graph: Any, name: str) -> int | None:
    shape = _shape(graph, name)
    return None if shape is None else len(shape)


def _width(graph: Any, name: str) -> int | None:
    shape = _shape(graph, name)
    return shape[1] if shape is not None and len(shape) > 1 else None


def _extract(model: Any, images: str, name: str, maps: str | None, file: Path) -> bytes:
    """The part of the graph between its images and the features, with the names and shapes of ours."""
    onnx, _ = onnx_packages(file)
    helper, graph = onnx.helper, model.graph
    needed, wanted = [], {name, *([maps] if maps else [])}
    for node in reversed(graph.node):  # which ONNX keeps in the order of their work
        if wanted & set(node.output):
            needed.append(node)
            wanted |= set(_taken(node))
    before = next(one for one in graph.input if one.name == f"{PREFIX}{images}")
    _, *shape = (dim.dim_value or dim.dim_param or None for dim in before.type.tensor_type.shape.dim)
    constants = [one for one in graph.initializer if one.name in wanted]
    if shape[0] == 1:  # grey: pictures come as three colours, a grey one with three alike
        shape[0] = len(LUMA)
        constants.append(onnx.numpy_helper.from_array(LUMA.reshape(1, -1, 1, 1), "luma"))
        nodes = [helper.make_node("Conv", [IMAGES, "luma"], [before.name])]
    else:
        nodes = [helper.make_node("Identity", [IMAGES], [before.name])]
    nodes += reversed(needed)
    if maps == name:
        nodes += [
            helper.make_node("GlobalAveragePool", [name], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], [FEATURES], axis=1),
        ]
    else:
        nodes.append(helper.make_node("Identity", [name], [FEATURES]))
    if maps is None:
        constants.append(onnx.numpy_helper.from_array(np.array([0, -1, 1, 1], np.int64), "cell"))
        nodes.append(helper.make_node("Reshape", [FEATURES, "cell"], [MAPS]))
    else:
        nodes.append(helper.make_node("Identity", [maps], [MAPS]))
    cut = helper.make_graph(
        nodes,
        "features",
        [helper.make_tensor_value_info(IMAGES, FLOAT, ["batch", *shape])],
        [
            helper.make_tensor_value_info(FEATURES, FLOAT, ["batch", None]),
            helper.make_tensor_value_info(MAPS, FLOAT, ["batch", None, None, None]),
        ],
        constants,
    )
    whole = helper.make_model(
        cut, opset_imports=model.opset_import, ir_version=model.ir_version, functions=model.functions
    )
    content: bytes = whole.SerializeToString()
    return content


def _taken(node: Any) -> Sequence[str]:
    """What a node takes, and what the branches within it take from around them."""
    inner = [one.g for one in node.attribute if one.HasField("g")]
    return [*node.input, *(name for graph in inner for part in graph.node for name in _taken(part))]


def _try(model: bytes, channels: int, side_px: int, file: Path) -> int:
    """The number of features, by running the graph on one image and on three."""
    try:
        images = np.random.default_rng(0).normal(size=(3, channels, side_px, side_px)).astype(np.float32)
        session = open_session(model, file)
        alone, together = (
            session.run([FEATURES, MAPS], {IMAGES: images[:count]})[0] for count in (1, len(images))
        )
    except GroupwiseError:
        raise
    except Exception as error:  # of the runtime, which has no class of its own for it
        said = f"does not answer any number of images of {side_px} px ({first_line(error)[:160]})"
        raise _unsuited(file, said) from None
    _check(alone, together, file)
    return int(alone.shape[1])


def _check(alone: npt.NDArray[Any], together: npt.NDArray[Any], file: Path) -> None:
    if alone.ndim != 2 or together.shape != (3, alone.shape[1]):
        raise _unsuited(file, f"gives {alone.shape} for an image, where features are (1, D)")
    if not np.isfinite(together).all():
        raise _unsuited(file, "gives features that are no numbers")
    scale = float(np.abs(together).max()) or 1.0
    if np.abs(alone[0] - together[0]).max() > TOLERANCE * scale:
        raise _unsuited(file, "answers an image alone otherwise than among others")
    if np.abs(together - together[0]).max() <= 1e-9 * scale:
        raise _unsuited(file, "gives the same features for every image")


def _damaged(file: Path, why: str) -> GroupwiseError:
    return GroupwiseError(
        f"is no whole ONNX file ({why})", place=file, remedy="Export it again, and copy all of its files."
    )


def _unsuited(file: Path, fact: str) -> GroupwiseError:
    return GroupwiseError(
        fact,
        place=file,
        remedy="Export it with one input of float32 images, channels first, and a free batch; --output names"
        " another tensor of it (docs/probe.md).",
    )
