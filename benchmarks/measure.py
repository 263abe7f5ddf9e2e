"""Trains one contestant of `model.py` once, judges it on the fold held out, and adds a line to its results.

`python benchmarks/measure.py TASK RESULTS`, TASK being a `Task` as JSON; `model.py` starts it, one process a
measurement. Decoding the pictures is nobody's time: it is kept in the work folder. What is counted are the
seconds of learning; for Groupwise also those of its plan, whose trials take their share of the minutes.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from groupwise.baselines import plain
from ours import at_shares, run_command, run_groupwise, shares_of
from sets import HELD_OUT, TRAIN, VAL, PictureSet, open_set
from task import Clock, Outcome, Task, learnt_rows, rows_of, seconds_of, size_and_speed

PEER_PX = 96


def measure(task: Task) -> dict[str, Any]:
    """Train and judge; returns the line of the results."""
    pictures = open_set(task.data, Path(task.work))
    folds = pictures.folds(task.outer, per_class=task.per_class, count=task.count, imbalance=task.imbalance)
    kind = task.contestant.partition(":")[0].partition("-")[0]
    outcome = CONTESTANTS[kind](pictures, folds, task)
    rows = rows_of(folds, HELD_OUT)
    labels, right = pictures.labels[rows], outcome.answers == pictures.labels[rows]
    support, shares = np.bincount(labels), shares_of(pictures, folds)
    figures = {name: value for name, value in asdict(outcome).items() if name not in ("answers", "more")}
    return {
        **task.conditions,
        **figures,
        "epochs": task.epochs,
        "epochs_done": round(outcome.epochs, 2),
        "accuracy": float(right.mean()),
        "balanced": float(np.mean([right[labels == k].mean() for k in np.flatnonzero(support)])),
        "largest": float(support.max() / len(rows)),
        "as_learnt": at_shares(right, labels, shares),
        "largest_learnt": float(shares.max()),
        "n": len(rows),
        "learnt_from": len(learnt_rows(folds, task)),
        **outcome.more,
        "varied": dict(task.varied),
        "classes": len(pictures.classes),
        "right": "".join("01"[int(answer)] for answer in right),
        "labels": labels.tolist(),
        "sources": pictures.sources[rows].tolist(),
    }


def run_plain(pictures: PictureSet, folds: Sequence[str], task: Task) -> Outcome:
    """The yardstick."""
    cache = pictures.folder / f"plain-{plain.SIZE_PX}.npy"
    if not cache.is_file():
        unfinished = cache.with_suffix(f".{os.getpid()}.npy")
        np.save(unfinished, _read_squares(pictures.files, task.threads))
        unfinished.rename(cache)
    images, learnt, held_out = np.load(cache), learnt_rows(folds, task), rows_of(folds, HELD_OUT)
    done = plain.train_plain(
        images[learnt],
        pictures.labels[learnt],
        len(pictures.classes),
        seed=task.seed,
        epochs=task.epochs,
        seconds=seconds_of(task),
    )
    answers = plain.class_probabilities(done.network, images[held_out]).argmax(1)
    return Outcome(
        answers,
        done.seconds,
        done.processor_seconds,
        done.epochs,
        "plain",
        plain.SIZE_PX,
        *size_and_speed(done.network, plain.SIZE_PX),
    )


def _read_squares(files: Sequence[Path], cores: int) -> npt.NDArray[np.uint8]:
    """The files, each resized to a square whatever its shape, (N, S, S, 3)."""
    from PIL import Image

    def read(file: Path) -> npt.NDArray[np.uint8]:
        return np.asarray(Image.open(file).convert("RGB").resize((plain.SIZE_PX, plain.SIZE_PX)))

    with ThreadPoolExecutor(cores) as pool:
        return np.stack(list(pool.map(read, files)))


def run_peer(pictures: PictureSet, folds: Sequence[str], task: Task) -> Outcome:
    """A recipe of another library, for as many epochs as fit the minutes by one epoch that is not counted."""
    from contestants import PEERS, Fold

    name, _, size = task.contestant.partition("-")
    size_px = int(size or PEER_PX)
    with tempfile.TemporaryDirectory() as folder:
        split_file = Path(folder) / "split.csv"
        pictures.split(folds, TRAIN, VAL, HELD_OUT).write(split_file)
        learn = (TRAIN, VAL) if task.pictures == "all" else (TRAIN,)
        train, test = (Fold(split_file, pictures.folder, *names) for names in (learn, (HELD_OUT,)))
    epochs = task.epochs
    if epochs is None:
        assert task.minutes is not None
        (first,) = PEERS[name](train, test, task.seed, size_px=size_px, epochs=1, last_only=True)
        epochs = max(1, int(60 * task.minutes / first["seconds"]))
    clock = Clock()
    *_, last = PEERS[name](train, test, task.seed, size_px=size_px, epochs=epochs, last_only=True)
    answers = np.array(last["answers"])
    return Outcome(answers, last["seconds"], clock.both[1], epochs, "resnet18", size_px)


def run_probe(pictures: PictureSet, folds: Sequence[str], task: Task) -> Outcome:
    """A linear model on a frozen ImageNet network, whose own pass over the pictures is nobody's time."""
    import probe

    features, clock = probe.features_of(pictures), Clock()
    answers = probe.answer(
        features, pictures.labels, learnt_rows(folds, task), rows_of(folds, VAL), rows_of(folds, HELD_OUT)
    )
    return Outcome(answers, *clock.both, 0, "efficientnet-lite0", probe.SEEN.image_size_px)


CONTESTANTS = {
    "probe": run_probe,
    "plain": run_plain,
    "groupwise": run_groupwise,
    "command": run_command,
    "fastai": run_peer,
    "timm": run_peer,
    "torchvision": run_peer,
}


def main() -> None:
    task = Task(**json.loads(sys.argv[1]))
    torch.set_num_threads(task.threads)
    if task.processor_time:  # of one thread, which other work on the machine does not lengthen
        time.perf_counter = time.process_time
    line = (json.dumps(measure(task)) + "\n").encode()
    # One call, so that two processes side by side cannot mix their lines.
    file = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, line)
    os.close(file)


if __name__ == "__main__":
    main()
