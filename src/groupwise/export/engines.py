"""Engines that run an exported model, each behind the same call.

Each computes logits and features of normalised images, with its precision named: an engine left to itself may
take a coarser one (OpenVINO takes bfloat16 where the processor has it).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.errors import GroupwiseError, UsageError, first_line
from groupwise.export.converted import OUTPUTS, Forward, Opened, open_mnn, open_ncnn, open_tract, silent
from groupwise.export.parity import TOLERANCE
from groupwise.export.phones import EXECUTORCH_MODEL, LITERT_MODEL, open_executorch, open_litert
from groupwise.inference.bundle import MODEL
from groupwise.models.onnx_files import open_session
from groupwise.stats.arrays import Floats32


@dataclass(frozen=True)
class Engine:
    """An opened model, with what computes it: `forward` maps images (N, C, S, S) to logits and features."""

    name: str
    version: str
    precision: str
    forward: Forward
    tolerance: float = TOLERANCE

    def run(self, images: Floats32) -> tuple[Floats32, Floats32]:
        """Logits (N, K) and features (N, C); raises `GroupwiseError` where the engine gives up."""
        try:
            return self.forward(images)
        except Exception as error:  # each engine has its own kinds
            raise _refusal(f"{self.name} {self.version}", error) from None


@dataclass(frozen=True)
class Package:
    """What an engine needs: the module that is imported, and what pip calls it, one of them.

    `converter` is the module of a program that turns ONNX into the engine's own format. `tolerance` is on
    logits in float32. `model` is the file that it reads, of the form of its own name where that is not ONNX.
    """

    module: str
    pip: tuple[str, ...]
    open: Callable[[bytes, str], Opened]
    precisions: tuple[str, ...] = ("f32",)
    converter: str | None = None
    tolerance: float = TOLERANCE
    model: str = MODEL

    @property
    def is_installed(self) -> bool:
        """Whether it is there, whether or not it can be imported."""
        return bool(find_spec(self.module) and (self.converter is None or find_spec(self.converter)))


def engines_of(file: str) -> list[str]:
    """The engines that read a model of that name."""
    return [name for name, package in ENGINES.items() if package.model == file]


def installed_engines(file: str = MODEL) -> list[str]:
    """Those of them that are installed, whether or not they can be imported."""
    return [name for name in engines_of(file) if ENGINES[name].is_installed]


def open_engine(name: str, model: bytes, precision: str | None = None) -> Engine:
    """Open a model in an engine that reads its file, in one of the `precisions` it has, by default the first.

    Raises `UsageError` for another one, and `GroupwiseError` where the engine is absent or broken, or does
    not take the model.
    """
    package = ENGINES[name]
    chosen = precision or package.precisions[0]
    if chosen not in package.precisions:
        raise UsageError(
            f"{name} is asked for {chosen}, and can be asked for {' or '.join(package.precisions)} alone",
            place="--precision",
            remedy="Leave it out, or give another --engine.",
        )
    _require(name, package)
    try:
        forward, effective = package.open(model, chosen)
    except GroupwiseError:
        raise
    except Exception as error:
        raise _refusal(f"{name} {_version(package)}", error) from None
    return Engine(name, _version(package), effective, forward, package.tolerance)


def _require(name: str, package: Package) -> None:
    if not package.is_installed:
        pip = " ".join(filter(None, (package.pip[0], package.converter)))
        other = (
            "or give another --engine."
            if package.model == MODEL
            else f"or with its converter: pip install 'groupwise[{name}]'."
        )
        raise GroupwiseError("is not installed", place=name, remedy=f"Install it: pip install {pip}; {other}")
    with silent():  # MNN tells of the processor as it is loaded
        trouble = trouble_of(package.module)
    if trouble:
        remedy = f"Renew it: pip install -U {package.pip[0]}; or give another --engine."
        raise GroupwiseError(trouble, place=name, remedy=remedy)


def _refusal(place: str, error: Exception) -> GroupwiseError:
    return GroupwiseError(
        f"does not take the model ({first_line(error)})",
        place=place,
        remedy="Another version may; or use another engine.",
    )


def trouble_of(module: str) -> str | None:
    """Why a module cannot be imported, such as one whose compiled operators do not fit; None where it can."""
    if find_spec(module) is None:
        return "is not installed"
    try:
        importlib.import_module(module)
    except (ImportError, RuntimeError, OSError) as error:
        return f"is installed and broken ({first_line(error)})"
    return None


def _version(package: Package) -> str:
    for name in package.pip:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return str(getattr(importlib.import_module(package.module), "__version__", "unknown"))


def _open_onnxruntime(model: bytes, _: str) -> Opened:
    session = open_session(model, Path(MODEL))

    def forward(images: Floats32) -> tuple[Floats32, Floats32]:
        logits, features = session.run(list(OUTPUTS), {"images": images})
        return logits, features

    return forward, "f32"


def _open_openvino(model: bytes, precision: str) -> Opened:
    import openvino

    core = openvino.Core()
    # Without the hint a processor with bfloat16 computes in it.
    compiled = core.compile_model(
        core.read_model(model),
        "CPU",
        {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"},
    )
    # Asked for what the processor has not, it takes the nearest: bfloat16 for float16.
    taken = str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())

    def forward(images: Floats32) -> tuple[Floats32, Floats32]:
        return _named(compiled(images).to_dict().items(), lambda port: port.get_any_name())

    return forward, taken


def _open_opencv(model: bytes, _: str) -> Opened:
    import cv2

    network = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
    names = network.getUnconnectedOutLayersNames()  # OpenCV 5 computes all of them or none

    def forward(images: Floats32) -> tuple[Floats32, Floats32]:
        network.setInput(images, "images")
        return _named(zip(names, network.forward(names), strict=True), str)

    return forward, "f32"


def _named(outputs: Any, name_of: Callable[[Any], str]) -> tuple[Floats32, Floats32]:
    found = {name_of(key): np.array(value) for key, value in outputs}
    return found["logits"], found["features"]


ENGINES = {
    "onnxruntime": Package("onnxruntime", ("onnxruntime", "onnxruntime-gpu"), _open_onnxruntime),
    "openvino": Package("openvino", ("openvino",), _open_openvino, ("f32", "bf16", "f16")),
    "ncnn": Package("ncnn", ("ncnn",), open_ncnn, converter="pnnx", tolerance=1e-3),
    "opencv": Package("cv2", ("opencv-python-headless", "opencv-python"), _open_opencv),
    "mnn": Package("MNN", ("mnn",), open_mnn, tolerance=1e-3),
    "tract": Package("tract", ("tract",), open_tract, converter="onnx"),
    "litert": Package("ai_edge_litert", ("ai-edge-litert",), open_litert, model=LITERT_MODEL),
    "executorch": Package("executorch", ("executorch",), open_executorch, model=EXECUTORCH_MODEL),
}


def thread_count() -> int:
    """How many processors this process may use, which an engine takes unless told otherwise."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
