"""What may go wrong with the answers, as the user states it and the selection fold decides by it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from groupwise.errors import UsageError, require_numbers
from groupwise.recipe.aim import COST_MATRIX, Costs, refuse_costs
from groupwise.stats.arrays import Floats

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class DecisionConfig:
    """Rates that answers to images of new sources keep; docs/decision.md says how.

    Args:
        alpha: Share of images whose prediction set may miss the class.
        error_rate: Share of images that may be answered wrongly; where least certain, the network abstains.
        false_flag_rate: Share of images like the training data that may be flagged as unlike them.
        target_sensitivity: Share of the images of `positive_class` that are to be recognised.
        positive_class: The class with an operating point of its own.
        prevalence: Share of that class where the network will be used, for the predictive values.
        costs: What each answer costs for each true class, by which the class of the least expected cost is
            answered; on the command line a CSV with the names of the classes in its first row and column,
            rows true and columns answered.
        ordered: All classes from the lowest to the highest, as in [none,mild,severe], where they are ordered:
            a weighted kappa then says how far off answers are.
    """

    alpha: float = 0.1
    error_rate: float = 0.05
    false_flag_rate: float = 0.05
    target_sensitivity: float | None = None
    positive_class: str | None = None
    prevalence: float | None = None
    costs: Costs | None = None
    ordered: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_numbers(self, "decision")
        for name, value in vars(self).items():
            if isinstance(value, int | float) and not 0 < value < 1:
                raise UsageError(
                    f"{value:g} is no share", place=f"decision.{name}", remedy="Give one between 0 and 1."
                )
        if (self.target_sensitivity is None) != (self.positive_class is None):
            raise UsageError(
                "an operating point needs both a class and a sensitivity",
                place="--target-sensitivity, --class",
                remedy="As in: --target-sensitivity 0.95 --class cat",
            )
        if self.costs is not None:
            refuse_costs(self.costs)
            if self.positive_class is not None:
                raise UsageError(
                    "costs and an operating point would both decide what is answered",
                    place=f"{COST_MATRIX}, --class",
                    remedy="Choose one of them.",
                )
        if self.prevalence is not None and self.positive_class is None:
            raise UsageError(
                "nothing has this prevalence",
                place="--prevalence",
                remedy="Add --target-sensitivity and --class.",
            )

    def refuse_unknown_class(self, classes: Collection[str]) -> None:
        """Raise `UsageError` where the operating point or the costs are of other classes than `classes`."""
        if self.positive_class is not None and self.positive_class not in classes:
            raise UsageError(
                f"no class {self.positive_class!r}",
                place="--class",
                remedy=f"Choose one of {', '.join(sorted(classes))}.",
            )
        self.refuse_unordered(classes)
        if self.costs is not None and (missing := sorted(set(classes) - set(self.costs))):
            raise UsageError(
                f"no costs for the class {missing[0]!r}; there are some for {', '.join(sorted(self.costs))}",
                place=COST_MATRIX,
                remedy="Give each class of the data one row and one column.",
            )

    def refuse_unordered(self, classes: Collection[str]) -> None:
        """Raise `UsageError` where the order does not name each of `classes` once."""
        if self.ordered and sorted(self.ordered) != sorted(classes):
            raise UsageError(
                f"[{','.join(self.ordered)}] does not name each class once",
                place="--ordered",
                remedy=f"Put these in their order, from the lowest: [{','.join(sorted(classes))}].",
            )

    def cost_matrix(self, classes: Sequence[str]) -> Floats | None:
        """The costs (K, K) of `classes`, rows true and columns answered; None where none were given."""
        if self.costs is None:
            return None
        import numpy as np

        return np.array([[self.costs[true][answer] for answer in classes] for true in classes], float)
