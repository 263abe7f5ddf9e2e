"""Do two processors train the same network bit for bit, if both are told to use the same instructions?

    python benchmarks/portable.py [--emulator qemu-x86_64] [--steps 12]

A small ResNeXt learns scikit-learn's digits for some steps, in a process of its own a row; printed are the
first digits of a digest of its weights and of one of its answers. `portable` has the settings of `groupwise
train ... --deterministic portable`; the rows below it take from one library at a time what a lesser processor
lacks, as far as it can be told so; with `--emulator` whole processors are emulated, down to their caches.
Ends with status 1 where one of them differs from `portable`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from groupwise.distributed.portable import SETTINGS

# What libraries are told that the processor lacks
LESSER = {
    "glibc without AVX-512": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW"},
    "glibc without AVX2 and FMA": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-FMA"},
    "MKL with AVX2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "MKL with SSE4.2": {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
    "numpy without AVX-512": {"NPY_DISABLE_CPU_FEATURES": "X86_V4"},
    "numpy without AVX2": {"NPY_DISABLE_CPU_FEATURES": "X86_V4 X86_V3"},
    "OpenBLAS for Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "OpenCV without AVX-512 and AVX2": {"OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2"},
}
OWN = {"OMP_NUM_THREADS": "2"}  # all that the processor has
EMULATED = ("Haswell", "Skylake-Client", "EPYC")


def main() -> None:
    """Train by every row, and compare those that should be equal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--emulator", help="qemu-x86_64, to train on emulated processors as well")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--only", nargs="+", help="rows, by their names")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(train(arguments.steps)))
        return
    rows: list[tuple[str, dict[str, str], list[str]]] = [
        ("all instructions", OWN, []),
        ("all instructions, MKL compatible", OWN | {"MKL_CBWR": "COMPATIBLE"}, []),
        ("portable", SETTINGS, []),
        ("portable, one thread", SETTINGS | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}, []),
        *((f"portable, {name}", SETTINGS | settings, []) for name, settings in LESSER.items()),
    ]
    if arguments.emulator:
        emulate = shlex.split(arguments.emulator)
        rows += [(f"portable, emulated {cpu}", SETTINGS, [*emulate, "-cpu", cpu]) for cpu in EMULATED]
    expected, differing = None, []
    for name, settings, prefix in rows:
        if arguments.only and name not in ("portable", *arguments.only):
            continue
        found = train_apart(settings, prefix, arguments.steps)
        print(
            f"{name:44} {found['capability']:8} {found['weights'][:12]} {found['answers'][:12]}", flush=True
        )
        if name == "portable":
            expected = found
        elif expected and "thread" not in name and found["weights"] != expected["weights"]:
            differing.append(name)
    print(f"Other bits than portable: {', '.join(differing) or 'none'}")
    sys.exit(1 if differing else 0)


def train_apart(settings: dict[str, str], prefix: list[str], steps: int) -> dict[str, str]:
    """One training in a process of its own; what it prints is shown where it fails."""
    command = [*prefix, sys.executable, __file__, "--one", "--steps", str(steps)]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{settings}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def train(steps: int) -> dict[str, str]:
    """Digests of the weights and of the answers after some steps from pictures that were decoded here."""
    import numpy as np
    import torch
    from PIL import Image
    from sklearn.datasets import load_digits

    from groupwise.distributed.world import World
    from groupwise.inference.predictor import predict_logits
    from groupwise.models.resnext import create_model
    from groupwise.recipe.parsing import read_recipe
    from groupwise.training.config import FitConfig, FitData
    from groupwise.training.trainer import Trainer

    batch = 64
    changes = {"training.precision": "fp32", "training.batch_size": batch, "training.epochs": 2}
    _, recipe = read_recipe("digits", changes)
    n = batch * max(1, steps // 2)
    digits = load_digits()
    with tempfile.TemporaryDirectory() as folder:
        images = []
        for image in digits.images[:n]:
            file = Path(folder) / "one.png"
            levels = np.rint(image * (255 / 16)).astype(np.uint8)
            Image.fromarray(levels).resize((48, 48)).convert("RGB").save(file)
            images.append(recipe.data.resize_image(np.asarray(Image.open(file))))
        pixels, labels = np.stack(images), digits.target[:n].astype(np.int64)
        torch.manual_seed(0)
        model = create_model(recipe.model.preset, **recipe.model.overrides, num_classes=10)
        config = FitConfig(recipe.training, recipe.optim, recipe.loss, recipe.augment, recipe.data, 0)
        data = FitData(pixels, labels, np.arange(n), np.arange(min(n, batch)))
        result = Trainer(model, data, config, world=World(), checkpoints=Path(folder)).fit()
    model.load_state_dict(dict(result.weights))
    answers = predict_logits(model, pixels[:batch], recipe.data)
    weights = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        weights.update(name.encode() + value.contiguous().numpy().tobytes())
    return {
        "weights": weights.hexdigest(),
        "answers": hashlib.sha256(answers.tobytes()).hexdigest(),
        "capability": torch.backends.cpu.get_cpu_capability(),
    }


if __name__ == "__main__":
    main()
