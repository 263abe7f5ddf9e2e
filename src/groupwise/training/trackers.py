"""Trackers: the numbers of a run for TensorBoard, MLflow or W&B, on this machine by default.

Each is opened for a run's folder, the recipe's fields by their paths, and the `key` under which an earlier
process began, or None; and has a `key` of its own, to be continued by.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from groupwise.errors import UsageError

Numbers = Mapping[str, float]
EXPERIMENT = "groupwise"


class Tracker(Protocol):
    """What every one of them does."""

    key: str

    def log(self, epoch: int, numbers: Numbers) -> None:
        """Take the numbers of an epoch, counted from 1."""

    def summarise(self, figures: Numbers) -> None:
        """Take what the finished run scored."""

    def close(self, *, finished: bool) -> None:
        """Write what is still in memory."""


class TensorBoard:
    """Event files in `RUN/tensorboard`; a resumed run adds a file, and all are read as one."""

    def __init__(self, folder: Path, fields: Mapping[str, Any], key: str | None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.key = "tensorboard"
        self._writer = SummaryWriter(str(folder / self.key))
        if key is None:
            texts = {name: str(value) for name, value in fields.items()}
            self._writer.add_hparams(texts, {}, run_name=".")

    def log(self, epoch: int, numbers: Numbers) -> None:
        """One point a curve."""
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def summarise(self, figures: Numbers) -> None:
        """Curves of a single point."""
        self.log(0, figures)

    def close(self, *, finished: bool) -> None:  # noqa: ARG002
        """Close the event file."""
        self._writer.close()


class MLflow:
    """A run in the database `RUN/mlflow.db`, or wherever MLFLOW_TRACKING_URI says."""

    def __init__(self, folder: Path, fields: Mapping[str, Any], key: str | None) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient
        from mlflow.entities import Param

        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(folder / 'mlflow.db').resolve()}"
        self._client = MlflowClient(tracking_uri=uri)
        if key is None:
            run = self._client.create_run(self._experiment(), run_name=folder.name)
            params = [Param(name, str(value)) for name, value in fields.items()]
            self._client.log_batch(run.info.run_id, params=params)
            key = run.info.run_id
        self.key = key
        self._client.update_run(key, status="RUNNING")

    def _experiment(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        found = self._client.get_experiment_by_name(name)
        number: str = found.experiment_id if found else self._client.create_experiment(name)
        return number

    def log(self, epoch: int, numbers: Numbers) -> None:
        """One point a metric."""
        from mlflow.entities import Metric

        now_ms = round(1000 * time.time())
        metrics = [Metric(name, value, now_ms, epoch) for name, value in numbers.items()]
        self._client.log_batch(self.key, metrics=metrics)

    def summarise(self, figures: Numbers) -> None:
        """Metrics of a single point."""
        self.log(0, figures)

    def close(self, *, finished: bool) -> None:
        """Say whether the run came to its end."""
        self._client.set_terminated(self.key, "FINISHED" if finished else "KILLED")


class WandB:
    """A run in `RUN/wandb`, to be sent by `wandb sync`; WANDB_MODE=online sends it while training goes on."""

    def __init__(self, folder: Path, fields: Mapping[str, Any], key: str | None) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        mode: Any = os.environ.get("WANDB_MODE") or "offline"
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or EXPERIMENT,
            name=folder.name,
            dir=str(folder),
            id=key,
            resume=None if key is None else "allow",
            mode=mode,
            config=dict(fields),
            settings=wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True),
        )
        self.key = self._run.id

    def log(self, epoch: int, numbers: Numbers) -> None:
        """One row of the history."""
        self._run.log(dict(numbers), step=epoch)

    def summarise(self, figures: Numbers) -> None:
        """Fields of the run's summary."""
        self._run.summary.update(dict(figures))

    def close(self, *, finished: bool) -> None:
        """Wait until everything is written."""
        self._run.finish(exit_code=0 if finished else 1)


TRACKERS: dict[str, Callable[[Path, Mapping[str, Any], str | None], Tracker]] = {
    "tensorboard": TensorBoard,
    "mlflow": MLflow,
    "wandb": WandB,
}


def require_trackers(names: tuple[str, ...]) -> None:
    """Raise `UsageError` for a tracker that is unknown or not installed; nothing is imported."""
    for name in names:
        if name not in TRACKERS:
            raise UsageError(
                f"no tracker {name!r}", place="--track", remedy=f"Choose among {', '.join(TRACKERS)}."
            )
        if find_spec(name) is None:
            raise UsageError(
                f"{name} is not installed",
                place="--track",
                remedy="Install it: pip install 'groupwise[track]'",
            )
