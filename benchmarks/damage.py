"""Damages checkpoints and fills a real disk, and counts what is found, passed over, or lost.

    python benchmarks/damage.py [--copies 500 --seed 0]

Each copy of a folder with two checkpoints has one bit of the newest turned over, or its end cut off; a tenth
have both checkpoints damaged. Loading has to name every damaged file, and give the sound one where there is
one. The full disk is a tmpfs of its own (so the program has to run as root) that a file fills up in the
middle of training and that is freed again later; the run has to end with the weights of an undisturbed one.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from groupwise.data.decode import Preprocessing
from groupwise.distributed.world import World
from groupwise.models.resnext import create_model
from groupwise.recipe.augment import AugmentConfig
from groupwise.recipe.optimizer import OptimConfig
from groupwise.recipe.training import LossConfig, TrainingConfig
from groupwise.training.callbacks import Callback, WarningLog
from groupwise.training.checkpoint import load_checkpoint
from groupwise.training.config import EpochRecord, FitConfig, FitData, FitResult
from groupwise.training.trainer import Trainer


def train(folder: Path, callbacks: Sequence[Callback] = ()) -> FitResult:
    """A small fit: 48 images of two classes, six epochs, a moving average of the weights."""
    rng = np.random.default_rng(0)
    labels = np.arange(48) % 2
    images = rng.integers(0, 120, (48, 16, 16, 3)) + 80 * labels[:, None, None, None]
    data = FitData(images.astype(np.uint8), labels, np.arange(36), np.arange(36, 48))
    training = TrainingConfig(epochs=6, batch_size=8, ema_decay=0.9, device="cpu")
    parts = (OptimConfig(), LossConfig(), AugmentConfig(flip=0.5), Preprocessing(image_size_px=16))
    torch.manual_seed(0)
    model = create_model("resnext11_8x4d", num_classes=2, depths=(1, 1), cardinality=2, planes=16)
    config = FitConfig(training, *parts, seed=0)
    return Trainer(model, data, config, world=World(), checkpoints=folder, callbacks=callbacks).fit()


def damage(path: Path, rng: random.Random) -> str:
    """Turn over one bit of a file, or cut its end off; returns which."""
    content = bytearray(path.read_bytes())
    position = rng.randrange(len(content))
    if rng.random() < 0.5:
        content[position] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        return "one bit turned over"
    path.write_bytes(content[:position])
    return "end cut off"


def judge_copies(source: Path, folder: Path, copies: int, rng: random.Random) -> Counter[tuple[str, str]]:
    """Damage copies of `source` and load them; counts (damage, what came of it)."""
    counts: Counter[tuple[str, str]] = Counter()
    for number in range(copies):
        copy = Path(shutil.copytree(source, folder / str(number)))
        older, newest = sorted(copy.iterdir())
        damaged = [newest] if number % 10 else [newest, older]
        kind = {damage(path, rng) for path in damaged}
        state, rejected = load_checkpoint(copy)
        named = [entry.path for entry in rejected] == damaged
        epochs = 0 if state is None else len(state["history"])
        fell_back = epochs == (0 if older in damaged else 5)
        what = "the newest" if number % 10 else "both"
        counts[f"{what}: {' / '.join(sorted(kind))}", "found" if named and fell_back else "LOST"] += 1
        shutil.rmtree(copy)
    return counts


def fill_disk(folder: Path) -> tuple[FitResult, list[str], bool]:
    """Train on a disk that is full from epoch 2 to 4; also returns what was said, and whether all loaded."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=True)
    ballast, said, loadable = folder / "ballast", [], []

    class Ballast(Callback):
        def on_epoch_end(self, history: Sequence[EpochRecord], _: torch.nn.Module) -> None:
            epoch = history[-1]
            if epoch.epoch == 2:
                with ballast.open("wb", buffering=0) as file:
                    try:
                        while True:
                            file.write(bytes(4096))
                    except OSError:
                        pass
            if epoch.epoch in (3, 4):
                state, rejected = load_checkpoint(folder / "checkpoints")
                loadable.append(state is not None and len(state["history"]) == 2 and not rejected)
            if epoch.epoch == 4:
                ballast.unlink()

    try:
        fitted = train(folder / "checkpoints", [WarningLog(said.append), Ballast()])
        state, _ = load_checkpoint(folder / "checkpoints")
        loadable.append(state is not None and len(state["history"]) == 6)
        return fitted, said, all(loadable) and len(loadable) == 3
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--copies", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="groupwise-damage-"))
    whole = train(folder / "whole")
    counts = judge_copies(folder / "whole", folder, options.copies, random.Random(options.seed))
    print("| damaged checkpoint | result | copies |\n|---|---|---|")
    for (kind, result), count in sorted(counts.items()):
        print(f"| {kind} | {result} | {count} |")
    fitted, said, loadable = fill_disk(folder / "disk")
    same = all(torch.equal(fitted.weights[key], whole.weights[key]) for key in whole.weights)
    print(f"\nFull disk: {len(said)} checkpoints not written, and said so:")
    print("\n".join(f"> {line}" for line in said))
    print(f"The older checkpoint stayed loadable: {loadable}. Final weights equal: {same}.")
    shutil.rmtree(folder)
    if not (same and loadable and all(result == "found" for _, result in counts)):
        sys.exit(1)


if __name__ == "__main__":
    main()
