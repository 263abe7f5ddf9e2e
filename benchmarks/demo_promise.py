"""The demo's recipe over seeds and settings of the processor: does its promise hold in all of them?

    python benchmarks/demo_promise.py [--seeds 0 1 2 3 4] [--settings all AVX2 ...]

Each training is a process of its own, `groupwise train DIGITS --recipe digits` with the environment of its
setting, so that torch and oneDNN choose other instructions. What follows `--` goes to `groupwise train`, to
try another recipe; choose by `--fold val` and by other seeds than those that judge. Ends with status 1 where
the lowest accuracy is below `--at-least`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from groupwise.cli.demo import write_digits

# What oneDNN and ATen may use, and on how many threads; the first is all that this processor has.
SETTINGS: dict[str, dict[str, str]] = {
    "all": {"OMP_NUM_THREADS": "1"},
    "all, 2 threads": {"OMP_NUM_THREADS": "2"},
    "AVX-512 without bf16": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI", "OMP_NUM_THREADS": "1"},
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "OMP_NUM_THREADS": "1"},
    "SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "1"},
}
# torch asks the processor for bfloat16, not oneDNN, so a setting without it says so itself.
WITHOUT_BF16 = ("--training.precision", "fp32")


def main() -> None:
    """Train by every setting and seed, print a row each, and compare the lowest with the promise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--fold", choices=("val", "test"), default="test")
    parser.add_argument("--at-least", type=float, default=97.0, help="points")
    parser.add_argument("--csv", type=Path, help="also write the rows there, as they come")
    parser.add_argument("options", nargs="*", help="for `groupwise train`, after --")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "digits"
        write_digits(data)
        lowest = 100.0
        print("| setting | seed | accuracy | n | lowest of the second half on val | seconds of training |")
        print("|---|---|---|---|---|---|", flush=True)
        for seed in arguments.seeds:
            for setting in arguments.settings:
                run = Path(folder) / "run"
                train(data, run, setting, seed, arguments.options)
                row = read_row(run, arguments.fold)
                cells = [f"{row[0]:.1f} %", str(row[1]), f"{row[2]:.1f} %", f"{row[3]:.1f}"]
                print(f"| {setting} | {seed} | {' | '.join(cells)} |", flush=True)
                if arguments.csv is not None:
                    with arguments.csv.open("a", newline="") as file:
                        csv.writer(file).writerow([setting, seed, *row])
                lowest = min(lowest, row[0])
                subprocess.run(["rm", "-r", str(run)], check=True)
    print(f"\nLowest: {lowest:.1f} %, promised: at least {arguments.at_least:g} %")
    sys.exit(0 if lowest >= arguments.at_least else 1)


def train(data: Path, run: Path, setting: str, seed: int, options: list[str]) -> None:
    """One training in a process of its own; its output is shown where it fails."""
    command = [sys.executable, "-m", "groupwise", "train", str(data), "--run", str(run), "--recipe", "digits"]
    command += ["--seed", str(seed), "--baselines", "none"]
    if "ONEDNN_MAX_CPU_ISA" in SETTINGS[setting]:
        command += WITHOUT_BF16
    done = subprocess.run(
        [*command, *options], env=os.environ | SETTINGS[setting], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{setting}, seed {seed}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def read_row(run: Path, fold: str) -> tuple[float, int, float, float]:
    """Accuracy on the fold in points, its n, the lowest of the second half of epochs on `val`, seconds."""
    accuracy = json.loads((run / "metrics.json").read_text())[fold]["accuracy"]
    with (run / "history.csv").open(newline="") as file:
        epochs = list(csv.DictReader(file))
    late = [100 * float(epoch["select_accuracy"]) for epoch in epochs[len(epochs) // 2 :]]
    seconds = sum(float(epoch["seconds"]) for epoch in epochs)
    return 100 * accuracy["value"], accuracy["n"], min(late), seconds


if __name__ == "__main__":
    main()
