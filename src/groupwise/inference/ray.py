"""Answers from the machines of a Ray cluster, by the predictor that answers on one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from groupwise.errors import GroupwiseError
from groupwise.inference.bundle import open_predictor
from groupwise.inference.stream import BATCH_SIZE
from groupwise.inference.text import answer_cells, answer_header


def predict_ray(folder: str | Path, paths: Iterable[str | Path], *, concurrency: int = 1) -> Any:
    """Answer files by a run or a bundle, as a `ray.data.Dataset` that is computed when it is read.

    Args:
        folder: The folder of a run or a bundle, see `open_predictor`; every machine has to reach it.
        paths: Image files, which every machine has to reach as well.
        concurrency: How many predictors are opened.

    Returns:
        A data set whose columns are those of `groupwise predict --csv`, one row a file, all of them text; and
        `error`, which is empty but for a file that could not be read, whose other cells are empty instead.

    Raises:
        GroupwiseError: Ray is not installed. What is wrong with `folder` shows when the data set is read.

    Example:
        >>> import groupwise
        >>> answers = groupwise.predict_ray("runs/first", ["photo.png"], concurrency=2)
        >>> answers.take(1)[0]["predicted"]
        'dark'
    """
    try:
        import ray.data
    except ImportError:
        raise GroupwiseError(
            "Ray is not installed", place="predict_ray", remedy="Install it: pip install 'groupwise[scale]'"
        ) from None
    rows = ray.data.from_items([{"path": str(path)} for path in paths])
    return rows.map_batches(
        _Worker,
        fn_constructor_args=(str(Path(folder).resolve()),),
        batch_size=BATCH_SIZE,
        batch_format="numpy",
        concurrency=concurrency,
    )


class _Worker:
    """A predictor that lives in a worker."""

    def __init__(self, folder: str) -> None:
        self.predictor = open_predictor(folder)
        self.header = answer_header(self.predictor.classes)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        bad: dict[str, str] = {}
        paths = [str(path) for path in batch["path"]]
        answers = {
            prediction.path: answer_cells(prediction.answer)
            for prediction in self.predictor.stream(
                paths, on_bad=lambda error: bad.__setitem__(error.place, str(error))
            )
        }
        empty = ("",) * len(self.header)
        columns = zip(*(answers.get(path, empty) for path in paths), strict=True)
        table = {name: list(column) for name, column in zip(self.header, columns, strict=True)}
        return {"path": paths, **table, "error": [bad.get(path, "") for path in paths]}
