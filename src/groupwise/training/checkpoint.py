"""Keeps the whole state of a training run on disk, so that it can be lost at any moment and go on.

One file an epoch, safetensors for the tensors and JSON for the rest, no pickle. A file counts only with its
digest beside it, which is written last; so what a crash or a damaged disk leaves behind is never loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from groupwise.errors import GroupwiseError
from groupwise.files import sha256_bytes, write_atomic

KEPT = 2


@dataclass(frozen=True)
class Rejected:
    """A checkpoint that was passed over, and why."""

    path: Path
    reason: str


def save_checkpoint(folder: Path, epoch: int, state: Mapping[str, Any]) -> None:
    """Write the state after `epoch`, then drop all but the newest `KEPT` checkpoints.

    `state` nests dicts and lists of tensors and JSON values.
    """
    path = folder / f"epoch-{epoch:05}.safetensors"
    tensors: dict[str, Tensor] = {}
    skeleton = _take_tensors(state, "", tensors)
    data = save_tensors(tensors, metadata={"state": json.dumps(skeleton)})
    write_atomic(path, data)
    write_atomic(_digest_file(path), sha256_bytes(data) + "\n")
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)
        _digest_file(old).unlink(missing_ok=True)


def load_checkpoint(folder: Path) -> tuple[dict[str, Any] | None, list[Rejected]]:
    """Read the newest sound checkpoint; None where there is none. Also returns those passed over."""
    rejected: list[Rejected] = []
    for path in _newest_first(folder):
        try:
            return _load(path), rejected
        except GroupwiseError as error:
            rejected.append(Rejected(path, error.fact))
    return None, rejected


def _load(path: Path) -> dict[str, Any]:
    remedy = "An older checkpoint is used if there is one."
    digest_file = _digest_file(path)
    if not digest_file.is_file():
        raise GroupwiseError("its digest is missing, so it was not finished", place=path, remedy=remedy)
    data = path.read_bytes()
    if sha256_bytes(data) != digest_file.read_text(errors="replace").strip():
        raise GroupwiseError("its content does not match its digest", place=path, remedy=remedy)
    tensors = load_tensors(data)
    with safetensors.safe_open(path, framework="pt") as file:
        skeleton = json.loads(file.metadata()["state"])
    state: dict[str, Any] = _put_tensors(skeleton, tensors)
    return state


def _newest_first(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("epoch-*.safetensors") if re.fullmatch(r"epoch-\d+", path.stem)]
    return sorted(found, reverse=True)


def _digest_file(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _take_tensors(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Copy a nested state with each tensor replaced by its name; JSON keeps no integer keys, so pairs do."""
    if isinstance(value, Tensor):
        # The strides of channels_last are not kept in the file, and need not be: load_state_dict copies.
        tensors[name] = value.detach().cpu().contiguous()
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {
            "pairs": [[key, _take_tensors(item, f"{name}/{key}", tensors)] for key, item in value.items()]
        }
    if isinstance(value, list | tuple):
        return {"items": [_take_tensors(item, f"{name}/{i}", tensors) for i, item in enumerate(value)]}
    return {"json": value}


def _put_tensors(value: dict[str, Any], tensors: Mapping[str, Tensor]) -> Any:
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "pairs":
        return {key: _put_tensors(item, tensors) for key, item in content}
    if kind == "items":
        return [_put_tensors(item, tensors) for item in content]
    return content


def clone_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy a state dict to memory of its own, on the CPU."""
    return {
        key: value.detach().cpu().clone(memory_format=torch.contiguous_format) for key, value in state.items()
    }
