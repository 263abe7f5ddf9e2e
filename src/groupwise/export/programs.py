"""Exports as a program of torch, and what the converters for telephones make of it.

- `torch`: `model.pt2`, a program of `torch.export`, with the inputs and outputs of `model.onnx`.
- `litert`: `model.tflite`, converted by litert-torch.
- `executorch`: `model.pte`, lowered for XNNPACK.

The last two take one image at a time, and both start from torch, not from ONNX. Each has to answer as the
network does in its own engine, by labels, logits and decisions, before anything is kept.
"""

from __future__ import annotations

import io
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from groupwise.errors import GroupwiseError, first_line
from groupwise.export.bundle import CLASSES, Source, Terms, expected_answers, torch_compute
from groupwise.export.converted import Floats32, Forward, silent
from groupwise.export.engines import Engine, trouble_of
from groupwise.export.libraries import prove_against_torch, single_network
from groupwise.export.network import ExportedNetwork, lay_in_rows
from groupwise.export.parity import IMAGES
from groupwise.export.verify import verify_engine
from groupwise.files import write_atomic, write_json
from groupwise.inference.bundle import PARITY
from groupwise.models.ensemble import trained_networks


@dataclass(frozen=True)
class Converter:
    """What makes a file of a network and an example of its input, and what runs that file.

    `name` is the engine's and the form's, and that of the extra with its `packages`, the first of which runs
    the file; `modules` are those that are imported.
    """

    name: str
    file: str
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    convert: Callable[[nn.Module, Tensor], bytes]
    open: Callable[[bytes], Forward]


def write_torch(source: Source, folder: Path, _: Terms) -> list[str]:
    """Write `model.pt2`, and `parity.json` of the program read back."""
    program = torch.export.export(
        _network(source), (_example(source, 2),), dynamic_shapes={"images": {0: torch.export.Dim("batch")}}
    )
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # it fears for weights off the CPU
        warnings.filterwarnings("ignore", "No complete tensor found in the group", UserWarning)
        torch.export.save(program, buffer)
    buffer.seek(0)
    again = torch.export.load(buffer).module()
    prove_against_torch(source, folder, lambda images: again(images)[0])
    write_atomic(folder / "model.pt2", buffer.getvalue())
    return []


def write_litert(source: Source, folder: Path, _: Terms) -> list[str]:
    """Write `model.tflite`, `classes.txt` with a class a line, and `parity.json`."""
    return write_converted(source, folder, LITERT)


def write_executorch(source: Source, folder: Path, _: Terms) -> list[str]:
    """Write `model.pte`, `classes.txt` with a class a line, and `parity.json`."""
    return write_converted(source, folder, EXECUTORCH)


def write_converted(source: Source, folder: Path, converter: Converter) -> list[str]:
    """Convert the network and keep it where its engine answers alike; else raises `GroupwiseError`."""
    network, example = _network(source), _example(source, 1)
    for module in converter.modules:
        with _quiet():
            trouble = trouble_of(module)
        if trouble:
            raise GroupwiseError(
                trouble, place=module, remedy=f"Install it: pip install 'groupwise[{converter.name}]'"
            )
    versions = {package: version(package) for package in (*converter.packages, "torch")}
    newest = versions[converter.packages[0]]
    try:
        with _quiet(), torch.no_grad():
            content = converter.convert(network, example)
            forward = converter.open(content)
    except Exception as error:  # each converter has its own kinds
        raise GroupwiseError(
            f"does not take the network ({first_line(error)})",
            place=f"{converter.name} {newest}",
            remedy="Another version may; or export it --to bundle.",
        ) from None
    expected, decide = expected_answers(source, torch_compute(source))
    engine = Engine(converter.name, newest, "f32", forward)
    found = verify_engine(engine, expected, source.predictor.preprocessing, decide)
    if not found.agrees:
        raise GroupwiseError(
            f"answers otherwise than torch: {found}",
            place="export",
            remedy="Nothing was written. Report it with the versions from `pip list`.",
        )
    write_atomic(folder / converter.file, content)
    write_atomic(folder / CLASSES, "".join(f"{name}\n" for name in source.predictor.classes))
    facts = source.material.spread(IMAGES).facts()
    write_json(folder / PARITY, {"packages": versions, "engines": [found.as_json()], **facts})
    return []


def _network(source: Source) -> nn.Module:
    if not trained_networks(source.predictor.model):
        single_network(source)  # which says why a probe is refused
    return ExportedNetwork(lay_in_rows(source.predictor.model)).eval()


def _example(source: Source, images: int) -> Tensor:
    """An input of the network; torch takes a batch of one for a constant."""
    preprocessing = source.predictor.preprocessing
    size = preprocessing.image_size_px
    return torch.zeros(images, preprocessing.input_channels, size, size)


def convert_to_litert(network: nn.Module, example: Tensor) -> bytes:
    """`model.tflite`, whose outputs are numbered as the network's."""
    import litert_torch

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        litert_torch.convert(network, (example,)).export(str(file))
        return file.read_bytes()


def open_litert(content: bytes) -> Forward:
    """A file of LiteRT, which takes one image at a time."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (given,), outputs = interpreter.get_input_details(), interpreter.get_output_details()
    logits, features, _ = sorted(outputs, key=lambda one: one["name"])

    def forward_one(image: Floats32) -> list[Floats32]:
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        return [interpreter.get_tensor(one["index"])[0].copy() for one in (logits, features)]

    return _one_by_one(forward_one)


def convert_to_executorch(network: nn.Module, example: Tensor) -> bytes:
    """`model.pte`, whose convolutions XNNPACK computes."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    program = torch.export.export(network, (example,))
    content: bytes = (
        to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch().buffer
    )
    return content


def open_executorch(content: bytes) -> Forward:
    """A file of ExecuTorch, which takes one image at a time."""
    from executorch.runtime import Runtime

    program = Runtime.get().load_program(content)
    method = program.load_method("forward")
    assert method is not None

    def forward_one(image: Floats32, _kept: object = (content, program)) -> list[Floats32]:
        # The method reads the file's own bytes, and the process ends where they are gone.
        found = method.execute([torch.from_numpy(np.ascontiguousarray(image[None]))])
        return [one.numpy()[0].copy() for one in found[:2]]

    return _one_by_one(forward_one)


def _one_by_one(forward_one: Callable[[Floats32], list[Floats32]]) -> Forward:
    def forward(images: Floats32) -> tuple[Floats32, Floats32]:
        logits, features = zip(*map(forward_one, images), strict=True)
        return np.stack(logits), np.stack(features)

    return forward


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what converters say of their own workings from the user."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), silent(1, 2):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


LITERT = Converter(
    "litert",
    "model.tflite",
    ("litert_torch", "ai_edge_litert"),
    ("ai-edge-litert", "litert-torch"),
    convert_to_litert,
    open_litert,
)
EXECUTORCH = Converter(
    "executorch", "model.pte", ("executorch",), ("executorch",), convert_to_executorch, open_executorch
)
