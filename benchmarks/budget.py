"""How far from its budget `groupwise train --budget` ends, from the start of its process to its exit.

    python benchmarks/budget.py DATA[:GROUP COLUMN] [...] [--minutes 1 2 5 8 20] [--results FILE]

A CSV beside its pictures, or a folder. Every budget is a process of its own, one after another. It is kept
where the command ends within 5 % of it (at least 5 s); a command may also refuse what it cannot keep. Printed
beside are what the baselines took of the time, the epochs, the memory, and the load of the machine, which
other work on it raises. Each measurement is a line of the results: the program can be stopped, and measures
what is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TOLERANCE, LEAST_TOLERANCE_S = 0.05, 5.0
REFUSED = 2  # the exit status of wrong usage, which a budget that cannot be kept is


def measure(data: str, minutes: float) -> dict[str, Any]:
    """Run the command once."""
    file, _, column = data.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = [sys.executable, "-m", "groupwise", "train", file, "--run", str(run)]
        words += ["--budget", f"{60 * minutes:g}s", *(["--group-column", column] if column else [])]
        began = time.perf_counter()
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        if done.returncode not in (0, REFUSED):
            raise SystemExit(done.stderr)
        found = {
            "data": Path(file).stem,
            "minutes": minutes,
            "seconds": seconds,
            "load": os.getloadavg()[0],
            "refused": done.stderr.strip() if done.returncode == REFUSED else "",
        }
        if not found["refused"]:
            baselines = json.loads((run / "baselines.json").read_text())
            found |= {
                "peak_memory_bytes": json.loads((run / "run.json").read_text())["peak_memory_bytes"],
                "baselines_s": baselines["seconds"],
                "epochs": len((run / "history.csv").read_text().splitlines()) - 1,
                "accuracy": json.loads((run / "report.json").read_text())["headline"]["accuracy"]["value"],
            }
    return found


def is_kept(found: dict[str, Any]) -> bool:
    """Whether the promise held."""
    budget_s = 60 * found["minutes"]
    return abs(found["seconds"] - budget_s) <= max(TOLERANCE * budget_s, LEAST_TOLERANCE_S)


def row(found: dict[str, Any]) -> str:
    """One line of the table."""
    start = f"| {found['data']} | {found['minutes']:g} min | {found['seconds']:.1f} s"
    if found["refused"]:
        return f"{start} | refused | | | | {found['load']:.1f} |"
    late_s = found["seconds"] - 60 * found["minutes"]
    return (
        f"{start} | {late_s:+.1f} s, {'kept' if is_kept(found) else 'missed'} |"
        f" {found['baselines_s'] / (60 * found['minutes']):.1%} | {found['epochs']} |"
        f" {found['peak_memory_bytes'] / 2**30:.1f} GiB | {found['load']:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 2, 5, 8, 20])
    parser.add_argument("--results", type=Path, default=Path("budget.jsonl"))
    options = parser.parse_args()
    lines = options.results.read_text().splitlines() if options.results.exists() else []
    known = [json.loads(line) for line in lines]
    print("| set | budget | took | late | baselines of the budget | epochs | memory | load |")
    print("|---|---|---|---|---|---|---|---|")
    for data in options.data:
        for minutes in options.minutes:
            stem = Path(data.partition(":")[0]).stem
            found = next((k for k in known if (k["data"], k["minutes"]) == (stem, minutes)), None)
            if found is None:
                found = measure(data, minutes)
                with options.results.open("a") as file:
                    file.write(json.dumps(found) + "\n")
            print(row(found), flush=True)


if __name__ == "__main__":
    main()
