"""Activation checkpointing: the memory and the time of a training step, with and without.

    python benchmarks/checkpointing.py [--preset resnext50_32x4d] [--size 224] [--batch 16]

Each of the two has a process of its own, which takes two steps. Told is by how much its peak of main memory
rose, and the processor's time of the second step.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import torch
from torch import nn

from groupwise.models.resnext import create_model
from groupwise.training.memory import peak_memory_bytes


def measure(preset: str, size: int, batch: int, *, keeps: bool) -> tuple[float, float]:
    """Mebibytes that steps add to the peak, and the processor's seconds of one."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = create_model(preset, num_classes=10, activation_checkpointing=not keeps).train()
    images, labels = torch.randn(batch, 3, size, size), torch.arange(batch) % 10
    before, began = peak_memory_bytes() or 0, 0.0
    for _ in range(2):
        began = time.process_time()
        nn.functional.cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
    return ((peak_memory_bytes() or 0) - before) / 2**20, time.process_time() - began


def main() -> None:
    """Print a line with and a line without."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", default="resnext50_32x4d")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--one", choices=("kept", "computed again"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        keeps = arguments.one == "kept"
        memory, seconds = measure(arguments.preset, arguments.size, arguments.batch, keeps=keeps)
        print(f"activations {arguments.one}: {memory:,.0f} MiB, {seconds:.1f} s of the processor a step")
        return
    for one in ("kept", "computed again"):
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--one", one], check=True)


if __name__ == "__main__":
    main()
