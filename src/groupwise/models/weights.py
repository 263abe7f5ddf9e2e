"""Weights in and out by their keys: safetensors, torchvision, timm, the tutorial.

Neither torchvision nor timm is needed, since the network's keys are theirs. Nothing in a file is executed,
and a file that does not fit leaves the network as it was.
"""

from __future__ import annotations

import pickle
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from groupwise.errors import GroupwiseError
from groupwise.files import write_atomic
from groupwise.models.resnext import PRESETS, ResNeXt
from groupwise.text import listed

HEAD = "fc."
STEMS = ("conv1.weight", "conv1.0.weight")  # of the first convolution; the second in a deep stem
TIMM_FILE = "model.safetensors"  # in timm's folder, beside config.json
NAMES_SHOWN = 5

# timm's names of a RegNet, whose convolutions and normalisations lie in pairs.
REGNET_BLOCK = re.compile(r"s(\d+)\.b(\d+)\.")
REGNET_PAIR = re.compile(r"conv([123])\.(conv|bn)\.")
REGNET_PARTS = {
    "stem.conv.": "conv1.",
    "stem.bn.": "bn1.",
    "head.fc.": "fc.",
    "downsample.conv.": "downsample.0.",
    "downsample.bn.": "downsample.1.",
}

WRAPPERS = ("module.", "_orig_mod.")  # DistributedDataParallel and torch.compile put them before every key
TUTORIAL_PART = re.compile(r"part(\d+)_(\d+)\.")
TUTORIAL_LAYER = re.compile(r"(?:conv|bn)([123])(?:\.|$)")


def save_weights(model: ResNeXt, path: Path | str) -> None:
    """Write the network's weights as one safetensors file, whole or not at all.

    Keys and shapes are torchvision's, so it and timm read the file too.
    """
    # safetensors keeps values in the order of rows, so a network in channels_last is written like any other.
    state = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
    write_atomic(Path(path), safetensors.torch.save(state, metadata={"format": "pt"}))


def load_weights(
    model: ResNeXt,
    path: Path | str,
    *,
    strict: bool = True,
    replace_head: bool = False,
    adapt_stem: bool = False,
) -> None:
    """Fill `model` in place from a file: safetensors, a torch file of a state dict, or timm's folder.

    A torch file may be torchvision's or the tutorial's (`part1_1.conv1.weight`, ..., `fn1.bias`), which
    belongs in the preset `resnext50_tutorial`.

    Args:
        model: The network, with torchvision's keys; unchanged where an error is raised.
        path: The file, or timm's folder with `model.safetensors`.
        strict: Whether both sides must have the same keys; else those that only one side has are passed over.
            A shape that differs never is.
        replace_head: Keep the head of `model`, for other classes than those of the file.
        adapt_stem: Where `model` sees another number of channels, give them the file's filters: their sum if
            it is one, else red, green, blue, red and so on, scaled to keep the size of what comes out.

    Raises:
        GroupwiseError: A file that is missing, damaged, holds pickled code, or does not fit.

    Example:
        >>> import groupwise
        >>> model = groupwise.create_model(
        ...     "resnext11_8x4d", num_classes=2, depths=(1,), cardinality=2, planes=16
        ... )
        >>> groupwise.load_weights(model, "runs/first/model.safetensors")
    """
    path = Path(path)
    state = _unwrapped(_read(path))
    remedy = "Build the network that the file was saved from: --model.preset, or `create_model` in Python."
    if any(TUTORIAL_PART.match(key) for key in state):
        state = _from_tutorial(state, path)
        remedy = "Build the tutorial's network, `create_model('resnext50_tutorial', num_classes=...)`."
    if any(REGNET_BLOCK.match(key) for key in state):
        state = {regnet_key(key): tensor for key, tensor in state.items()}
    own = model.state_dict()
    # Kept from `model`: the head on request, and counters that files from before 2018 do not have.
    counters = {key for key in own if key.endswith("num_batches_tracked")} - state.keys()
    state |= {key: own[key] for key in own if key in counters or (replace_head and key.startswith(HEAD))}
    if adapt_stem:
        state |= {
            key: _for_channels(state[key], own[key].shape[1]) for key in STEMS if key in own and key in state
        }
    fits = all(key in state and state[key].shape == tensor.shape for key, tensor in own.items())
    if not fits and (name := _preset_of(state)):
        remedy = f"It fits the preset {name}: --model.preset {name}, or `create_model({name!r})` in Python."
    _check_shapes(own, state, path, remedy)
    if strict:
        _check_keys(own, state, path, remedy)
    _check_numbers({key: tensor for key, tensor in state.items() if key in own}, path)
    model.load_state_dict(state, strict=False)


def _preset_of(state: Mapping[str, Tensor]) -> str | None:
    """The preset to whose network a file belongs, whatever its head."""
    blocks = Counter(stage for stage, _ in set(re.findall(r"^(layer\d)\.(\d+)\.", "\n".join(state), re.M)))
    for name, config in PRESETS.items():
        if config.depths != tuple(blocks[stage] for stage in sorted(blocks)):
            continue
        with torch.device("meta"):
            wanted = ResNeXt(config).state_dict()
        body = [key for key in wanted if not key.startswith(HEAD) and wanted[key].ndim]
        if all(key in state and state[key].shape == wanted[key].shape for key in body):
            return name
    return None


def _for_channels(filters: Tensor, channels: int) -> Tensor:
    """Filters (O, I, k, k) for `channels` inputs, which answer as before to a picture of equal channels.

    That holds for one input and for multiples of I; of others the filters of some colours weigh more.
    """
    if filters.ndim != 4 or filters.shape[1] == channels:
        return filters
    if channels == 1:
        return filters.sum(1, keepdim=True)
    known = filters.shape[1]
    cycled = torch.arange(channels) % known
    return filters[:, cycled] * (known / channels)


def _read(path: Path) -> dict[str, Tensor]:
    file = path / TIMM_FILE if path.is_dir() else path
    if not file.is_file():
        raise GroupwiseError(
            "no such file", place=file, remedy="Give a .safetensors or .pth file, or timm's folder."
        )
    return _read_safetensors(file) if file.suffix == ".safetensors" else _read_torch(file)


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    try:
        return dict(safetensors.torch.load_file(file))
    except (SafetensorError, OSError):
        raise _damaged(file) from None


def _read_torch(file: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader follows whatever bytes it meets, so damage can raise anything
        # Only torch's message tells code, which it names, from damage.
        code = re.search(r"GLOBAL (\S+)", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if code is None:
            raise _damaged(file) from None
        raise GroupwiseError(
            f"holds pickled code ({code[1]}), which is not run",
            place=file,
            remedy="Save `model.state_dict()` alone, with the program that wrote the file.",
        ) from None
    return _tensors_by_name(state, file)


def _damaged(file: Path) -> GroupwiseError:
    return GroupwiseError(
        "damaged, or not a file of weights that can be read",
        place=file,
        remedy="Copy or download the file again.",
    )


def _tensors_by_name(state: object, file: Path) -> dict[str, Tensor]:
    if isinstance(state, Mapping) and state and all(isinstance(value, Tensor) for value in state.values()):
        return {str(key): tensor for key, tensor in state.items()}
    held = [str(key) for key in state] if isinstance(state, Mapping) else [type(state).__name__]
    raise GroupwiseError(
        f"holds something else than tensors by name: {listed(held, NAMES_SHOWN) or 'nothing'}",
        place=file,
        remedy="Save `model.state_dict()` alone.",
    )


def _unwrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """By the keys of the network itself, however many wrappers it was saved in, and in which order."""
    while prefix := next(
        (one for one in WRAPPERS if state and all(key.startswith(one) for key in state)), ""
    ):
        state = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
    return state


def _from_tutorial(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Rename the tutorial's keys to torchvision's.

    Copies of the tutorial spell stem, shortcut and head differently, so those are known by their place and
    by the rank of their weight: 4 for a convolution, 2 for the head, 1 for a normalisation.
    """
    renamed: dict[str, Tensor] = {}
    for key, tensor in state.items():
        module, _, leaf = key.rpartition(".")
        rank = state.get(f"{module}.weight", tensor).ndim
        name = f"{_tutorial_module(module, rank)}.{leaf}"
        if name in renamed:
            raise GroupwiseError(
                f"has two layers for one place of the tutorial's network ({key!r} is the second)",
                place=path,
                remedy="Load it with the program that wrote it, and save keys as in `resnext50_tutorial`.",
            )
        renamed[name] = tensor
    return renamed


def regnet_key(key: str) -> str:
    """A key of timm's RegNet by its name here: `s1.b1.conv1.bn.weight` is `layer1.0.bn1.weight`."""
    key = REGNET_BLOCK.sub(lambda found: f"layer{found[1]}.{int(found[2]) - 1}.", key)
    key = REGNET_PAIR.sub(lambda found: f"{found[2]}{found[1]}.", key)
    for theirs, ours in REGNET_PARTS.items():
        key = key.replace(theirs, ours)
    return key


def _tutorial_module(module: str, rank: int) -> str:
    part = TUTORIAL_PART.match(module)
    if part is None:
        return {4: "conv1", 2: "fc"}.get(rank, "bn1")
    block = f"layer{part[1]}.{int(part[2]) - 1}"
    if layer := TUTORIAL_LAYER.match(module, part.end()):
        return f"{block}.{'conv' if rank == 4 else 'bn'}{layer[1]}"
    return f"{block}.downsample.{0 if rank == 4 else 1}"


def _check_shapes(own: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    differing = [key for key in own if key in state and own[key].shape != state[key].shape]
    if not differing:
        return
    same_rank = all(own[key].ndim == state[key].ndim for key in differing)
    if same_rank and all(key in STEMS for key in differing):
        theirs, ours = state[differing[0]].shape[1], own[differing[0]].shape[1]
        if theirs != ours:
            raise GroupwiseError(
                f"its network sees {theirs} channels, this one {ours}",
                place=path,
                remedy="Load with `adapt_stem=True` to repeat or add up the filters of the first layer.",
            )
    if same_rank and all(
        key.startswith(HEAD) and own[key].shape[1:] == state[key].shape[1:] for key in differing
    ):
        theirs, ours = len(state[differing[-1]]), len(own[differing[-1]])
        raise GroupwiseError(
            f"its head is for {theirs} classes, the network's for {ours}",
            place=path,
            remedy="Load with `replace_head=True` to keep the network's fresh head.",
        )
    pairs = [f"{key} {tuple(state[key].shape)} for {tuple(own[key].shape)}" for key in differing]
    raise GroupwiseError(
        f"{len(differing)} of its weights differ in shape from the network's: {listed(pairs, NAMES_SHOWN)}",
        place=path,
        remedy=remedy,
    )


def _check_keys(own: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    missing = [key for key in own if key not in state]
    unexpected = [key for key in state if key not in own]
    facts = []
    if missing:
        facts.append(f"lacks {len(missing)} of the network's weights: {listed(missing, NAMES_SHOWN)}")
    if unexpected:
        shown = listed(unexpected, NAMES_SHOWN)
        facts.append(f"has weights unknown to the network, {len(unexpected)} in all: {shown}")
    if facts:
        raise GroupwiseError("; ".join(facts), place=path, remedy=remedy)


def _check_numbers(state: Mapping[str, Tensor], path: Path) -> None:
    endless = [key for key, tensor in state.items() if not torch.isfinite(tensor).all()]
    if endless:
        raise GroupwiseError(
            f"{len(endless)} of its weights hold what is no finite number: {listed(endless, NAMES_SHOWN)}",
            place=path,
            remedy="Its training diverged, so take weights from before.",
        )
