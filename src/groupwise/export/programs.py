"""Exports as a program of torch, and what the converters for telephones make of it.

- `torch`: `model.pt2`, a program of `torch.export`, with the inputs and outputs of `model.onnx`.
- `litert`: `model.tflite`, converted by litert-torch.
- `executorch`: `model.pte`, lowered for XNNPACK.

The last two take one image at a time, and both start from torch, not from ONNX. Each has to answer as the
network does in its own engine, by labels, logits and decisions, before anything is kept; what else a bundle
holds stands beside it, so that `verify` can do the same elsewhere.
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor, nn

from groupwise.errors import GroupwiseError, first_line
from groupwise.export.bundle import (
    CLASSES,
    Source,
    Terms,
    expected_answers,
    torch_compute,
    write_rest,
)
from groupwise.export.engines import ENGINES, open_engine, trouble_of
from groupwise.export.libraries import prove_against_torch, single_network
from groupwise.export.network import ExportedNetwork, lay_in_rows
from groupwise.export.parity import IMAGES
from groupwise.export.phones import quiet
from groupwise.export.verify import verify_engine
from groupwise.files import write_atomic, write_json
from groupwise.inference.bundle import PARITY
from groupwise.models.ensemble import trained_networks


@dataclass(frozen=True)
class Converter:
    """What makes an engine's file of a network and an example of its input.

    `name` is the engine's and the form's, and that of the extra with its `packages`; `modules` are those that
    are imported.
    """

    name: str
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    convert: Callable[[nn.Module, Tensor], bytes]


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


def write_litert(source: Source, folder: Path, terms: Terms) -> list[str]:
    """Write a bundle around `model.tflite`, and `classes.txt` with a class a line."""
    return write_converted(source, folder, terms, LITERT)


def write_executorch(source: Source, folder: Path, terms: Terms) -> list[str]:
    """Write a bundle around `model.pte`, and `classes.txt` with a class a line."""
    return write_converted(source, folder, terms, EXECUTORCH)


def write_converted(source: Source, folder: Path, terms: Terms, converter: Converter) -> list[str]:
    """Convert the network and keep it where its engine answers alike; else raises `GroupwiseError`."""
    network, example = _network(source), _example(source, 1)
    for module in converter.modules:
        with quiet():
            trouble = trouble_of(module)
        if trouble:
            raise GroupwiseError(
                trouble, place=module, remedy=f"Install it: pip install 'groupwise[{converter.name}]'"
            )
    versions = {package: version(package) for package in (*converter.packages, "torch")}
    try:
        with quiet(), torch.no_grad():
            content = converter.convert(network, example)
    except Exception as error:  # each converter has its own kinds
        raise GroupwiseError(
            f"does not take the network ({first_line(error)})",
            place=f"{converter.name} {versions[converter.packages[0]]}",
            remedy="Another version may; or export it --to bundle.",
        ) from None
    compute, engine = torch_compute(source), open_engine(converter.name, content)
    expected, decide = expected_answers(source, compute)
    found = verify_engine(engine, expected, source.predictor.preprocessing, decide)
    if not found.agrees:
        raise GroupwiseError(
            f"answers otherwise than torch: {found}",
            place="export",
            remedy="Nothing was written. Report it with the versions from `pip list`.",
        )
    file = ENGINES[converter.name].model
    write_rest(source, folder, content, terms, compute, precision="float32", file=file)
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


def convert_to_executorch(network: nn.Module, example: Tensor) -> bytes:
    """`model.pte`, whose convolutions XNNPACK computes."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    program = torch.export.export(network, (example,))
    content: bytes = (
        to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch().buffer
    )
    return content


LITERT = Converter(
    "litert",
    ("litert_torch", "ai_edge_litert"),
    ("ai-edge-litert", "litert-torch"),
    convert_to_litert,
)
EXECUTORCH = Converter("executorch", ("executorch",), ("executorch",), convert_to_executorch)
