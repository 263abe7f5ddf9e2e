"""Makes pictures of several labels out of clothing, and measures networks for sets of labels on them.

`python benchmarks/multilabel.py make CLOTHING.csv FOLDER` puts photographs of one sender beside one another,
one to four of them on grey, two by two in a square, and writes `scenes.csv` (`path,label,sender`), labels as
`dress|hat`. One in ten scenes is empty, of noise alone. A photograph stands in one scene only.

`python benchmarks/multilabel.py race RUN [RUN ...]` sets the plain network of twenty lines, with binary
cross-entropy and as many seconds of training as each run had, beside that run on its own test fold.

`python benchmarks/multilabel.py split FOLDER` compares the folds with those of iterative stratification over
sources and of chance, by the largest deviation of a label's share.

`python benchmarks/multilabel.py risk` simulates the promise on missed labels over sources of known truth.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from groupwise.baselines import plain
from groupwise.baselines.fit import SQUARE
from groupwise.data.cache import decode_images
from groupwise.data.preprocessing import Preprocessing
from groupwise.data.stratify import assign_random, assign_sources
from groupwise.data.targets import Targets
from groupwise.evaluation.predictions import read_predictions
from groupwise.recipe.recipe import read_fields
from groupwise.runs.run import Run
from groupwise.stats.label_compare import compare_label_folds
from groupwise.stats.label_metrics import check_label_fold
from groupwise.stats.label_sets import fit_label_rule, missed_shares

SIDE_PX = 160  # of a scene, four places of half of it
EMPTY = 0.1
SHARES = (8, 1, 1)


def make(listing: Path, folder: Path, seed: int = 0) -> None:
    """Write the scenes and their table."""
    rng = np.random.default_rng(seed)
    of_sender: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with listing.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            of_sender[row["sender"]].append((row["path"], row["label"]))
    rows = []
    (folder / "scenes").mkdir(parents=True, exist_ok=True)
    for sender, pictures in sorted(of_sender.items()):
        left = [pictures[i] for i in rng.permutation(len(pictures))]
        while left:
            n = 0 if rng.random() < EMPTY else int(rng.integers(1, 5))
            shown, left = left[:n], left[n:]
            name = f"scenes/{len(rows):05}.jpg"
            _draw([listing.parent / path for path, _ in shown], rng).save(folder / name, quality=90)
            rows.append((name, "|".join(sorted({label for _, label in shown})), sender))
    with (folder / "scenes.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label", "sender"), *rows])
    print(f"{len(rows):,} scenes of {len(of_sender):,} senders, {sum(not row[1] for row in rows):,} empty")


def _draw(files: list[Path], rng: np.random.Generator) -> Image.Image:
    grain = rng.normal(rng.uniform(90, 170), 12, (SIDE_PX, SIDE_PX, 1)).repeat(3, axis=2)
    scene = Image.fromarray(grain.clip(0, 255).astype(np.uint8))
    half = SIDE_PX // 2
    for place, file in zip(rng.permutation(4)[: len(files)].tolist(), files, strict=True):
        with Image.open(file) as opened:
            picture = opened.convert("RGB")
        picture.thumbnail((half, half))
        across = place % 2 * half + int(rng.integers(0, half - picture.width + 1))
        down = place // 2 * half + int(rng.integers(0, half - picture.height + 1))
        scene.paste(picture, (across, down))
    return scene


def race(folders: list[Path]) -> None:
    """The plain network beside each run, with the same time."""
    for folder in folders:
        run = Run.open(folder)
        split, manifest = run.split(), run.manifest()
        with run.path("history.csv").open(newline="", encoding="utf-8") as file:
            seconds = sum(float(row["seconds"]) for row in csv.DictReader(file))
        digests = {sample.path: sample.sha256 for sample in manifest.usable}
        wanted = {fold: split.indices(fold) for fold in ("train", "test")}
        images = {
            fold: _squares(manifest.root, [split.rows[i].path for i in rows], digests)
            for fold, rows in wanted.items()
        }
        labels = split.targets.values
        seed = int(read_fields(run.require("recipe.yaml"))["seed"])
        trained = plain.train_plain(
            images["train"], labels[wanted["train"]], len(split.classes), seed=seed, seconds=seconds
        )
        theirs = plain.class_probabilities(trained.network, images["test"], several=True)
        ours = read_predictions(run.require("predictions.csv")).of_fold("test")
        pair = [
            check_label_fold(labels[wanted["test"]], probs, split.sources[wanted["test"]])
            for probs in (theirs, ours.probs)
        ]
        figure, lead = compare_label_folds(*pair, split.classes, seed=0)
        risk = json.loads(run.path("metrics.json").read_text())["test"]["risk_control"]
        print(
            f"{folder.name}: {seconds:.0f} s each; plain network {100 * (figure.value or 0):.1f} % mAP after"
            f" {trained.epochs:.1f} epochs, ours {100 * ((figure.value or 0) + lead.value):.1f}:"
            f" {100 * lead.value:+.1f} points ({_points(lead.low)} to {_points(lead.high)});"
            f" missed of sources {risk.get('missed_of_sources', {}).get('value')}"
        )


def _points(value: float | None) -> str:
    return "?" if value is None else f"{100 * value:.1f}"


def _squares(root: Path, paths: list[str], digests: dict[str, str]) -> npt.NDArray[np.uint8]:
    files, known = [root / path for path in paths], [digests[path] for path in paths]
    whole = decode_images(files, known, Preprocessing(image_size_px=96))
    return np.stack([SQUARE.resize_image(image) for image in whole])


def split(folder: Path, seeds: int = 10) -> None:
    """The largest deviation of a label's share from that of its fold, over seeds."""
    with (folder / "scenes.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = ["|" + "".join(f"{name}|" for name in row["label"].split("|") if name) for row in rows]
    members = Targets.of(labels).members
    _, sources = np.unique([row["sender"] for row in rows], return_inverse=True)
    ways = {"groupwise": assign_sources, "iterative": iterative_over_sources, "chance": _chance}
    for name, way in ways.items():
        off = [largest_deviation(members, way(members, sources, SHARES, seed)) for seed in range(seeds)]
        mean, worst = 100 * np.mean(off), 100 * max(off)
        print(f"{name:10} largest deviation {mean:.2f} points on average, {worst:.2f} at most")


def largest_deviation(members: npt.NDArray[np.uint8], folds: npt.NDArray[np.int64]) -> float:
    """Of all labels and folds, how far the fold's part of a label's images is from its share at most."""
    parts = np.array([members[folds == fold].sum(axis=0) for fold in range(len(SHARES))])
    target = np.array(SHARES)[:, None] / sum(SHARES)
    return float(np.abs(parts / members.sum(axis=0) - target).max())


def _chance(
    _: npt.NDArray[np.uint8], sources: npt.NDArray[np.int64], shares: tuple[int, ...], seed: int
) -> npt.NDArray[np.int64]:
    return assign_random(int(sources.max()) + 1, list(shares), seed)[sources]


def iterative_over_sources(
    members: npt.NDArray[np.uint8], sources: npt.NDArray[np.int64], shares: tuple[int, ...], seed: int
) -> npt.NDArray[np.int64]:
    """Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011, algorithm 1), a source for a sample.

    The rarest label left is dealt out first, each of its sources to the fold that wants most of that label,
    of equal ones the fold that wants most sources, and then by chance.
    """
    rng = np.random.default_rng(seed)
    n_sources = int(sources.max()) + 1
    held = np.zeros((n_sources, members.shape[1]))
    np.add.at(held, sources, members)
    share = np.array(shares) / sum(shares)
    wants, places = np.outer(share, held.sum(axis=0)), share * n_sources
    fold, left = np.full(n_sources, -1), set(range(n_sources))
    while left:
        rest = sorted(left)
        remaining = (held[rest] > 0).sum(axis=0)
        if not remaining.any():
            for source in rest:
                fold[source] = _best(places, places, rng)
                places[fold[source]] -= 1
            break
        label = int(np.where(remaining > 0, remaining, n_sources + 1).argmin())
        for source in rng.permutation([s for s in rest if held[s, label] > 0]).tolist():
            fold[source] = chosen = _best(wants[:, label], places, rng)
            wants[chosen] -= held[source]
            places[chosen] -= 1
            left.discard(source)
    return fold[sources].astype(np.int64)


def _best(wants: npt.NDArray[np.float64], then: npt.NDArray[np.float64], rng: np.random.Generator) -> int:
    order = np.lexsort((rng.random(len(wants)), -then, -wants))
    return int(order[0])


def risk(repeats: int = 400, alpha: float = 0.1) -> None:
    """How much the set of possible labels misses of new sources, where it is decided by few and many."""
    for n_sources in (9, 12, 25, 60):
        rng = np.random.default_rng(n_sources)
        missed = []
        for _ in range(repeats):
            known = simulate(rng, n_sources)
            rule = fit_label_rule(*known, alpha)
            probs, members, _ = simulate(rng, 200)
            there = members.any(axis=1)
            missed.append(missed_shares(members[there], rule.possible(probs[there])).mean())
        error = 1.96 * np.std(missed) / np.sqrt(repeats)
        found = f"{100 * np.mean(missed):.2f} % (+- {100 * error:.2f})"
        print(f"{n_sources} sources: missed {found}, promised {100 * alpha:g}")


def simulate(
    rng: np.random.Generator, n_sources: int, n_labels: int = 6
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Probabilities, true labels and sources of one image each, as easy as it happens to be."""
    sources = np.arange(n_sources)
    members = rng.random((len(sources), n_labels)) < 0.3
    members[~members.any(axis=1), 0] = True  # as the promise is on images that have a label
    ease = rng.normal(1.5, 1.0, n_sources)[sources][:, None]
    scores = np.where(members, ease, -ease) + rng.normal(0, 1, members.shape)
    return 1 / (1 + np.exp(-scores)), members, sources


def main() -> None:
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("what", choices=("make", "race", "split", "risk"))
    parser.add_argument("paths", nargs="*", type=Path)
    arguments = parser.parse_args()
    match arguments.what:
        case "make":
            make(*arguments.paths)
        case "race":
            race(arguments.paths)
        case "split":
            split(*arguments.paths)
        case _:
            risk()


if __name__ == "__main__":
    main()
