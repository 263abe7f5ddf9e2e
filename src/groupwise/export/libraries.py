"""Exports for torch's own libraries: the folders and files from which each rebuilds the network.

- `timm`: `config.json` and `model.safetensors`, for `timm.create_model("local-dir:FOLDER", pretrained=True)`.
- `hub`: the same with a card. `config.json` also has `config`, the fields of `ResNeXtConfig`, which
  huggingface_hub's `PyTorchModelHubMixin` hands to `__init__(self, config: dict)`.
- `torchvision`: `model.safetensors` with its keys, and `resnet.json`, the arguments of its `ResNet` behind
  the block, which is `Bottleneck` or `BasicBlock`.

A library that is installed has to give the same logits before anything is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
import yaml
from PIL import Image
from torch import Tensor, nn

from groupwise.data.archive import read_file
from groupwise.data.decode import decode
from groupwise.errors import UsageError
from groupwise.export.bundle import Source, Terms, shown_inputs, torch_logits
from groupwise.export.engines import trouble_of
from groupwise.export.parity import IMAGES, check_parity
from groupwise.files import read_json, write_atomic, write_json
from groupwise.inference.bundle import PARITY
from groupwise.inference.predictor import TIMM_CROP_MODES
from groupwise.models.resnext import ResNeXt, ResNeXtConfig
from groupwise.models.weights import save_weights

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
TOLERANCE = 1e-5  # torch against torch
TRANSFORM_TOLERANCE = 1e-3  # on probabilities
OBLONG = 0.6  # of a side is kept, to see what becomes of oblong pictures
# timm's networks whose arguments give every one of ours that timm can build, by their block
TIMM_BASES = {"bottleneck": "resnext50_32x4d", "basic": "resnet18"}


def write_timm(source: Source, folder: Path, _: Terms) -> list[str]:
    """Write timm's folder; refused for a network that timm cannot build."""
    net = single_network(source)
    arguments = torchvision_arguments(net.config, "timm")
    config = read_json(source.run.require("config.json"))
    layers, groups, width = arguments["layers"], arguments["groups"], arguments["width_per_group"]
    resize = source.predictor.preprocessing.resize
    config |= {
        "architecture": TIMM_BASES[net.config.block],
        "model_args": {"layers": layers, "cardinality": groups, "base_width": width},
        "pretrained_cfg": config["pretrained_cfg"] | {"crop_mode": TIMM_CROP_MODES[resize]},
    }
    remarks = _write_folder(source, folder, net, config, "timm", lambda: _open_timm(folder))
    if not remarks:
        _prove_transform(source, folder)
    elif resize == "crop":
        raise _cut_otherwise(f"cannot be compared with timm, which {trouble_of('timm')}")
    return remarks


def write_hub(source: Source, folder: Path, terms: Terms) -> list[str]:
    """Write the folder of a repository on the hub; timm's too where timm can build the network."""
    net = single_network(source)
    card = source.run.path(CARD)
    text = card.read_text(encoding="utf-8") if card.is_file() else "---\nlibrary_name: groupwise\n---\n"
    try:
        remarks = write_timm(source, folder, terms)
    except UsageError:
        config = read_json(source.run.require("config.json"))
        remarks = _write_folder(source, folder, net, config)
    fields = read_json(folder / CONFIG)["groupwise"]["model"]
    write_json(folder / CONFIG, read_json(folder / CONFIG) | {"config": fields})
    write_atomic(folder / CARD, text if terms.licence is None else card_with_licence(text, terms.licence))
    return remarks


def card_with_licence(card: str, licence: str) -> str:
    """A card whose front matter, where the hub looks, says the licence, in place of one it may say."""
    line = yaml.safe_dump({"license": licence}, allow_unicode=True)
    if not card.startswith("---\n"):
        return f"---\n{line}---\n\n{card}"
    front, end, body = card.removeprefix("---\n").partition("\n---\n")
    other = re.sub(r"^license:.*\n?", "", front, flags=re.M)
    return f"---\n{line}{other}{end}{body}"


def write_torchvision(source: Source, folder: Path, _: Terms) -> list[str]:
    """Write weights by torchvision's keys, and the arguments of its `ResNet`."""
    net = single_network(source)
    arguments = torchvision_arguments(net.config, "torchvision")
    remarks = _write_folder(
        source, folder, net, None, "torchvision", lambda: _open_torchvision(folder, net, arguments)
    )
    write_json(folder / "resnet.json", arguments)
    return remarks


def single_network(source: Source) -> ResNeXt:
    """The one network of a run; `UsageError` for an ensemble and for a probe."""
    if isinstance(source.predictor.model, ResNeXt):
        return source.predictor.model
    what = "an ensemble of several networks" if source.run.is_ensemble else "a probe of features in ONNX"
    raise UsageError(
        f"{what}, which this form cannot hold",
        place=source.run.folder,
        remedy="Export one of its models, or --to bundle."
        if source.run.is_ensemble
        else "Export it --to bundle or onnx.",
    )


def torchvision_arguments(config: ResNeXtConfig, library: str) -> dict[str, Any]:
    """The arguments of torchvision's `ResNet`; `UsageError` where neither it nor timm has such a network."""
    basic = config.block == "basic"
    ours = ResNeXtConfig(
        config.depths,
        config.cardinality,
        config.base_width,
        num_classes=config.num_classes,
        block="basic" if basic else "bottleneck",
        expansion=1 if basic else 4,
    )
    differing = [
        f"{name} {mine} instead of {theirs}"
        for name in (
            "stem",
            "planes",
            "in_channels",
            "conv_bias",
            "stride_in",
            "pool_px",
            "se_ratio",
            "shortcut_pool",
            "widths",
            "expansion",
            "group_width",
            "halving",
            "radix",
            "block",
            "mirror_average",
        )
        if (mine := getattr(config, name)) != (theirs := getattr(ours, name))
    ]
    if len(config.depths) != 4:
        differing.append(f"{len(config.depths)} stages instead of 4")
    if differing:
        raise UsageError(
            f"{library} has no such network: {', '.join(differing)}",
            place="--to",
            remedy="Export it --to bundle, onnx or torch."
            + " One that averages no mirrored look is trained by --model.overrides '{mirror_average: false}'."
            * config.mirror_average,
        )
    return {
        "layers": list(config.depths),
        "groups": config.cardinality,
        "width_per_group": config.base_width,
        "num_classes": config.num_classes,
    }


def _write_folder(
    source: Source,
    folder: Path,
    net: ResNeXt,
    config: dict[str, Any] | None,
    library: str | None = None,
    open_peer: Callable[[], nn.Module] | None = None,
) -> list[str]:
    """Write weights and `config`, and have the library read them back, where it can be imported."""
    save_weights(net, folder / WEIGHTS)
    if config is not None:
        write_json(folder / CONFIG, config)
    if library is None or open_peer is None:
        return []
    if trouble := trouble_of(library):
        return [f"Not checked against {library}, which {trouble}"]
    prove_against_torch(source, folder, open_peer().eval())
    return []


def prove_against_torch(source: Source, folder: Path, forward: Callable[[Tensor], Tensor]) -> None:
    """Enter in `parity.json` how near `forward` comes to the network; `GroupwiseError` where too far."""
    shown, inputs = shown_inputs(source)
    with torch.inference_mode():
        proof = check_parity(
            torch_logits(source.predictor.model, inputs),
            lambda batch: forward(torch.from_numpy(batch)).double().numpy(),
            inputs,
            names=shown.paths,
            packages=("torch", "numpy", "pillow"),
            tolerance=TOLERANCE,
        )
    write_json(folder / PARITY, proof | shown.facts())


def _prove_transform(source: Source, folder: Path) -> None:
    """Compare probabilities by timm's own transform with ours, on pictures whole and cut to be oblong."""
    from timm.data import create_transform, resolve_data_config

    predictor = source.predictor
    model = _open_timm(folder).eval()
    transform = create_transform(**resolve_data_config(model=model), is_training=False)
    shown = source.material.spread(IMAGES)
    pictures = []
    for path in shown.paths:
        place = shown.root / path
        pixels = decode(read_file(place), place=place, reading=predictor.preprocessing.reading).rgb
        height, width = (max(1, round(OBLONG * side)) for side in pixels.shape[:2])
        pictures += [pixels, pixels[:, :width], pixels[:height]]
    ours = predictor.preprocessing.normalise(
        np.stack([predictor.preprocessing.resize_image(p) for p in pictures])
    )
    with torch.inference_mode():
        logits = model(torch.stack([transform(Image.fromarray(p)) for p in pictures])).double().numpy()
    decision = predictor.decision
    probs = [decision.probs(one) for one in (torch_logits(predictor.model, ours), logits)]
    largest = float(np.abs(probs[0] - probs[1]).max())
    if not largest <= TRANSFORM_TOLERANCE:
        raise _cut_otherwise(f"changes a probability by {largest:.2g} in timm's own transform")
    proof = read_json(folder / PARITY)
    write_json(
        folder / PARITY, proof | {"transform": {"pictures": len(pictures), "largest_difference": largest}}
    )


def _cut_otherwise(fact: str) -> UsageError:
    return UsageError(
        f"its way to make a square {fact}",
        place="data.resize",
        remedy="Nothing was written. Train with --data.resize squash or pad, or export --to bundle.",
    )


def _open_timm(folder: Path) -> nn.Module:
    import timm

    model: nn.Module = timm.create_model(f"local-dir:{folder}", pretrained=True)
    return model


def _open_torchvision(folder: Path, net: ResNeXt, arguments: dict[str, Any]) -> nn.Module:
    from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

    peer = ResNet(BasicBlock if net.config.block == "basic" else Bottleneck, **arguments)
    peer.load_state_dict(safetensors.torch.load_file(folder / WEIGHTS))
    return peer  # type: ignore[no-any-return]
