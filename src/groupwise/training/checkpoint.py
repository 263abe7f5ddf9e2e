"""Checkpoint files: save, verify, prune.

One file a checkpoint, safetensors for the tensors and JSON for the rest, no pickle. Its name holds the moment
(epoch and step) and the SHA-256 of its content, so one rename makes both true at once; what a crash or a
damaged disk leaves behind does not fit its name and is never loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from groupwise.errors import GroupwiseError
from groupwise.files import remove_partial_files, sha256_bytes, write_atomic

KEPT = 2
_NAME = re.compile(r"epoch-(\d+)-step-(\d+)-([0-9a-f]{16})\.safetensors")


@dataclass(frozen=True)
class Rejected:
    """A checkpoint that was passed over, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, order=True)
class Moment:
    """How far training had come: whole epochs, and steps of the next one."""

    epoch: int
    step: int = 0

    def __str__(self) -> str:
        if self.step == 0:
            return f"the end of epoch {self.epoch}"
        return f"epoch {self.epoch + 1}, step {self.step}"


def save_checkpoint(folder: Path, moment: Moment, state: Mapping[str, Any]) -> Path:
    """Write the state at `moment`, verify it on disk, and then drop what it replaces.

    `state` nests dicts and lists of tensors and JSON values. Kept are the newest `KEPT` checkpoints and the
    newest of a whole epoch. Raises `OSError` where it cannot be written; all older ones then stay.
    """
    tensors: dict[str, Tensor] = {}
    skeleton = _take_tensors(state, "", tensors)
    data = save_tensors(tensors, metadata={"state": json.dumps(skeleton)})
    name = f"epoch-{moment.epoch:05}-step-{moment.step:06}-{sha256_bytes(data)[:16]}.safetensors"
    path = folder / name
    write_atomic(path, data, verify=True)
    for old, _ in _superseded(folder, path, moment):
        old.unlink(missing_ok=True)
    return path


def load_checkpoint(
    folder: Path, *, whole_epochs: bool = False
) -> tuple[dict[str, Any] | None, list[Rejected]]:
    """Read the newest sound checkpoint; None where there is none. Also returns those passed over.

    With `whole_epochs`, those within an epoch are left aside.
    """
    remove_partial_files(folder)
    rejected: list[Rejected] = []
    for path, moment in _newest_first(folder):
        if whole_epochs and moment.step:
            continue
        try:
            return _load(path), rejected
        except (GroupwiseError, OSError) as error:
            rejected.append(Rejected(path, _reason(error)))
    return None, rejected


def _reason(error: GroupwiseError | OSError) -> str:
    return error.fact if isinstance(error, GroupwiseError) else f"it cannot be read: {error.strerror}"


def _superseded(folder: Path, newest: Path, moment: Moment) -> list[tuple[Path, Moment]]:
    """What goes once `newest` is there; a later moment is of a future that was rejected or rolled back."""
    others = [(path, other) for path, other in _newest_first(folder) if path != newest]
    past = [(path, other) for path, other in others if other < moment]
    kept = past[: KEPT - 1]
    if not any(other.step == 0 for other in (moment, *(other for _, other in kept))):
        kept += [(path, other) for path, other in past if other.step == 0][:1]
    return [entry for entry in others if entry not in kept]


def _load(path: Path) -> dict[str, Any]:
    remedy = "An older checkpoint is used if there is one."
    data = path.read_bytes()
    if sha256_bytes(data)[:16] != path.stem[-16:]:
        raise GroupwiseError("its content does not match the digest in its name", place=path, remedy=remedy)
    header_size = int.from_bytes(data[:8], "little")  # as every safetensors file opens
    metadata = json.loads(data[8 : 8 + header_size])["__metadata__"]
    state: dict[str, Any] = _put_tensors(json.loads(metadata["state"]), load_tensors(data))
    return state


def _newest_first(folder: Path) -> list[tuple[Path, Moment]]:
    matches = [(path, _NAME.fullmatch(path.name)) for path in folder.glob("epoch-*.safetensors")]
    found = [(path, Moment(int(match[1]), int(match[2]))) for path, match in matches if match]
    return sorted(found, key=lambda entry: (entry[1], entry[0]), reverse=True)


def _take_tensors(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Copy a nested state with each tensor replaced by its name; JSON keeps no integer keys, so pairs do."""
    if isinstance(value, Tensor):
        # The strides of channels_last are not kept in the file; `Learner.load_state_dict` lays all out anew.
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
