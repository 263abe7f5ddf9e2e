"""Small ONNX files with an image input: convolution, global pool, linear layer, of random weights."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS, CLASSES = 6, 4


def weights(channels: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"kernel": (CHANNELS, channels, 3, 3), "matrix": (CLASSES, CHANNELS), "offset": (CLASSES,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def backbone(
    *,
    head: tuple[tuple, ...] = (("Gemm", ["vector", "matrix", "offset"], "logits", {"transB": 1}),),
    outputs: tuple[str, ...] = ("logits",),
    shape: tuple = ("N", 3, "S", "S"),
    kind: int = TensorProto.FLOAT,
    more_inputs: tuple[str, ...] = (),
    constants: dict[str, np.ndarray] | None = None,
    metadata: dict[str, object] | None = None,
    opset: int = 17,
) -> onnx.ModelProto:
    """`picture` -> `maps` by a strided convolution and ReLU -> `vector` by a pool -> `head`."""
    body = (
        ("Conv", ["picture", "kernel"], "raw", {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ("Relu", ["raw"], "maps", {}),
        ("GlobalAveragePool", ["maps"], "pooled", {}),
        ("Flatten", ["pooled"], "vector", {"axis": 1}),
    )
    nodes = [helper.make_node(op, taken, [given], **facts) for op, taken, given, facts in (*body, *head)]
    held = weights(shape[1] if isinstance(shape[1], int) else 3) | (constants or {})
    graph = helper.make_graph(
        nodes,
        "small",
        [
            helper.make_tensor_value_info("picture", kind, shape),
            *(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in more_inputs),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    for key, value in (metadata or {}).items():
        model.metadata_props.add(key=key, value=json.dumps(value))
    return model


def write_backbone(file: Path, **facts: object) -> Path:
    onnx.save(backbone(**facts), file)
    return file
