"""The time that `--help` of every verb costs, as a ratio to an empty Python of the same turn.

    python benchmarks/help.py [--repeats 5]

Every turn starts an empty Python and then each verb once, so that a busy machine slows both. Counted is the
time on the processor, which is the wait where a core is free. Printed are the medians over the turns with the
least and the greatest ratio, the slowest verb first.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

from groupwise.cli.main import VERBS


def seconds(*words: str) -> float:
    """Processor time of one start of Python."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5, help="turns")
    turns = parser.parse_args().repeats
    waits: dict[str, list[float]] = {verb: [] for verb in VERBS}
    ratios: dict[str, list[float]] = {verb: [] for verb in VERBS}
    for _ in range(turns):
        empty = seconds("-c", "pass")
        for verb in VERBS:
            waits[verb].append(seconds("-m", "groupwise", verb, "--help"))
            ratios[verb].append(waits[verb][-1] / empty)
    print("| verb | CPU seconds | ratio to `python -c pass` |\n|---|---:|---:|")
    for verb in sorted(VERBS, key=lambda verb: -statistics.median(ratios[verb])):
        low, high = min(ratios[verb]), max(ratios[verb])
        middle = statistics.median(ratios[verb])
        print(f"| {verb} | {statistics.median(waits[verb]):.2f} | {middle:.1f} ({low:.1f} to {high:.1f}) |")


if __name__ == "__main__":
    main()
