"""ONNX files, opened without torch: a session of ONNX Runtime, which reads no other file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from groupwise.errors import GroupwiseError


def open_session(model: bytes, place: Path) -> Any:
    """A session of ONNX Runtime on all cores of this machine, which reads no file but the model."""
    onnx, onnxruntime = onnx_packages(place)
    refuse_external_data(onnx.load_model_from_string(model), place)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; warnings are about the machine, not about the model
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def onnx_packages(place: Path | str) -> tuple[Any, Any]:
    """The packages `onnx` and `onnxruntime`; raises `GroupwiseError` where one is not installed."""
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise GroupwiseError(
            f"{error.name} is not installed",
            place=place,
            remedy="Install it: pip install 'groupwise[export]'",
        ) from None
    return onnx, onnxruntime


def opset_of(model: Any) -> int:
    """The version of the standard operators of an ONNX model; 0 where it names none."""
    return next((int(one.version) for one in model.opset_import if one.domain in ("", "ai.onnx")), 0)


def refuse_external_data(model: Any, place: Path) -> None:
    """Raise `GroupwiseError` where an ONNX model asks for the content of another file."""
    if any(tensor.external_data for tensor in _tensors(model)):
        raise GroupwiseError(
            "keeps weights in another file",
            place=place,
            remedy="Export it again: Groupwise writes and reads single files.",
        )


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor anywhere within a message of ONNX, whether in a graph, a branch of one or a function."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else [value]:
                yield from _tensors(part)
