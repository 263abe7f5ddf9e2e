"""Engines that take `model.onnx` only when it is converted: ncnn, MNN, and tract."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from groupwise.inference.bundle import MODEL
from groupwise.stats.arrays import Floats32

Forward = Callable[[Floats32], tuple[Floats32, Floats32]]
# What runs a model, and the precision that it really computes in
Opened = tuple[Forward, str]

OUTPUTS = ("logits", "features")


def open_ncnn(model: bytes, _: str) -> Opened:
    """What pnnx makes of a model, in float32."""
    import ncnn

    with tempfile.TemporaryDirectory() as folder:
        _convert_to_ncnn(model, Path(folder))
        network = ncnn.Net()
        options = network.opt
        # Left to itself it computes in half precision where the processor can.
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = False
        failed = network.load_param(str(Path(folder) / "model.ncnn.param"))
        if failed or network.load_model(str(Path(folder) / "model.ncnn.bin")):
            raise ValueError("what pnnx made of it cannot be loaded")

    def forward_one(image: Floats32) -> list[Floats32]:
        extractor = network.create_extractor()
        extractor.input("in0", ncnn.Mat(np.ascontiguousarray(image)).clone())
        return [np.array(extractor.extract(f"out{number}")[1]) for number in range(len(OUTPUTS))]

    def forward(images: Floats32) -> tuple[Floats32, Floats32]:
        logits, features = zip(*map(forward_one, images), strict=True)  # it knows no batches
        return np.stack(logits), np.stack(features)

    return forward, "f32"


def _convert_to_ncnn(model: bytes, folder: Path) -> None:
    """Write `model.ncnn.param` and `model.ncnn.bin`, with weights in float32."""
    import onnx

    (images,) = onnx.load_model_from_string(model).graph.input
    shape = [1, *(side.dim_value for side in images.type.tensor_type.shape.dim[1:])]
    found = find_spec("pnnx")
    assert found is not None
    assert found.origin is not None
    program = Path(found.origin).with_name("pnnx")  # its Python module would bring torch
    (folder / MODEL).write_bytes(model)
    sizes = ",".join(map(str, shape))
    subprocess.run(
        [program, MODEL, f"inputshape=[{sizes}]", "fp16=0"], cwd=folder, capture_output=True, check=True
    )


def open_mnn(model: bytes, _: str) -> Opened:
    """What MNN's converter makes of a model, in float32."""
    from MNN import expr, nn

    with tempfile.TemporaryDirectory() as folder, silent():
        _convert_to_mnn(model, Path(folder))
        # Left to itself it computes in half precision where the processor can.
        setting = {"precision": "high", "backend": "CPU", "numThread": 1}
        network = nn.load_module_from_file(
            str(Path(folder) / "model.mnn"),
            ["images"],
            list(OUTPUTS),
            runtime_manager=nn.create_runtime_manager((setting,)),
        )

    def forward_one(image: Floats32) -> list[Floats32]:
        given = expr.placeholder([1, *image.shape], expr.NCHW)
        given.write(np.ascontiguousarray(image[None]))
        found = (expr.convert(one, expr.NCHW).read() for one in network.forward([given]))
        return [np.array(one, np.float32).ravel() for one in found]

    def forward(images: Floats32) -> tuple[Floats32, Floats32]:
        # MNN 3.6.1 ended the whole process at a batch of 100 that came after smaller ones.
        logits, features = zip(*map(forward_one, images), strict=True)
        return np.stack(logits), np.stack(features)

    return forward, "f32"


def _convert_to_mnn(model: bytes, folder: Path) -> None:
    """Write `model.mnn` by the compiled converter: importing MNN's Python module of it installs packages."""
    (folder / MODEL).write_bytes(model)
    call = "import sys, _tools; _tools.mnnconvert(sys.argv)"
    asked = ["-f", "ONNX", "--modelFile", MODEL, "--MNNModel", "model.mnn", "--bizCode", "groupwise"]
    subprocess.run([sys.executable, "-c", call, *asked], cwd=folder, capture_output=True, check=False)
    if not (folder / "model.mnn").is_file():  # it may leave with 0 all the same
        raise ValueError("MNN's converter makes nothing of it")


@contextmanager
def silent(*streams: int) -> Iterator[None]:
    """Keep what a compiled library prints from standard output, 1, unless other streams are named."""
    named = [one for one in (sys.stdout, sys.stderr) if one is not None]
    kept = {}
    for stream in streams or (1,):
        with suppress(OSError):  # a program without a console may have none
            kept[stream] = os.dup(stream)
    for one in named:
        one.flush()
    with Path(os.devnull).open("wb") as nowhere:
        for stream in kept:
            os.dup2(nowhere.fileno(), stream)
    try:
        yield
    finally:
        for one in named:
            one.flush()
        for stream, copy in kept.items():
            os.dup2(copy, stream)
            os.close(copy)


def open_tract(model: bytes, _: str) -> Opened:
    """A model in tract, which takes every batch size, with its flips written in another way."""
    import tract

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / MODEL
        file.write_bytes(gather_flips(model))
        network = tract.onnx().load(file).into_model().into_runnable()

    def forward(images: Floats32) -> tuple[Floats32, Floats32]:
        logits, features = network.run([np.ascontiguousarray(images)])[: len(OUTPUTS)]
        return logits.to_numpy(), features.to_numpy()

    return forward, "f32"


def gather_flips(model: bytes) -> bytes:
    """A model of ONNX that mirrors by Gather, in place of a Slice with a step of -1.

    tract 0.23.9 takes no such Slice behind a convolution. ncnn 20261020 answers wrongly by the Gather, in
    silence, so it is nothing for the file that everybody gets.
    """
    import onnx
    from onnx import helper, numpy_helper

    proto = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(model))
    graph = proto.graph
    known = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    shapes = {one.name: one.type.tensor_type.shape.dim for one in (*graph.input, *graph.value_info)}
    for place, node in enumerate(graph.node):
        if node.op_type != "Slice" or len(node.input) != 5:
            continue
        axes, steps = (known.get(name) for name in node.input[3:])
        if axes is None or steps is None or steps.tolist() != [-1]:
            continue
        axis = int(axes[0])
        backwards = np.arange(shapes[node.input[0]][axis].dim_value - 1, -1, -1, dtype=np.int64)
        order = f"backwards_{place}"
        graph.initializer.append(numpy_helper.from_array(backwards, order))
        mirrored = helper.make_node("Gather", [node.input[0], order], list(node.output), node.name, axis=axis)
        node.CopyFrom(mirrored)
    content: bytes = proto.SerializeToString()
    return content
