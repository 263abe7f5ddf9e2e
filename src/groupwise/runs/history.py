"""The numbers of `history.csv`, epoch by epoch."""

from __future__ import annotations

from pathlib import Path

from groupwise.errors import GroupwiseError
from groupwise.files import read_csv

HISTORY_NUMBERS = (
    "epoch",
    "train_loss",
    "train_accuracy",
    "select_loss",
    "select_accuracy",
    "learning_rate",
    "seconds",
    "images_per_second",
    "waiting_seconds",
)
OPTIONAL_NUMBERS = (  # where they chose the epoch
    "select_balanced_accuracy",
    "select_auroc",
    "select_average_precision",
    "select_cost",
)


def read_history(path: Path) -> list[dict[str, float]]:
    """One row an epoch; none where the file is absent. Raises GroupwiseError for what is no number."""
    rows = read_csv(path, HISTORY_NUMBERS) if path.exists() else []
    try:
        return [
            {name: float(row[name]) for name in HISTORY_NUMBERS}
            | {name: float(row[name]) for name in OPTIONAL_NUMBERS if row.get(name)}
            | {"may_be_chosen": float(row.get("may_be_chosen") != "False")}  # older runs do not say it
            for row in rows
        ]
    except ValueError as error:
        raise GroupwiseError(f"not a number ({error})", place=path, remedy="Restore the file.") from None
