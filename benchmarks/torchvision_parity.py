"""Compares resnext50_32x4d with torchvision's and timm's on equal weights, and freezes torchvision's logits.

Groupwise needs neither package, so they are installed beside the project, not into it:

    python -m pip install --no-deps --target /tmp/references torchvision==0.28.0 timm==1.0.31 pyyaml
    python -m pip install --target /tmp/references huggingface_hub
    PYTHONPATH=/tmp/references python benchmarks/torchvision_parity.py [--write]

`--write` renews tests/models/torchvision_fingerprint.json, against which the tests hold the network.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from groupwise.models.resnext import create_model
from groupwise.models.weights import load_weights

FINGERPRINT = Path(__file__).parents[1] / "tests/models/torchvision_fingerprint.json"
PRESET = "resnext50_32x4d"
SIZES_PX = (64, 224)
CLASSES = slice(0, 1000, 125)  # eight logits of each image are enough to tell two networks apart
TOLERANCE = 1e-5


def fill(key: str, shape: tuple[int, ...]) -> Tensor:
    """Values that depend on nothing but the key and the shape, so no generator's version can change them.

    Fractional parts of a steep sine look like noise in [0, 1). They are scaled so that each layer keeps the
    size of its input, as trained weights do, and so that no batch normalisation is idle.
    """
    phase = zlib.crc32(key.encode()) % 9973
    noise = np.sin(np.arange(int(np.prod(shape)), dtype=np.float64) * 12.9898 + phase) * 43758.5453
    uniform = torch.from_numpy((noise - np.floor(noise)).reshape(shape))
    if len(shape) == 4:
        values = (uniform - 0.5) * (24 / np.prod(shape[1:])) ** 0.5  # a variance of 2 / fan in
    elif len(shape) == 2:
        values = (uniform - 0.5) * (0.12 / shape[1]) ** 0.5  # logits of the size of 1
    elif key.endswith("bn3.weight"):
        values = uniform * 0.5  # a residual smaller than its shortcut, else the maps grow from block to block
    elif key.endswith(("running_var", "weight")):
        values = uniform + 0.5
    else:
        values = (uniform - 0.5) * 0.2
    return values.float()


def fill_network(network: nn.Module) -> nn.Module:
    """The network with every floating-point weight and statistic replaced by `fill`, in evaluation mode."""
    state = network.state_dict()
    network.load_state_dict(
        {key: fill(key, tuple(old.shape)) if old.is_floating_point() else old for key, old in state.items()}
    )
    return network.eval()


def fill_images(size_px: int) -> Tensor:
    """Two images, (2, 3, size_px, size_px), of values between -1.5 and 1.5."""
    return (fill("images.weight", (2 * 3 * size_px * size_px,)) - 1).mul(3).reshape(2, 3, size_px, size_px)


def logits(network: nn.Module, size_px: int) -> Tensor:
    """The logits of `fill_images`, (2, num_classes)."""
    with torch.inference_mode():
        result: Tensor = network(fill_images(size_px))
    return result


def _difference(ours: nn.Module, theirs: nn.Module, name: str) -> None:
    for size_px in SIZES_PX:
        expected = logits(theirs, size_px)
        torch.testing.assert_close(logits(ours, size_px), expected, rtol=TOLERANCE, atol=TOLERANCE)
        largest = (logits(ours, size_px) - expected).abs().max()
        print(
            f"{name}, {size_px} px: they differ by {largest:.1e} in logits up to {expected.abs().max():.1f}"
        )


def _load_through_file(theirs: nn.Module, save: Any, name: str) -> nn.Module:
    ours = create_model(PRESET)
    with tempfile.TemporaryDirectory() as folder:
        save(theirs, Path(folder) / name)
        load_weights(ours, Path(folder) / name)
    return ours.eval()


def main() -> None:
    """Compare, print the differences, and renew the fingerprint if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true", help="renew the fingerprint of the tests")
    write = parser.parse_args().write

    # Here, because the tests load this file for its `fill` alone
    from peers import import_torchvision

    torchvision = import_torchvision()
    reference = fill_network(torchvision.models.resnext50_32x4d())
    _difference(fill_network(create_model(PRESET)), reference, "torchvision, same filling")
    ours = _load_through_file(reference, lambda net, path: torch.save(net.state_dict(), path), "weights.pth")
    _difference(ours, reference, "torchvision, through its .pth")

    import timm
    from timm.models import save_for_hf

    theirs = fill_network(timm.create_model(PRESET))
    ours = _load_through_file(theirs, partial(save_for_hf, safe_serialization=True), PRESET)
    _difference(ours, theirs, "timm, through its folder")

    if write:
        record = {
            "program": "benchmarks/torchvision_parity.py",
            "torchvision": torchvision.__version__,
            "torch": torch.__version__,
            "timm": timm.__version__,
            "model": PRESET,
            "tolerance": TOLERANCE,
            "classes": list(range(1000))[CLASSES],
            "logits": {size_px: logits(reference, size_px)[:, CLASSES].tolist() for size_px in SIZES_PX},
            "shapes": {
                key: " ".join(map(str, tensor.shape)) for key, tensor in reference.state_dict().items()
            },
        }
        FINGERPRINT.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
