"""Tracking: every epoch told to every tracker once, however often training is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from groupwise.errors import first_line
from groupwise.files import read_json, write_json
from groupwise.training.callbacks import Callback
from groupwise.training.config import EpochRecord
from groupwise.training.trackers import TRACKERS, Numbers, Tracker

FILE = "tracking.json"


class Tracking(Callback):
    """The trackers of one run.

    `tracking.json` in the run's folder keeps the key of each, and how many epochs it has been told of, so
    that a resumed run goes on where it was. A tracker that fails is said and left alone until the end, when
    it is tried once more: one whose server is gone would hold up every epoch.
    """

    def __init__(
        self, names: Sequence[str], folder: Path, fields: Mapping[str, Any], warn: Callable[[str], None]
    ) -> None:
        self._folder, self._fields, self._warn = folder, fields, warn
        kept = read_json(folder / FILE) if (folder / FILE).is_file() else {}
        self._entries = kept | {name: kept.get(name, {"key": None, "epochs": 0}) for name in names}
        self._names = tuple(names)
        self._open: dict[str, Tracker] = {}
        self._failed: set[str] = set()
        self._finished = False

    def on_train_begin(self, history: Sequence[EpochRecord]) -> None:
        """Tell of the epochs that an earlier process could not tell of."""
        if history:
            self._follow(history)

    def on_epoch_end(self, history: Sequence[EpochRecord], _: nn.Module) -> None:
        """Tell of the epochs that are new."""
        self._follow(history)

    def _follow(self, history: Sequence[EpochRecord]) -> None:
        for name in self._names:
            if name not in self._failed:
                self._try(name, partial(self._log, name, history))

    def finish(self, history: Sequence[EpochRecord], metrics: Mapping[str, Any]) -> None:
        """Tell of what is missing, and of the figures of every fold with their limits."""
        self._finished = True
        figures = flat_figures(metrics)
        for name in self._names:
            self._try(name, partial(self._log, name, history, figures))

    def close(self) -> None:
        """Let every tracker write what it still holds."""
        for name, tracker in list(self._open.items()):
            self._try(name, partial(tracker.close, finished=self._finished))

    def _log(self, name: str, history: Sequence[EpochRecord], figures: Numbers | None = None) -> None:
        entry = self._entries[name]
        if name not in self._open:
            self._open[name] = TRACKERS[name](self._folder, self._fields, entry["key"])
            entry["key"] = self._open[name].key
            write_json(self._folder / FILE, self._entries)
        for epoch in history[entry["epochs"] :]:
            self._open[name].log(epoch.epoch, numbers_of(epoch))
            entry["epochs"] = epoch.epoch
        if figures is not None:
            self._open[name].summarise(figures)
        write_json(self._folder / FILE, self._entries)

    def _try(self, name: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:
            self._failed.add(name)
            self._open.pop(name, None)
            self._warn(
                f"{name} could not be told how training goes ({type(error).__name__}: {first_line(error)}). "
                "Nothing else is affected; history.csv has every epoch."
            )


@contextmanager
def tracking(
    names: Sequence[str], folder: Path, fields: Mapping[str, Any], warn: Callable[[str], None]
) -> Iterator[Tracking]:
    """Yield the trackers `names` of the run in `folder`, and close them however training ends.

    `fields` are those of the recipe by their paths; `warn` is told of a tracker that fails.
    """
    trackers = Tracking(names, folder, fields, warn)
    try:
        yield trackers
    finally:
        trackers.close()


def numbers_of(epoch: EpochRecord) -> dict[str, float]:
    """The columns of `history.csv` that make a curve."""
    columns = asdict(epoch).items()
    return {name: float(value) for name, value in columns if type(value) in (int, float)}


def flat_figures(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Such as {"test/accuracy": 0.97, "test/accuracy_low": 0.94, "test/accuracy_high": 0.99} of each fold."""
    flat = {}
    for fold, figures in metrics.items():
        for name, figure in figures.items():
            if not isinstance(figure, Mapping):
                continue
            for limit, ending in (("value", ""), ("low", "_low"), ("high", "_high")):
                if isinstance(figure.get(limit), float):
                    flat[f"{fold}/{name}{ending}"] = figure[limit]
    return flat
