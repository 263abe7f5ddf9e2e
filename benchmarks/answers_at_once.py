"""The time that a wrong command costs, of every verb: a path that is not there, an unknown option, an output
that exists.

    python benchmarks/answers_at_once.py [--repeats 5]

Every turn starts an empty Python and then each wrong command once, so that a busy machine slows both. Counted
is the time on the processor, which is the wait where a core is free; each has to be refused, and to leave the
folder as it was. Printed are the medians over the turns, with the ratio to the empty Python of the same turn.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from groupwise.cli.main import VERBS

# What each verb takes; a path is one of those that `main` makes.
GOOD = {
    "scan": ["data"],
    "show": ["data"],
    "audit": ["data"],
    "split": ["data", "--out", "new.csv"],
    "plan": ["data"],
    "train": ["data", "--run", "new"],
    "lr-find": ["data"],
    "probe": ["data", "--features", "run", "--run", "new"],
    "sweep": ["data", "--run", "new"],
    "compare": ["run", "run"],
    "export": ["run", "--to", "onnx"],
    "predict": ["run", "data"],
    "demo": ["--run", "new"],
    "info": [],
}
TAKEN = {  # an output that is there already, or is of the other kind
    "scan": ["data", "--out", "full"],
    "show": ["data", "--out", "full"],
    "audit": ["data", "--out", "file.csv"],
    "split": ["data", "--out", "full"],
    "plan": ["data", "--out", "full"],
    "train": ["data", "--run", "full"],
    "lr-find": ["data", "--out", "full"],
    "sweep": ["data", "--run", "full"],
    "probe": ["data", "--features", "run", "--run", "full"],
    "export": ["run", "--to", "onnx", "--out", "file.csv"],
    "explain": ["run", "data", "--out", "file.csv"],
    "predict": ["run", "data", "--csv", "full"],
    "report": ["run", "--figures", "file.csv"],
    "demo": ["--run", "file.csv"],
}


def commands() -> dict[tuple[str, str], list[str]]:
    """The wrong commands, by verb and by what is wrong."""
    found = {}
    for verb in VERBS:
        good = GOOD.get(verb, ["run"])
        if good and not good[0].startswith("--"):
            found[verb, "no such path"] = [verb, "absent", *good[1:]]
        found[verb, "no such option"] = [verb, *good, "--outt", "x"]
        if verb in TAKEN:
            found[verb, "output exists"] = [verb, *TAKEN[verb]]
    return found


def seconds(*words: str, folder: str) -> tuple[float, int]:
    """Processor time of one start of Python, and its exit status."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.returncode


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5, help="turns")
    turns = parser.parse_args().repeats
    waits: dict[tuple[str, str], list[float]] = {wrong: [] for wrong in commands()}
    ratios: dict[tuple[str, str], list[float]] = {wrong: [] for wrong in commands()}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("data", "run", "full/more"):
            Path(folder, name).mkdir(parents=True)
        Path(folder, "file.csv").touch()
        there = sorted(os.walk(folder))
        for _ in range(turns):
            empty, _ = seconds("-c", "pass", folder=folder)
            for wrong, words in commands().items():
                took, status = seconds("-m", "groupwise", *words, folder=folder)
                if status not in (1, 2) or sorted(os.walk(folder)) != there:
                    raise SystemExit(
                        f"groupwise {' '.join(words)}: exit status {status}, or something written"
                    )
                waits[wrong].append(took)
                ratios[wrong].append(took / empty)
    print("| verb | what is wrong | CPU seconds | ratio to `python -c pass` |\n|---|---|---:|---:|")
    for wrong in sorted(waits, key=lambda wrong: -statistics.median(waits[wrong])):
        middle = statistics.median(ratios[wrong])
        print(f"| {' | '.join(wrong)} | {statistics.median(waits[wrong]):.2f} | {middle:.1f} |")


if __name__ == "__main__":
    main()
