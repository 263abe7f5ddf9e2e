"""Times ResNeXt-50 at 224 px in the forms that Groupwise exports, beside other ways to run it.

    python benchmarks/inference.py [--repeats 20] [--batch 1 16] [--threads 2] [--preset resnext50_32x4d]

All candidates run in one process, one after another within each repeat (A B C A B C ...), on random images
and random weights, which cost the same time as others. A turn begins with a pause, in which the threads of
the one before fall asleep, and a call that does not count. Milliseconds are by the wall, or with `--cpu` of
this process's processors, which other work disturbs less but where idle threads count: then give --threads 1.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import torch

from groupwise.data.decode import Preprocessing
from groupwise.export.network import LANES
from groupwise.export.onnx import export_onnx
from groupwise.export.quantise import INT8_LANES, quantise
from groupwise.models.resnext import create_model

SIZE_PX = 224
FLOATS, NARROW = "ours, float32", "ONNX Runtime, groups as they are"
INTEGERS = "ours, int8"

PAUSE_S = 0.1
CALLS = 3  # a turn

Forward = Callable[[Any], Any]


def main() -> None:
    """Build every candidate, time them in turn, and print a table a batch size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--preset", default="resnext50_32x4d")
    parser.add_argument("--cpu", action="store_true", help="processor time instead of time by the wall")
    arguments = parser.parse_args()
    clock = time.process_time if arguments.cpu else time.perf_counter
    torch.set_num_threads(arguments.threads)
    candidates = build(arguments.preset, arguments.threads)
    for batch in arguments.batch:
        images = np.random.default_rng(0).normal(size=(batch, 3, SIZE_PX, SIZE_PX)).astype(np.float32)
        print(f"\nBatch {batch}, {arguments.threads} threads, milliseconds an image\n")
        print(table(measure(candidates, images, arguments.repeats, clock)))


def build(preset: str, threads: int) -> dict[str, Forward]:
    """Each candidate as a function of images (N, 3, S, S)."""
    torch.manual_seed(0)
    model = create_model(preset).eval()
    models = {lanes: export_onnx(model, SIZE_PX, lanes=lanes) for lanes in (1, LANES, INT8_LANES)}
    shown = np.random.default_rng(1).integers(0, 256, (8, SIZE_PX, SIZE_PX, 3)).astype(np.uint8)
    small = {lanes: quantise(models[lanes], shown, Preprocessing()) for lanes in (1, INT8_LANES)}
    model = model.to(memory_format=torch.channels_last)
    return {
        FLOATS: _session(models[LANES], threads),
        NARROW: _session(models[1], threads),
        "torch, eager": _eager(model),
        "torch.compile": _eager(torch.compile(model)),
        "OpenVINO": _openvino(models[1], threads),
        INTEGERS: _session(small[INT8_LANES], threads),
        "ONNX Runtime, int8, groups as they are": _session(small[1], threads),
        "OpenVINO, int8": _openvino(small[INT8_LANES], threads),
    }


def _session(model: bytes, threads: int) -> Forward:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["logits"], {"images": images})


def _eager(model: Any) -> Forward:
    def forward(images: Any) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(images).to(memory_format=torch.channels_last))

    return forward


def _openvino(model: bytes, threads: int) -> Forward:
    import openvino

    core = openvino.Core()
    hints = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(core.read_model(model), "CPU", hints)
    return lambda images: compiled(images)


def measure(
    candidates: dict[str, Forward], images: Any, repeats: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Milliseconds an image of each call."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, forward in candidates.items():
            time.sleep(PAUSE_S)
            forward(images)
            for _ in range(CALLS):
                start = clock()
                forward(images)
                times[name].append((clock() - start) * 1e3 / len(images))
    return times


def table(times: dict[str, list[float]]) -> str:
    """Median and quartiles, and the speed over ONNX Runtime with its defaults."""
    base = statistics.median(times[NARROW])
    lines = ["| way | median | quartiles | speed |", "|---|---|---|---|"]
    for name, values in times.items():
        low, middle, high = statistics.quantiles(values, n=4)
        lines.append(f"| {name} | {middle:.1f} | {low:.1f} to {high:.1f} | {base / middle:.2f}x |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
