"""Trains CIFAR-10 to 94 % on one processor core, by Groupwise and by airbench94, in seconds of the processor.

    python benchmarks/cifar.py DATA --contestants airbench groupwise --seeds 0 1
    python benchmarks/cifar.py DATA --choose 20000 --epochs 4 --contestants groupwise --set FIELD=VALUE ...
    python benchmarks/cifar.py --table

DATA is CIFAR-10 in a form that `sets.py` reads (folders `train/` and `test/`, the binary batches) or in that
of Python (`data_batch_1` ... `test_batch`). Every contestant learns from the 50,000 images on one thread, and
is judged after each epoch on the 10,000 of the test part, which decide nothing: the last epoch counts. With
`--choose N` it learns from N of 45,000 instead and is judged on the other 5,000, and the test part stays
unread; `--set` then tries other fields of the recipe.

Seconds are those of the processor, which other work on the machine does not lengthen, and beside them those
of the clock; scoring is counted apart. Each epoch is a line of `results.jsonl` in the work folder, and a run
that was stopped goes on behind its last one. Contestants at once are processes of their own.
"""

from __future__ import annotations

import argparse
import json
import pickle
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

import airbench
from groupwise.distributed.allocator import keep_freed_memory
from groupwise.files import sha256_mapping
from groupwise.stats.arrays import Ints, Pixels
from sets import read_pictures

AIM = 0.94
HELD_OUT = 5_000  # of the training images, to choose on
EPOCHS = {"airbench": airbench.EPOCHS, "groupwise": 10}
NETWORK = {"planes": 32, "first_stride": 2, "widths": [64, 256, 256], "depths": [1, 1, 1], "group_width": 16}
# What differs from the recipe `default`; the blocks of the network see maps of 16, 8 and 4 px
RECIPE: dict[str, Any] = {
    "model.preset": "resnext22_w8_cifar",
    "model.overrides": {**NETWORK, "mirror_average": True},
    "data.image_size_px": 32,
    "training.start_size_px": 24,
    "training.full_size_from": 0.9,
    "augment.flip": 0.0,
    "augment.alternate_flip": True,
    "augment.shift": 2 / 32,
    "optim.name": "muon",
    "optim.learning_rate": 2e-2,
    "optim.schedule": "linear",
    "optim.warmup": 0.1,
    "training.batch_size": 512,
    "training.precision": "bf16",
    "training.checkpoint_minutes": 1e6,  # at the ends of epochs alone, where the seconds are known
}

Answer = Callable[[Tensor], Tensor]  # class numbers (N,) of bytes (N, 3, 32, 32)
Tell = Callable[[int, Answer], None]  # the number of an epoch, and what answers at its end
Line = dict[str, Any]


class Part(NamedTuple):
    """Images (N, 32, 32, 3) and their class numbers."""

    images: Pixels
    labels: Ints

    def rows(self, rows: Ints) -> Part:
        return Part(self.images[rows], self.labels[rows])


def read_parts(data: Path, cache: Path) -> dict[str, Part]:
    """`train` and `test`; decoded once, into `cache`."""
    if not cache.is_file():
        parts = _read_python(data) if (data / "data_batch_1").is_file() else _decode(data)
        arrays = {f"{name}_{kind}": part for name in parts for kind, part in parts[name]._asdict().items()}
        np.savez(cache, **arrays)
    arrays = np.load(cache)
    return {name: Part(arrays[f"{name}_images"], arrays[f"{name}_labels"]) for name in ("train", "test")}


def _read_python(folder: Path) -> dict[str, Part]:
    """The pickled batches: 3,072 bytes an image, plane by plane."""
    batches = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
    parts = {}
    for name, files in batches.items():
        read = [pickle.loads((folder / file).read_bytes(), encoding="bytes") for file in files]
        pixels = np.concatenate([batch[b"data"] for batch in read]).reshape(-1, 3, 32, 32)
        labels = np.concatenate([np.array(batch[b"labels"], np.int64) for batch in read])
        parts[name] = Part(np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), labels)
    return parts


def _decode(data: Path) -> dict[str, Part]:
    from PIL import Image

    pictures = list(read_pictures(data))
    classes = sorted({picture.label for picture in pictures})
    parts = {}
    for name in ("train", "test"):
        inside = [picture for picture in pictures if picture.part == name]
        if not inside:
            raise SystemExit(f"{data}: no images of the part `{name}`; give a folder of train/ and test/")
        pixels = [
            np.asarray(Image.open(p.image).convert("RGB")) if isinstance(p.image, Path) else p.image
            for p in inside
        ]
        parts[name] = Part(np.stack(pixels), np.array([classes.index(p.label) for p in inside]))
    return parts


def folds(parts: Mapping[str, Part], choose: int | None) -> tuple[Part, Part]:
    """What is learnt from and what is judged on; to choose, both are of the training part."""
    train = parts["train"]
    if choose is None:
        return train, parts["test"]
    order = np.random.default_rng(0).permutation(len(train.labels))
    return train.rows(order[HELD_OUT:][:choose]), train.rows(order[:HELD_OUT])


def planes(images: Pixels) -> Tensor:
    """(N, 32, 32, 3) as torch has images."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)


class Recorder:
    """Enters each epoch that a contestant tells of, with its seconds and how many answers are right.

    Args:
        known: What every line says: contestant, seed and the like.
        judged: What is judged on.
        file: The results, whose lines of the same run count already.
    """

    def __init__(self, known: Line, judged: Part, file: Path) -> None:
        self.known, self.judged, self.file = known, judged, file
        before = [line for line in read_results(file) if known.items() <= line.items()]
        self.seconds = float(before[-1]["seconds"]) if before else 0.0
        self.wall_seconds = float(before[-1]["wall_seconds"]) if before else 0.0
        self._began = time.process_time(), time.perf_counter()

    def tell(self, epoch: int, answer: Answer) -> None:
        scoring = time.process_time()
        self.seconds += scoring - self._began[0]
        self.wall_seconds += time.perf_counter() - self._began[1]
        found = answer(planes(self.judged.images)).numpy()
        line = {
            **self.known,
            "epoch": epoch,
            "seconds": round(self.seconds, 1),
            "wall_seconds": round(self.wall_seconds, 1),
            "scoring_seconds": round(time.process_time() - scoring, 1),
            "right": int((found == self.judged.labels).sum()),
            "of": len(found),
        }
        with self.file.open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        print(
            f"{line['contestant']}, seed {line['seed']}, epoch {epoch} of {line['epochs']}:"
            f" {line['right'] / line['of']:.2%} after {line['seconds']:,.0f} s",
            flush=True,
        )
        self._began = time.process_time(), time.perf_counter()


def read_results(file: Path) -> list[Line]:
    """All lines so far."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def learn_airbench(learnt: Part, known: Line, folder: Path, tell: Tell) -> None:
    """The peer."""
    keep_freed_memory()  # as Groupwise's own training does
    images, labels = planes(learnt.images), torch.from_numpy(learnt.labels)
    airbench.train(images, labels, seed=known["seed"], epochs=known["epochs"], folder=folder, tell=tell)


def learn_groupwise(learnt: Part, known: Line, folder: Path, tell: Tell) -> None:
    """The recipe above, through the layer that `groupwise train` calls."""
    from groupwise.distributed.world import World
    from groupwise.inference.predictor import predict_logits
    from groupwise.pipeline.train import new_model
    from groupwise.recipe.parsing import read_recipe
    from groupwise.training.callbacks import Callback
    from groupwise.training.config import FitConfig, FitData
    from groupwise.training.trainer import Trainer

    changes = {**RECIPE, **known["changes"], "training.epochs": known["epochs"], "seed": known["seed"]}
    recipe = read_recipe("default", changes)[1]

    class Told(Callback):
        def on_epoch_end(self, history: Any, model: Any) -> None:
            def answer(images: Tensor) -> Tensor:
                with torch.autocast("cpu", torch.bfloat16):
                    logits = predict_logits(model, images.permute(0, 2, 3, 1).numpy(), recipe.data)
                return torch.from_numpy(logits).argmax(1)

            tell(len(history), answer)

    rows = np.arange(len(learnt.labels))
    Trainer(
        new_model(recipe, 10),
        FitData(learnt.images, learnt.labels, rows, rows[:0]),
        FitConfig.of(recipe),
        world=World(),
        checkpoints=folder,
        callbacks=[Told()],
    ).fit(resume=True)


CONTESTANTS = {"airbench": learn_airbench, "groupwise": learn_groupwise}


def table(lines: Iterable[Line]) -> str:
    """A row a contestant of the runs that are whole: accuracy, seconds, and when 94 % was there."""
    runs: dict[str, dict[int, list[Line]]] = {}
    for line in lines:
        if line["choose"] is None:
            runs.setdefault(line["contestant"], {}).setdefault(line["seed"], []).append(line)
    rows = [
        "| contestant | seeds | epochs | test, % | processor, s | clock, s | 94 % after, s |",
        "|---|---|---:|---|---|---|---|",
    ]
    for name, by_seed in runs.items():
        if whole := {seed: run for seed, run in by_seed.items() if run[-1]["epoch"] == run[-1]["epochs"]}:
            rows.append(_row(name, whole))
    return "\n".join(rows)


def _row(name: str, runs: Mapping[int, list[Line]]) -> str:
    last = [run[-1] for run in runs.values()]
    reached = [seconds_to_aim(run) for run in runs.values()]
    cells = (
        *(name, ", ".join(str(seed) for seed in runs), str(last[0]["epochs"])),
        _spread([100 * line["right"] / line["of"] for line in last], ".2f"),
        _spread([line["seconds"] for line in last], ",.0f"),
        _spread([line["wall_seconds"] for line in last], ",.0f"),
        ", ".join("never" if seconds is None else f"{seconds:,.0f}" for seconds in reached),
    )
    return f"| {' | '.join(cells)} |"


def seconds_to_aim(run: Iterable[Line]) -> float | None:
    """The processor's seconds at the end of the first epoch of a run with 94 % of the answers right."""
    return next((float(line["seconds"]) for line in run if line["right"] >= AIM * line["of"]), None)


def _spread(values: list[float], form: str) -> str:
    """The mean, and least and most where there are several."""
    mean = format(statistics.mean(values), form)
    return mean if len(values) == 1 else f"{mean} ({min(values):{form}} to {max(values):{form}})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, help="in place of the recipe's own")
    parser.add_argument(
        "--choose", type=int, metavar="N", help="learn from N, judge on 5,000 others of train"
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="FIELD=VALUE", help="in JSON, to choose")
    parser.add_argument("--work", type=Path, default=Path("runs/cifar"))
    parser.add_argument("--table", action="store_true", help="print what there is, and measure nothing")
    options: Any = parser.parse_args()
    results = options.work / "results.jsonl"
    if not options.table:
        if options.data is None:
            parser.error("DATA is needed, but for --table")
        measure(options, results)
    print(f"\n{table(read_results(results))}")


def measure(options: Any, results: Path) -> None:
    """Train and judge every contestant that was asked for, on one thread, seed by seed."""
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    learnt, judged = folds(read_parts(options.data, options.work / "cifar.npz"), options.choose)
    changes = {field: json.loads(value) for field, _, value in (text.partition("=") for text in options.set)}
    for seed in options.seeds:
        for name in options.contestants:
            epochs = options.epochs or EPOCHS[name]
            known = {"contestant": name, "seed": seed, "epochs": epochs}
            known |= {"choose": options.choose, "changes": changes}
            folder = options.work / f"{name}-{seed}-{sha256_mapping(known)[:8]}"
            folder.mkdir(exist_ok=True)
            CONTESTANTS[name](learnt, known, folder, Recorder(known, judged, results).tell)


if __name__ == "__main__":
    main()
