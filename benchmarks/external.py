"""Measures what `evaluate --external` says of senders that a run has never seen, with copies among them.

    python benchmarks/external.py ../shared/data/clothing.csv --group sender --work FOLDER [--senders 120]

Half of the senders train a small network. The other half is new data twice: as it is, and with its colours
shifted; each time with 50 copies of training pictures among them (turned, cropped, recoloured, saved again),
as senders of their own. It prints how many of the copies were left out, what else was, and what is said of
drift. Before that it divides the senders that taught nothing into two halves anew, 200 times, and prints how
often drift is told where there is none (`--divisions`).
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from families import FAMILIES
from groupwise.cli.main import main
from groupwise.data.cache import decode_images
from groupwise.evaluation.drift import measure_drift, measure_pixels
from groupwise.files import read_csv, read_json, sha256_file, write_csv
from groupwise.inference.predictor import load_run, predict_outputs
from groupwise.runs.run import Run
from groupwise.stats.drift import Collections

COPIES = 50
DIVISIONS = 200
HOME = ("--model.preset", "resnext11_8x4d", "--data.image_size_px", "64", "--training.epochs", "12")


def divide(rows: list[dict[str, str]], group: str, senders: int, seed: int) -> tuple[Any, Any]:
    """The rows of two halves of `senders` senders drawn at random."""
    names = sorted({row[group] for row in rows})
    drawn = np.random.default_rng(seed).permutation(names)[:senders]
    home = set(drawn[: len(drawn) // 2].tolist())
    new = set(drawn.tolist()) - home
    return [row for row in rows if row[group] in home], [row for row in rows if row[group] in new]


def shift_colour(pixels: np.ndarray) -> np.ndarray:
    """A lamp of another colour: red up by a quarter, blue down by a quarter."""
    return (pixels * np.array([1.25, 1.0, 0.75])).clip(0, 255).astype(np.uint8)


def write_new(
    folder: Path, root: Path, new: list[dict[str, str]], taught: list[dict[str, str]], group: str, shift: bool
) -> Path:
    """Pictures and CSV of the new data; copies have names that begin with `copy`."""
    rng, families = np.random.default_rng(1), list(FAMILIES.values())
    lines = []
    drawn = rng.permutation(len(taught))[:COPIES]
    for number, row in enumerate([*new, *(taught[i] for i in drawn)]):
        copied = number >= len(new)
        pixels = np.asarray(Image.open(root / row["path"]).convert("RGB"))
        if copied:
            pixels = families[number % len(families)](pixels, rng)
        if shift:
            pixels = shift_colour(pixels)
        name = f"{'copy' if copied else 'new'}{number}.jpg"
        Image.fromarray(pixels).save(folder / name, quality=92)
        lines.append((name, row["label"], f"made-{number}" if copied else row[group]))
    write_csv(folder / "new.csv", ("path", "label", group), lines)
    return folder / "new.csv"


def report(name: str, run: Path) -> None:
    """What was left out and what was said of drift."""
    folder = run / "external" / name
    facts = read_json(folder / "external.json")
    found = [row["path"] for row in read_csv(folder / "copies.csv", ("path",))]
    planted = sum(path.startswith("copy") for path in found)
    print(f"{name}: {planted} of {COPIES} copies left out, and {len(found) - planted} of the others")
    for side, test in facts["drift"]["tests"].items():
        print(
            f"  {side}: {'drift' if test['told'] else 'none'}, p {test['p']:.3f}, Holm {test['p_holm']:.3f}"
        )
    for one in facts["drift"]["largest"]:
        print(f"    {one['name']}: {one['run']:.3f} -> {one['new']:.3f} ({one['standardised']:+.2f} sd)")


def false_alarms(run: Path, root: Path, new: list[dict[str, str]], group: str, divisions: int) -> None:
    """How often drift is told between halves of senders that the network did not learn from."""
    opened, predictor = Run.open(run), load_run(run)
    held = [row for row in opened.split().rows if row.fold in ("val", "test")]
    rows = [(row.path, row.label, row.group) for row in held]
    rows += [(row["path"], row["label"], row[group]) for row in new if row["label"] in predictor.classes]
    files = [root / path for path, _, _ in rows]
    images = decode_images(files, [sha256_file(file) for file in files], predictor.preprocessing)
    sizes = [Image.open(file).size for file in files]
    pixels = measure_pixels(images, sizes)
    features = predict_outputs(predictor.model, images, predictor.preprocessing).features
    labels = np.array([predictor.classes.index(label) for _, label, _ in rows])
    senders, sources = np.unique([sender for _, _, sender in rows], return_inverse=True)
    told: dict[str, int] = {}
    either = 0
    for seed in range(divisions):
        side = np.random.default_rng(seed).permutation(len(senders)) < len(senders) // 2
        tests = measure_drift(pixels, features, Collections(labels, sources, side[sources]), seed=seed)[
            "tests"
        ]
        for name, test in tests.items():
            told[name] = told.get(name, 0) + bool(test.get("told"))
        either += any(test.get("told") for test in tests.values())
    print(
        f"without a shift, {divisions} divisions of {len(senders)} senders: any {either}, {told}", flush=True
    )


def run_all(arguments: argparse.Namespace) -> None:
    data, work, group = arguments.data, arguments.work, arguments.group
    with data.open(newline="") as file:
        rows = list(csv.DictReader(file))
    home, new = divide(rows, group, arguments.senders, arguments.seed)
    work.mkdir(parents=True, exist_ok=True)
    columns = ("path", "label", group)
    write_csv(work / "home.csv", columns, [[row[name] for name in columns] for row in home])
    run = work / "run"
    shared = ["--group-column", group]
    words = [
        "train",
        str(work / "home.csv"),
        "--root",
        str(data.parent),
        *shared,
        "--run",
        str(run),
        *HOME,
        "--baselines",
        "none",
    ]
    if not (run / "report.html").exists():
        require(main(words))
    split = Run.open(run).split()
    learnt = {row.path for row in split.rows if row.fold == "train"}
    new = [row for row in new if row["label"] in split.classes]
    if arguments.divisions:
        false_alarms(run, data.parent, new, group, arguments.divisions)
    for name, shift in (("shifted", True), ("same", False)):
        folder = work / name
        folder.mkdir(exist_ok=True)
        table = write_new(folder, data.parent, new, [r for r in home if r["path"] in learnt], group, shift)
        require(main(["evaluate", str(run), "--external", str(table), "--name", name, *shared]))
        report(name, run)


def require(status: int) -> None:
    if status:
        raise SystemExit(status)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--group", default="sender")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--senders", type=int, default=10**6, help="how many take part, by default all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--divisions", type=int, default=DIVISIONS, help="into halves; 0 leaves them out")
    run_all(parser.parse_args())
