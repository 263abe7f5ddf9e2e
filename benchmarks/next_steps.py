"""The next steps of runs of many kinds, each given to a shell exactly as it was printed.

    python benchmarks/next_steps.py [SITUATION ...] [--folder FOLDER]

A situation is a small data set and the commands that bring a run into it, in an empty folder and an empty
home. What `report.json` then says to do next is done, step after step, and after each the report is asked
again, until nothing new is said. A server is asked whether it is well and ended. Weights by name need a
network: where there is none, the refusal must say what to bring. The first steps are those that
`tests/report/test_next_steps.py` expects of made runs. Exit status 1 where a command failed or a
situation's first step is another one; some ten minutes on two free cores.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

TINY = (
    " --model.preset resnext11_8x4d --data.image_size_px 16 --training.batch_size 16 --training.epochs 3"
    """ --model.overrides '{"depths": [1], "cardinality": 2, "planes": 16}'"""
)
GROUPED = " --group-column patient"
MOST_STEPS = 8  # of one situation
OFFLINE = "without a network"
PORT_SAID_S = 60.0


class Situation(NamedTuple):
    """Who makes the data, the commands after it, the run that is asked, and how its first step begins."""

    make: Callable[[Path], None]
    commands: tuple[str, ...]
    run: str
    first: str


def pictures(
    folder: Path,
    *,
    classes: int = 2,
    n: int = 60,
    px: int = 20,
    apart: int = 100,
    wrong: float = 0.0,
    levels: int = 0,
    several: bool = False,
) -> None:
    """Write pets.csv and its pictures: classes `apart` in brightness, five pictures a patient."""
    rng = np.random.default_rng(0)
    rows = []
    (folder / "pets").mkdir()
    for i in range(n):
        k = int(rng.integers(classes)) if i >= classes else i
        pixels = rng.integers(0, 120, (px, px, 3)) + apart * k // (classes - 1) + levels
        name = f"pets/{i:03}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name)
        k = int(rng.integers(classes)) if rng.random() < wrong else k
        label = "abcd"[k] if not several else "|".join("abcd"[: k + 1])
        rows.append((name, label, f"patient-{i // 5:02}"))
    with (folder / "pets.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label", "patient"), *rows])
    with (folder / "alone.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label"), *(row[:2] for row in rows)])


def conflict(folder: Path) -> None:
    """One picture under two labels."""
    pictures(folder)
    with (folder / "pets.csv").open(newline="", encoding="utf-8") as file:
        one = next(csv.DictReader(file))
    shutil.copy(folder / one["path"], folder / "pets/twice.png")
    other = "b" if one["label"] == "a" else "a"
    with (folder / "pets.csv").open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(("pets/twice.png", other, one["patient"]))


def with_clinic(folder: Path) -> None:
    """The same pets, and others from elsewhere that are much brighter."""
    pictures(folder)
    (folder / "clinic").mkdir()
    pictures(folder / "clinic", n=40, levels=110)
    # Other pictures, not the first ones made brighter: a copy would be left out.
    for file in (folder / "clinic/pets").iterdir():
        Image.open(file).transpose(Image.Transpose.ROTATE_90).save(file)


def train(run: str, more: str = GROUPED, data: str = "pets.csv") -> str:
    return f"groupwise train {data} --run runs/{run}{more}{TINY}"


SITUATIONS: dict[str, Situation] = {
    "random": Situation(
        pictures, (train("random", " --split.method random"),), "random", "train again by the usual rules"
    ),
    "on-test": Situation(
        pictures,
        (train("on-test", GROUPED + " --training.select_fold test"),),
        "on-test",
        "train again by the usual rules",
    ),
    "column": Situation(pictures, (train("column", ""),), "column", "say that patient tells which images"),
    "alone": Situation(
        pictures, (train("alone", "", "alone.csv"),), "alone", "test every image instead of one fold"
    ),
    "conflict": Situation(conflict, (train("conflict"),), "conflict", "settle what the audit found"),
    "wide": Situation(pictures, (train("wide"),), "wide", "test every image instead of one fold"),
    "recipe": Situation(
        pictures,
        (train("recipe", GROUPED + " --recipe default"),),
        "recipe",
        "test every image instead of one fold",
    ),
    "weights": Situation(
        lambda folder: pictures(folder, px=80, n=120), (train("weights"),), "weights", "test every image"
    ),
    "mixed-up": Situation(
        lambda folder: pictures(folder, classes=3, n=150, apart=60),
        (train("mixed-up"),),
        "mixed-up",
        "",
    ),
    "loses": Situation(
        lambda folder: pictures(folder, classes=4, n=120, apart=180),
        (train("loses", GROUPED + " --optim.learning_rate 1e-9"),),
        "loses",
        "do not use this network",
    ),
    "elsewhere": Situation(
        with_clinic,
        (train("elsewhere"), "groupwise evaluate runs/elsewhere clinic/pets.csv"),
        "elsewhere",
        "",
    ),
    "study": Situation(
        lambda folder: pictures(folder, n=90, wrong=0.1), (train("study", GROUPED + " --cv 3"),), "study", ""
    ),
    "refitted": Situation(pictures, (train("refitted", GROUPED + " --refit"),), "refitted", ""),
    "probe": Situation(
        pictures,
        (
            train("other"),
            "groupwise probe pets.csv --features runs/other --run runs/probe --group-column patient",
        ),
        "probe",
        "",
    ),
    "several": Situation(
        lambda folder: pictures(folder, classes=3, n=90, several=True), (train("several"),), "several", ""
    ),
}


def shell(command: str, folder: Path) -> tuple[bool, str]:
    """Whether a command that was printed does what it says, and its last line."""
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: os.environ[name] for name in ("PYTHONPATH", "OMP_NUM_THREADS") if name in os.environ}
    environment = kept | {"PATH": here, "HOME": str(folder / "home")}
    if shlex.split(command)[1] == "serve":
        return serves(command, folder, environment)
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    said = [line for line in done.stdout.splitlines() if line.strip()] or [""]
    if "--weights" in command and done.returncode and "--weights FILE" in " ".join(done.stdout.split()):
        return True, f"({OFFLINE}) {said[-1]}"
    return done.returncode == 0, said[-1]


def serves(command: str, folder: Path, environment: dict[str, str]) -> tuple[bool, str]:
    """Whether the server says where it is, answers there, and ends when it is told to."""
    process = subprocess.Popen(
        shlex.split(command), cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        end = time.monotonic() + PORT_SAID_S
        address = ""
        while not address and time.monotonic() < end and (line := process.stdout.readline()):
            address = next((word.rstrip(".,;/") for word in line.split() if word.startswith("http://")), "")
        with urllib.request.urlopen(f"{address}/healthz", timeout=PORT_SAID_S) as answer:
            return answer.status == 200, f"{address} is well"
    except (OSError, ValueError) as error:
        return False, str(error)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PORT_SAID_S)


def follow(name: str, folder: Path) -> bool:
    """Bring a run into its situation and do what it says; whether all went well."""
    one = SITUATIONS[name]
    (folder / "home").mkdir(parents=True)
    one.make(folder)
    for command in one.commands:
        fine, said = shell(command, folder)
        if not fine:
            print(f"{name}: {command}\n  FAILED before any step: {said}", flush=True)
            return False
    done: list[str] = []
    well = True
    while len(done) < MOST_STEPS:
        report = json.loads((folder / "runs" / one.run / "report.json").read_text(encoding="utf-8"))
        steps = [step for step in report["verdict"]["next_steps"] if step["command"] not in done]
        if not done and not steps[0]["what"].startswith(one.first):
            well = False
            print(f"{name}: the first step is: {steps[0]['what']}; expected: {one.first}", flush=True)
        if not steps:
            break
        command = steps[0]["command"]
        done.append(command)
        fine, said = shell(command, folder)
        well = well and fine
        print(f"{name}: {command}\n  {'well' if fine else 'FAILED'}: {said}", flush=True)
    return well


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("situations", nargs="*", metavar="SITUATION", help=", ".join(SITUATIONS))
    parser.add_argument("--folder", type=Path, help="an empty folder that is kept")
    arguments = parser.parse_args()
    if unknown := set(arguments.situations) - set(SITUATIONS):
        parser.error(f"no such situation: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        well = [follow(name, folder / name) for name in arguments.situations or SITUATIONS]
    sys.exit(not all(well))


if __name__ == "__main__":
    main()
