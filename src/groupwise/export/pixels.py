"""Preprocessing as a graph of ONNX: a picture of any size, uint8 (H, W, C), to a network's input or answer.

Decoding stays outside: the picture is upright, sRGB and opaque. Scaling is by `Resize` with `antialias`,
whose arithmetic on uint8 is Pillow's in ONNX Runtime: two passes in whole numbers, each rounded. No level
differs by more than 1, and by 2 where the picture is enlarged.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from groupwise.data.decode import Preprocessing

PICTURE, IMAGES, PROBABILITIES = "picture", "images", "probabilities"
PILLOW_CUBIC = -0.5  # the coefficient of its bicubic filter; that of ONNX is -0.75
FLOAT, INT64, DOUBLE = 1, 7, 11  # as ONNX numbers them
MODES = {"bilinear": "linear", "bicubic": "cubic"}


class _Graph:
    """Nodes and constants of a graph in the making; every method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(value), f"pixels.{name}"))
        return f"pixels.{name}"

    def add(self, operator: str, inputs: list[str], result: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [result], **attributes))
        return result


def with_preprocessing(model: bytes, preprocessing: Preprocessing, temperature: float) -> bytes:
    """The model of ONNX with its preprocessing before it and `probabilities` (1, K) as its first output.

    Its input is one `picture`, uint8 (H, W, C).
    """
    import onnx
    from onnx import TensorProto, helper

    network = onnx.load_model_from_string(model)
    graph = _Graph()
    _prepare(graph, preprocessing)
    temperatures = graph.constant("temperature", np.float32(temperature))
    after = _Graph()
    after.add("Div", ["logits", temperatures], "pixels.calibrated")
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
    return bytes(network.SerializeToString())


def preprocessing_model(preprocessing: Preprocessing, opset: int) -> bytes:
    """The preprocessing alone: `picture`, uint8 (H, W, C), to the network's `images`, (1, C, S, S)."""
    from onnx import TensorProto, helper

    graph = _Graph()
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
        ir_version=10,
    )
    return bytes(model.SerializeToString())


def _picture(preprocessing: Preprocessing) -> Any:
    from onnx import TensorProto, helper

    shape: list[str | int] = ["height", "width", preprocessing.input_channels]
    return helper.make_tensor_value_info(PICTURE, TensorProto.UINT8, shape)


def _prepare(graph: _Graph, preprocessing: Preprocessing) -> None:
    """Nodes from `picture` to `images`."""
    planes = graph.add("Transpose", [PICTURE], "pixels.planes", perm=[2, 0, 1])
    if preprocessing.resize == "crop":
        planes = _cut(graph, planes, preprocessing)
    batch = graph.add("Unsqueeze", [planes, graph.constant("first", np.array([0]))], "pixels.batch")
    if preprocessing.resize == "pad":
        batch = _pad(graph, batch, preprocessing)
    elif preprocessing.resize == "squash":
        size = preprocessing.image_size_px
        square = graph.constant("square", np.array([1, preprocessing.input_channels, size, size]))
        batch = _scale(graph, batch, square, preprocessing)
    scale, shift = (
        graph.constant(name, getattr(preprocessing, name).reshape(1, -1, 1, 1)) for name in ("scale", "shift")
    )
    graph.add("Add", [graph.add("Mul", [batch, scale], "pixels.scaled"), shift], IMAGES)


def _scale(graph: _Graph, batch: str, sizes: str, preprocessing: Preprocessing) -> str:
    """The planes in other sizes, antialiased as Pillow does it, as levels in float32."""
    scaled = graph.add(
        "Resize",
        [batch, "", "", sizes],
        "pixels.resized",
        mode=MODES[preprocessing.interpolation],
        antialias=1,
        exclude_outside=1,
        cubic_coeff_a=PILLOW_CUBIC,
        coordinate_transformation_mode="half_pixel",
    )
    return graph.add("Cast", [scaled], "pixels.resized_levels", to=FLOAT)


def _pad(graph: _Graph, batch: str, preprocessing: Preprocessing) -> str:
    """The picture with its long side scaled to the square's, in the middle of the mean colour, as levels."""
    size, channels = preprocessing.image_size_px, preprocessing.input_channels
    sides = graph.add(
        "Cast", [graph.add("Shape", [PICTURE], "pixels.shape", end=2)], "pixels.sides", to=DOUBLE
    )
    longest = graph.add("ReduceMax", [sides], "pixels.longest", keepdims=1)
    by_size = graph.add("Mul", [sides, graph.constant("size_f", np.float64(size))], "pixels.by_size")
    # Halves go to the even, as Python rounds them.
    whole = graph.add("Round", [graph.add("Div", [by_size, longest], "pixels.exact")], "pixels.whole")
    some = graph.add("Max", [whole, graph.constant("one", np.float64(1))], "pixels.some")
    inner = graph.add("Cast", [some], "pixels.inner", to=INT64)
    rest = graph.constant("rest", np.array([1, channels]))
    sizes = graph.add("Concat", [rest, inner], "pixels.sizes", axis=0)
    levels = _scale(graph, batch, sizes, preprocessing)
    free = graph.add("Sub", [graph.constant("size", np.array([size, size])), inner], "pixels.free")
    before = graph.add("Div", [free, graph.constant("two", np.array(2))], "pixels.before")
    behind = graph.add("Sub", [free, before], "pixels.behind")
    none = graph.constant("none", np.array([0, 0]))
    pads = graph.add("Concat", [none, before, none, behind], "pixels.pads", axis=0)
    colour = graph.constant(
        "colour",
        np.array([round(255 * mean) for mean in preprocessing.mean], np.float32).reshape(1, -1, 1, 1),
    )
    # Pad has one value for all channels, and around zero that is each one's colour.
    shifted = graph.add("Sub", [levels, colour], "pixels.shifted")
    padded = graph.add("Pad", [shifted, pads], "pixels.padded", mode="constant")
    return graph.add("Add", [padded, colour], "pixels.levels")


def _cut(graph: _Graph, planes: str, preprocessing: Preprocessing) -> str:
    """The middle square of (C, H, W) uint8, scaled to (C, S, S), as levels.

    Two products with the weights of Pillow's filter: its square begins at half a pixel in every second
    picture, and reads what lies beyond its edges, neither of which `Resize` can.
    """
    shape = graph.add(
        "Cast", [graph.add("Shape", [PICTURE], "pixels.shape", end=2)], "pixels.sides", to=DOUBLE
    )
    shortest = graph.add("ReduceMin", [shape], "pixels.shortest", keepdims=1)
    levels = graph.add("Cast", [planes], "pixels.all_levels", to=FLOAT)
    of_rows, of_columns = (
        _weights(
            graph,
            f"{name}.",
            graph.add("Gather", [shape, graph.constant(f"{name}.axis", np.array([axis]))], f"pixels.{name}"),
            shortest,
            preprocessing,
        )
        for axis, name in enumerate(("height", "width"))
    )
    turned = graph.add("Transpose", [of_columns], "pixels.of_columns", perm=[1, 0])
    narrow = _whole(graph, graph.add("MatMul", [levels, turned], "pixels.narrow"))
    return _whole(graph, graph.add("MatMul", [of_rows, narrow], "pixels.small"))


def _whole(graph: _Graph, levels: str) -> str:
    """Levels rounded to whole numbers from 0 to 255, halves up, as Pillow rounds."""
    low, high, half = (graph.constant(f"{levels}.{name}", np.float32(name)) for name in ("0", "255", "0.5"))
    floor = graph.add("Floor", [graph.add("Add", [levels, half], f"{levels}.raised")], f"{levels}.floor")
    return graph.add("Clip", [floor, low, high], f"{levels}.whole")


def _weights(graph: _Graph, name: str, length: str, side: str, preprocessing: Preprocessing) -> str:
    """The weight of each of `length` pixels in each of S, (S, length), of the middle `side` of them."""
    size = preprocessing.image_size_px

    def add(operator: str, inputs: list[str], result: str, **attributes: Any) -> str:
        return graph.add(operator, inputs, f"pixels.{name}{result}", **attributes)

    def constant(label: str, value: Any) -> str:
        return graph.constant(f"{name}{label}", np.float64(value))

    one, half = constant("one", 1), constant("half", 0.5)
    step = add("Div", [side, constant("size", size)], "step")
    left = add("Mul", [add("Sub", [length, side], "rest"), half], "left")
    numbers = graph.constant(f"{name}numbers", np.arange(size, dtype=np.float64).reshape(-1, 1) + 0.5)
    centres = add("Add", [add("Mul", [numbers, step], "offsets"), left], "centres")
    scalar = add("Squeeze", [length], "scalar")
    pixels = add("Range", [constant("begin", 0), scalar, one], "pixels")
    apart = add("Sub", [add("Add", [pixels, half], "middles"), centres], "apart")
    wide = add("Max", [step, one], "wide")  # of the filter: no narrower than a pixel
    distance = add("Abs", [add("Div", [apart, wide], "signed")], "distance")
    weights = (
        _bilinear(add, constant, distance)
        if preprocessing.interpolation == "bilinear"
        else _bicubic(add, constant, distance)
    )
    axes = graph.constant(f"{name}last", np.array([1]))
    total = add("ReduceSum", [weights, axes], "total", keepdims=1)
    return add("Cast", [add("Div", [weights, total], "shares")], "weights", to=FLOAT)


def _bilinear(add: Any, constant: Any, distance: str) -> str:
    """1 - |d| up to 1."""
    return str(add("Relu", [add("Sub", [constant("top", 1), distance], "slope")], "hat"))


def _bicubic(add: Any, constant: Any, distance: str) -> str:
    """Keys' cubic (1981) with Pillow's coefficient: one polynomial up to 1, another up to 2."""
    a = PILLOW_CUBIC
    near = _polynomial(add, constant, distance, "near", (a + 2, -(a + 3), 0, 1))
    far = _polynomial(add, constant, distance, "far", (a, -5 * a, 8 * a, -4 * a))
    is_near = add("Less", [distance, constant("first", 1)], "is_near")
    is_far = add("Less", [distance, constant("second", 2)], "is_far")
    outer = add("Where", [is_far, far, constant("nothing", 0)], "outer")
    return str(add("Where", [is_near, near, outer], "cubic"))


def _polynomial(add: Any, constant: Any, x: str, label: str, coefficients: tuple[float, ...]) -> str:
    """By Horner's rule."""
    result = constant(f"{label}0", coefficients[0])
    for number, coefficient in enumerate(coefficients[1:], start=1):
        product = add("Mul", [result, x], f"{label}{number}.product")
        result = add("Add", [product, constant(f"{label}{number}", coefficient)], f"{label}{number}.sum")
    return str(result)
