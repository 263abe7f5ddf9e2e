"""Races recipes to a score: each trains by itself on equal images and scores the same unseen students.

    python -m pip install --no-deps --target /tmp/peers fastai fastcore 'fastprogress<1.1' fasttransform \
        fastdownload plum-dispatch beartype cloudpickle
    PYTHONPATH=/tmp/peers python benchmarks/race.py --data ../shared/data/sign-digits.csv \
        --group-column student --contestants groupwise fastai timm tutorial-96 --seeds 0 1 2

Each contestant runs in a process of its own, A B C A B C ..., on the same grouped split. The peers, which
set no fold aside to choose on, learn from `train` and `val`; Groupwise learns from `train` alone. Decoding,
caching and scoring count for all; importing for none, and neither does the audit, which no peer has. Printed
are the scores on `test` at the end with the seconds until then; the seconds until each contestant first
stood, at the end of an epoch, where another one ended; and the differences at the end to the first one, with
95 % limits over sources (`groupwise compare`). Who took longer has had more than an equal time. Every run is
a line of RESULTS in the work folder: the program can be stopped, and only runs what is missing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from contestants import CONTESTANTS, Fold, Point

PROGRAM = Path(__file__).with_name("contestants.py")
RESULTS = "results.jsonl"


def write_split(data: Path, group_column: str, out: Path) -> Path:
    """Split by group alone, which every contestant is given; returns the root of the paths."""
    from groupwise.data.participants import Participants
    from groupwise.data.reading import ReadOptions
    from groupwise.data.scan import scan
    from groupwise.data.split import make_split

    manifest = scan(data, ReadOptions(group_column=group_column), progress=lambda *_: None)
    samples = [(sample.path, sample.label, sample.group) for sample in manifest.usable]
    shares = {"train": 0.8, "val": 0.1, "test": 0.1}
    make_split(samples, Participants(range(len(samples))), shares=shares, seed=0).write(out)
    return manifest.root


def run(name: str, split_file: Path, root: Path, seed: int) -> list[Point]:
    """Train one contestant in a process of its own."""
    words = [sys.executable, PROGRAM, name, str(split_file), str(root), str(seed)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def table(races: dict[str, list[list[Point]]]) -> str:
    """The end of every contestant, and when it had reached the others' ends, medians over the seeds."""
    names = list(races)
    ends = {name: statistics.median(points[-1]["accuracy"] for points in races[name]) for name in names}
    lines = [
        "| contestant | seeds | score at the end | seconds | "
        + " | ".join(f"s to {name}'s {100 * ends[name]:.1f} %" for name in names)
        + " |",
        "|" + "---|" * (4 + len(names)),
    ]
    for name in names:
        scores = [100 * points[-1]["accuracy"] for points in races[name]]
        seconds = [points[-1]["seconds"] for points in races[name]]
        reached = [[_first(points, ends[other]) for points in races[name]] for other in names]
        lines.append(
            f"| {name} | {len(scores)} | {_spread(scores, 1)} | {_spread(seconds, 0)} | "
            + " | ".join(_spread(times, 0) if None not in times else "not by all" for times in reached)
            + " |"
        )
    return "\n".join(lines)


def differences(races: dict[str, list[list[Point]]], test: Fold) -> str:
    """Accuracy at the end less that of the first contestant, over the seeds that both have."""
    from groupwise.stats.paired_tests import compare_models

    first, *others = races
    classes = [str(number) for number in range(test.num_classes)]
    lines = []
    for other in others:
        pairs = list(zip(races[first], races[other], strict=True))
        ends = [np.concatenate([pair[i][-1]["answers"] for pair in pairs]) for i in (1, 0)]
        sources = np.unique(np.array(test.groups), return_inverse=True)[1]
        (pair,) = compare_models(
            np.tile(test.labels, len(pairs)),
            [np.eye(test.num_classes)[end] for end in ends],
            np.tile(sources, len(pairs)),
            classes,
            seed=0,
        )
        gain = pair.accuracy
        assert gain.low is not None
        assert gain.high is not None
        lines.append(
            f"{first} less {other}: {100 * gain.value:+.1f} points ({100 * gain.low:+.1f} to "
            f"{100 * gain.high:+.1f}), p {gain.p:.3g}, seeds {len(pairs)}, {gain.test}"
        )
    return "\n".join(lines)


def _first(points: list[Point], accuracy: float) -> float | None:
    return next((point["seconds"] for point in points if point["accuracy"] >= accuracy), None)


def _spread(values: list[Any], digits: int) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--group-column", required=True)
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=["groupwise", "fastai"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--work", type=Path, default=Path("runs/race"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    split_file, file = options.work / "split.csv", options.work / RESULTS
    root = write_split(options.data, options.group_column, split_file).resolve()
    done = {}
    for line in file.read_text().splitlines() if file.is_file() else ():
        result = json.loads(line)
        done[result["name"], result["seed"]] = result["points"]
    for seed in options.seeds:
        for name in options.contestants:
            if (name, seed) in done:
                continue
            done[name, seed] = run(name, split_file, root, seed)
            with file.open("a") as out:
                out.write(json.dumps({"name": name, "seed": seed, "points": done[name, seed]}) + "\n")
            last = done[name, seed][-1]
            print(f"{name}, seed {seed}: {last['accuracy']:.1%} in {last['seconds']:.0f} s", flush=True)
    races = {name: [done[name, seed] for seed in options.seeds] for name in options.contestants}
    print(f"\n{table(races)}\n\n{differences(races, Fold(split_file, root, 'test'))}")


if __name__ == "__main__":
    main()
