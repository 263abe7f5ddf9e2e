"""What a measurement of `model.py` is asked for, what it gives, and its clock."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from groupwise.stats.arrays import Ints
from sets import TRAIN, VAL

ANSWERS, WARM_UP = 20, 5


@dataclass(frozen=True)
class Task:
    """One measurement: which contestant on which pictures, for so many minutes or else epochs.

    `varied` are the fields that `groupwise:NAME` changes; among them `recipe` is a file that is trained as it
    is, without a plan. What `groupwise` learns is written into a folder of its own below `keep`.
    """

    data: str
    work: str
    outer: str
    seed: int
    contestant: str
    minutes: float | None
    epochs: int | None
    threads: int
    beside: bool = False
    processor_time: bool = False
    pictures: str = "train"
    per_class: int | None = None
    count: int | None = None
    imbalance: float = 1.0
    varied: Mapping[str, Any] = field(default_factory=dict)
    keep: str | None = None

    @property
    def set_name(self) -> str:
        """The set with what was left out of it."""
        name = Path(self.data.partition(":")[0]).stem
        name += f", {self.per_class} a class" if self.per_class is not None else ""
        name += f", {self.count} in all" if self.count is not None else ""
        return name + (f", 1:{self.imbalance:g}" if self.imbalance != 1 else "")

    @property
    def conditions(self) -> dict[str, Any]:
        """What a line of the results says of the task, and knows it by."""
        told = asdict(self)
        hidden = ("data", "work", "per_class", "count", "imbalance", "varied", "keep")
        return {"set": self.set_name, **{name: told[name] for name in told if name not in hidden}}


@dataclass(frozen=True)
class Outcome:
    """The answers (class numbers of the pictures held out), what they took, and what gives them."""

    answers: Ints
    seconds: float
    processor_seconds: float
    epochs: float
    network: str
    size_px: int
    parameters: int | None = None
    answer_ms: float | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


class Clock:
    """Wall and processor seconds since it was made, those of finished child processes among the latter."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), sum(os.times()[:4])

    @property
    def wall(self) -> float:
        return time.perf_counter() - self._wall

    @property
    def both(self) -> tuple[float, float]:
        return self.wall, sum(os.times()[:4]) - self._processor


def rows_of(folds: Sequence[str], *names: str) -> Ints:
    return np.flatnonzero(np.isin(np.array(folds), names))


def learnt_rows(folds: Sequence[str], task: Task) -> Ints:
    """The rows that a contestant without a fold to choose on learns from."""
    return rows_of(folds, TRAIN, *([VAL] if task.pictures == "all" else []))


def changes_of(task: Task) -> dict[str, Any]:
    """The fields that a variation sets."""
    return {name: value for name, value in task.varied.items() if name not in ("recipe", "src")}


def seconds_of(task: Task) -> float | None:
    return None if task.minutes is None or math.isinf(task.minutes) else 60 * task.minutes


def size_and_speed(network: nn.Module, size_px: int) -> tuple[int, float]:
    """Parameters, and the median milliseconds of an answer to one picture on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    network.eval()
    picture, seconds = torch.zeros(1, 3, size_px, size_px), []
    with torch.inference_mode():
        for _ in range(WARM_UP + ANSWERS):
            clock = Clock()
            network(picture)
            seconds.append(clock.wall)
    torch.set_num_threads(threads)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return parameters, 1000 * statistics.median(seconds[WARM_UP:])
