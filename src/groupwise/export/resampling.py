"""Pillow's antialiased filters as products of matrices, in nodes of ONNX that every engine computes alike.

A row of weights for each pixel of the result, over the pixels of the picture within the filter's reach,
divided by their sum: Pillow's `resize`, whose filter is as wide as the step where it makes a picture smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from groupwise.data.decode import Preprocessing

PILLOW_CUBIC = -0.5  # the coefficient of its bicubic filter; that of ONNX is -0.75
SUPPORT = {"bilinear": 1, "bicubic": 2}  # of the filters, to either side
BLOCK = 16  # columns of the result that are computed at once, from those of the picture that they need
FLOAT, INT64, DOUBLE = 1, 7, 11  # as ONNX numbers them


class Graph:
    """Nodes and constants of a graph in the making; every method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(value), f"pixels.constant.{name}"))
        return f"pixels.constant.{name}"

    def add(self, operator: str, inputs: list[str], result: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [result], **attributes))
        return result


@dataclass(frozen=True)
class Builder:
    """Nodes and constants in double precision under a name of their own."""

    graph: Graph
    name: str

    def add(self, operator: str, inputs: list[str], result: str, **attributes: Any) -> str:
        return self.graph.add(operator, inputs, f"pixels.{self.name}.{result}", **attributes)

    def constant(self, label: str, value: Any) -> str:
        return self.graph.constant(f"{self.name}.{label}", np.asarray(value, np.float64))


@dataclass(frozen=True)
class Axis:
    """How one side of a picture becomes S pixels, by names of the graph.

    `weights` (S, length) are those of each pixel there in each of these, whose `centres` (S, 1) lie there,
    `reach` pixels from the last that count. `inside` (S, 1) says which of the S show the picture.
    """

    graph: Graph
    name: str
    size: int
    length: str
    centres: str
    reach: str
    weights: str
    inside: str

    @classmethod
    def of(cls, graph: Graph, preprocessing: Preprocessing, name: str, sides: str, number: int) -> Axis:
        """The axis `number` of a picture of the two `sides`."""
        build = Builder(graph, name)
        size = preprocessing.image_size_px
        length = build.add("Gather", [sides, graph.constant(f"{name}.number", [number])], "length")
        step, left = _place(build, preprocessing, sides, length)
        numbers = build.constant("numbers", np.arange(size).reshape(-1, 1) + 0.5)
        centres = build.add("Add", [build.add("Mul", [numbers, step], "offsets"), left], "centres")
        one, half = build.constant("one", 1), build.constant("half", 0.5)
        wide = build.add("Max", [step, one], "wide")  # of the filter: no narrower than a pixel
        scalar = build.add("Squeeze", [length], "scalar")
        pixels = build.add(
            "Range", [build.constant("begin", 0), scalar, build.constant("stride", 1)], "pixels"
        )
        apart = build.add("Sub", [build.add("Add", [pixels, half], "middles"), centres], "apart")
        distance = build.add("Abs", [build.add("Div", [apart, wide], "signed")], "distance")
        kernel = _bilinear if preprocessing.interpolation == "bilinear" else _bicubic
        shares = kernel(build, distance)
        total = build.add("ReduceSum", [shares, graph.constant(f"{name}.last", [1])], "total", keepdims=1)
        # Without a picture there is nothing to divide by; the colour goes there.
        safe = build.add(
            "Where", [build.add("Equal", [total, build.constant("none", 0)], "is_none"), one, total], "safe"
        )
        weights = build.add("Cast", [build.add("Div", [shares, safe], "quotients")], "weights", to=FLOAT)
        reach = build.add(
            "Mul", [wide, build.constant("support", SUPPORT[preprocessing.interpolation])], "reach"
        )
        inside = build.add(
            "And",
            [
                build.add("Greater", [centres, build.constant("before", 0)], "after_first"),
                build.add("Less", [centres, length], "before_last"),
            ],
            "inside",
        )
        return cls(graph, name, size, length, centres, reach, weights, inside)

    def scale_last(self, planes: str) -> str:
        """The last axis of (C, H, W) uint8 scaled, (C, H, S) float32: in blocks, for most weights are 0."""
        build, blocks = Builder(self.graph, f"{self.name}.blocks"), max(1, self.size // BLOCK)
        bounds = np.linspace(0, self.size, blocks + 1).round().astype(np.int64)
        line = build.add("Squeeze", [self.centres], "line")
        at_first, at_last = (
            self.graph.constant(f"{self.name}.{label}", ends)
            for label, ends in (("block_first", bounds[:-1]), ("block_last", bounds[1:] - 1))
        )
        first = build.add("Gather", [line, at_first], "first")
        last = build.add("Gather", [line, at_last], "last")
        end = build.add("Sub", [self.length, build.constant("one", 1)], "end")
        nothing = build.constant("nothing", 0)
        low = build.add("Floor", [build.add("Sub", [first, self.reach], "from")], "low")
        high = build.add("Ceil", [build.add("Add", [last, self.reach], "to")], "high")
        starts = build.add(
            "Cast",
            [build.add("Min", [build.add("Max", [low, nothing], "low0"), end], "low1")],
            "starts",
            to=INT64,
        )
        above = build.add(
            "Add", [build.add("Cast", [starts], "starts_f", to=DOUBLE), build.constant("least", 1)], "above"
        )
        stops = build.add(
            "Cast",
            [build.add("Min", [build.add("Max", [high, above], "high0"), self.length], "high1")],
            "stops",
            to=INT64,
        )
        axes = self.graph.constant(f"{self.name}.axes", [2])
        parts = [self._block(build, planes, starts, stops, axes, bounds[k : k + 2], k) for k in range(blocks)]
        return build.add("Concat", parts, "joined", axis=2) if blocks > 1 else parts[0]

    def _block(
        self, build: Builder, planes: str, starts: str, stops: str, axes: str, bounds: Any, number: int
    ) -> str:
        k = self.graph.constant(f"{self.name}.{number}", [number])
        start, stop = (
            build.add("Gather", [one, k], f"{label}{number}")
            for one, label in ((starts, "start"), (stops, "stop"))
        )
        part = build.add(
            "Cast",
            [build.add("Slice", [planes, start, stop, axes], f"part{number}")],
            f"levels{number}",
            to=FLOAT,
        )
        turned = build.add("Transpose", [self.weights], f"turned{number}", perm=[1, 0])
        needed = build.add(
            "Slice",
            [turned, start, stop, self.graph.constant(f"{self.name}.{number}.rows", [0])],
            f"needed{number}",
        )
        low, high = (
            self.graph.constant(f"{self.name}.{number}.{label}", [int(bound)])
            for label, bound in zip(("low", "high"), bounds, strict=True)
        )
        weights = build.add(
            "Slice",
            [needed, low, high, self.graph.constant(f"{self.name}.{number}.columns", [1])],
            f"weights{number}",
        )
        return build.add("MatMul", [part, weights], f"scaled{number}")


def _place(build: Builder, preprocessing: Preprocessing, sides: str, length: str) -> tuple[str, str]:
    """How far the centres of the S pixels lie apart in the picture, and where the first begins."""
    size = build.constant("size", preprocessing.image_size_px)
    if preprocessing.resize == "squash":
        return build.add("Div", [length, size], "step"), build.constant("left", 0)
    if preprocessing.resize == "crop":
        side = build.add("ReduceMin", [sides], "shortest", keepdims=1)
        rest = build.add("Sub", [length, side], "rest")
        return build.add("Div", [side, size], "step"), build.add(
            "Mul", [rest, build.constant("middle", 0.5)], "left"
        )
    longest = build.add("ReduceMax", [sides], "longest", keepdims=1)
    exact = build.add("Div", [build.add("Mul", [length, size], "by_size"), longest], "exact")
    # Halves go to the even, as Python rounds them.
    inner = build.add("Max", [build.add("Round", [exact], "round"), build.constant("least", 1)], "inner")
    step = build.add("Div", [length, inner], "step")
    free = build.add(
        "Mul", [build.add("Sub", [size, inner], "free"), build.constant("middle", 0.5)], "free_half"
    )
    before = build.add("Floor", [free], "before_picture")
    return step, build.add("Neg", [build.add("Mul", [before, step], "shift")], "left")


def _bilinear(build: Builder, distance: str) -> str:
    """1 - |d| up to 1."""
    return build.add("Relu", [build.add("Sub", [build.constant("top", 1), distance], "slope")], "hat")


def _bicubic(build: Builder, distance: str) -> str:
    """Keys' cubic (1981) with Pillow's coefficient: one polynomial up to 1, another up to 2."""
    a = PILLOW_CUBIC
    near = _polynomial(build, distance, "near", (a + 2, -(a + 3), 0, 1))
    far = _polynomial(build, distance, "far", (a, -5 * a, 8 * a, -4 * a))
    is_near = build.add("Less", [distance, build.constant("first", 1)], "is_near")
    is_far = build.add("Less", [distance, build.constant("second", 2)], "is_far")
    outer = build.add("Where", [is_far, far, build.constant("nothing", 0)], "outer")
    return build.add("Where", [is_near, near, outer], "cubic")


def _polynomial(build: Builder, x: str, label: str, coefficients: tuple[float, ...]) -> str:
    """By Horner's rule."""
    result = build.constant(f"{label}0", coefficients[0])
    for number, coefficient in enumerate(coefficients[1:], start=1):
        product = build.add("Mul", [result, x], f"{label}{number}.product")
        result = build.add(
            "Add", [product, build.constant(f"{label}{number}", coefficient)], f"{label}{number}.sum"
        )
    return result
