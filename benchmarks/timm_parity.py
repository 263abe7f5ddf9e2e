"""Compares the family with timm's on equal weights, and freezes timm's logits for the tests.

As in `torchvision_parity.py`, whose deterministic weights these are, the packages lie beside the project:

    PYTHONPATH=/tmp/references python benchmarks/timm_parity.py [--write]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import safetensors.torch
import torch

from groupwise.models.resnext import create_model
from groupwise.models.weights import load_weights, regnet_key
from torchvision_parity import CLASSES, TOLERANCE, fill_network, logits

FINGERPRINT = Path(__file__).parents[1] / "tests/models/timm_fingerprint.json"
NETWORKS = (
    "resnet18",
    "resnet34",
    "resnet18d",
    "resnet34d",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x4d",
    "resnext101_32x8d",
    "seresnet50",
    "seresnext50_32x4d",
    "seresnext101_32x4d",
    "seresnext101_64x4d",
    "resnet50d",
    "resnext50d_32x4d",
    "resnext101_64x4d",
    "resnest14d",
    "resnest26d",
    "resnest50d",
    "regnetx_004",
    "regnetx_008",
    "regnetx_016",
    "regnetx_032",
    "regnety_004",
    "regnety_008",
    "regnety_016",
    "regnety_032",
)
FROZEN = (
    "resnet18",
    "resnet18d",
    "seresnext50_32x4d",
    "resnext50d_32x4d",
    "resnest14d",
    "regnetx_008",
    "regnety_008",
)
SIZE_PX = 64


def main() -> None:
    """Print the largest difference of each network's logits, and with `--write` freeze some of timm's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    import timm

    frozen, parameters = {}, {}
    for name in NETWORKS:
        ours, theirs = fill_network(create_model(name)), timm.create_model(name).eval()
        parameters[name] = sum(parameter.numel() for parameter in theirs.parameters())
        state = ours.state_dict()
        named = regnet_key if name.startswith("regnet") else str
        theirs.load_state_dict({key: state[named(key)] for key in theirs.state_dict()})
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "theirs.safetensors")
            safetensors.torch.save_file(theirs.state_dict(), file)
            again = create_model(name).eval()
            load_weights(again, file)
        expected = logits(theirs, SIZE_PX)
        for one in (ours, again):
            torch.testing.assert_close(logits(one, SIZE_PX), expected, rtol=TOLERANCE, atol=TOLERANCE)
        largest = (logits(ours, SIZE_PX) - expected).abs().max()
        counted, reach = f"{parameters[name]:,} parameters", f"{expected.abs().max():.1f}"
        print(f"{name}: {counted}; they differ by {largest:.1e} in logits up to {reach}", flush=True)
        if name in FROZEN:
            frozen[name] = expected[:, CLASSES].tolist()
    if arguments.write:
        facts = {"program": "benchmarks/timm_parity.py", "timm": timm.__version__, "size_px": SIZE_PX}
        content = {**facts, "tolerance": TOLERANCE, "parameters": parameters, "logits": frozen}
        FINGERPRINT.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
