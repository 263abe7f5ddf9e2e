"""What a training is optimised for, the knobs that follow from it, and the costs of wrong answers."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import read_csv

Aim = Literal["accuracy", "balanced", "auroc", "average_precision", "cost"]
Selector = Literal["accuracy", "loss", "balanced_accuracy", "auroc", "average_precision", "cost"]
Costs = dict[str, dict[str, float]]

OPTIMISE, SELECT_BY, ADJUSTMENT = "training.optimise", "training.select_by", "loss.logit_adjustment"
SKEWED = 3.0  # images of the largest class for one of the smallest, which are worth a word
COSTS, COST_MATRIX = "decision.costs", "--cost-matrix"

# The figure that each aim raises (cost: lowers), by its name in `metrics.json`, and what it is called.
MEASURE: Mapping[Aim, Selector] = {
    "accuracy": "accuracy",
    "balanced": "balanced_accuracy",
    "auroc": "auroc",
    "average_precision": "average_precision",
    "cost": "cost",
}
WORDS: Mapping[str, str] = {
    "accuracy": "accuracy",
    "balanced": "balanced accuracy",
    "auroc": "the mean AUROC of the classes",
    "average_precision": "the mean average precision of the classes",
    "cost": "the least expected cost",
}


def aimed_fields(fields: Mapping[str, Any], former: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that follow from `training.optimise` among `fields`, a recipe's by their paths.

    Balanced accuracy asks for logit adjustment, unless the recipe does something for rare classes already:
    an adjustment that the aim of `former`, the recipe before its aim was changed, does not ask for stays.
    """
    aim: Aim = fields[OPTIMISE]
    if not isinstance(aim, str) or aim not in MEASURE:
        return {}  # which the parser refuses with its own words
    following: dict[str, Any] = {SELECT_BY: [MEASURE[aim], "loss"]}
    if former.get(ADJUSTMENT, 0.0) == _adjustment(former):
        following[ADJUSTMENT] = _adjustment(fields)
    return following


def _adjustment(fields: Mapping[str, Any]) -> float:
    """The logit adjustment that the aim of a recipe asks for."""
    sampled = "balanced" in (fields.get("training.sampling"), fields.get("loss.class_weights"))
    return 1.0 if fields.get(OPTIMISE) == "balanced" and not sampled else 0.0


def read_costs(path: Path) -> Costs:
    """The costs of a CSV: a row for each true class, a column for each answer, by their names.

    The cell above the names of the rows may hold anything. Raises `GroupwiseError` for what is no square of
    numbers; `DecisionConfig` refuses costs that cannot be meant.
    """
    rows = read_csv(path, ())
    names = list(rows[0]) if rows else _header(path)
    corner, *answers = names or [""]
    costs: Costs = {}
    for number, row in enumerate(rows, start=1):
        name = row[corner].strip()
        if name in costs:
            raise GroupwiseError(
                f"row {number} is the second of class {name!r}", place=path, remedy="Give each class one row."
            )
        costs[name] = {answer.strip(): _number(row[answer], name, answer, path) for answer in answers}
    if not answers or set(costs) != {answer.strip() for answer in answers}:
        raise GroupwiseError(
            f"has rows {_listed(costs)} and columns {_listed(answers)}",
            place=path,
            remedy="Give every class one row, what is shown, and one column, what is answered.",
        )
    return costs


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return next(csv.reader(file), [])


def _number(text: str, row: str, column: str, path: Path) -> float:
    try:
        return float(text)
    except ValueError:
        raise GroupwiseError(
            f"{text!r} is no number, in row {row!r} and column {column!r}",
            place=path,
            remedy="Give what it costs to answer the column's class where the row's is true.",
        ) from None


def _listed(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(map(repr, names)) or "none"


def refuse_costs(costs: Costs) -> None:
    """Raise `UsageError` for costs that cannot be meant."""
    for name, row in costs.items():
        if set(row) != set(costs):
            raise UsageError(
                f"the costs of {name!r} are of {_listed(row)}, and the classes are {_listed(costs)}",
                place=COSTS,
                remedy="Give each class a cost for each answer.",
            )
        for answer, cost in row.items():
            if not math.isfinite(cost) or cost < 0:
                raise UsageError(
                    f"answering {answer!r} for {name!r} costs {cost:g}",
                    place=COSTS,
                    remedy="Give finite numbers from 0 up.",
                )
            if row[name] > cost:
                raise UsageError(
                    f"for {name!r} the right answer costs {row[name]:g}, and {answer!r} {cost:g}",
                    place=COSTS,
                    remedy="The right answer costs the least, as a rule 0. Rows are true, columns answered.",
                )
    if all(len(set(row.values())) == 1 for row in costs.values()):
        raise UsageError(
            "all answers cost the same, so there is nothing to choose",
            place=COSTS,
            remedy="Give wrong answers a cost above that of the right one.",
        )


def with_cost_matrix(argv: Sequence[str]) -> list[str]:
    """`argv` with the file of `--cost-matrix FILE` replaced by its costs; costs in braces stay."""
    words: list[str] = []
    given = False
    for word in argv:
        option, equals, value = word.partition("=")
        if given:
            words.append(_costs_in(word))
        elif option in (COST_MATRIX, f"--{COSTS}") and equals:
            words.append(f"{option}={_costs_in(value)}")
        else:
            words.append(word)
        given = not given and word in (COST_MATRIX, f"--{COSTS}")
    return words


def _costs_in(word: str) -> str:
    return word if word.startswith("{") else json.dumps(read_costs(Path(word)))
