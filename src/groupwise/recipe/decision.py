"""What may go wrong with the answers, as the user states it and the selection fold decides by it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from groupwise.errors import UsageError, require_numbers


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
    """

    alpha: float = 0.1
    error_rate: float = 0.05
    false_flag_rate: float = 0.05
    target_sensitivity: float | None = None
    positive_class: str | None = None
    prevalence: float | None = None

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
        if self.prevalence is not None and self.positive_class is None:
            raise UsageError(
                "nothing has this prevalence",
                place="--prevalence",
                remedy="Add --target-sensitivity and --class.",
            )

    def refuse_unknown_class(self, classes: Collection[str]) -> None:
        """Raise `UsageError` where the class with the operating point is none of `classes`."""
        if self.positive_class is not None and self.positive_class not in classes:
            raise UsageError(
                f"no class {self.positive_class!r}",
                place="--class",
                remedy=f"Choose one of {', '.join(sorted(classes))}.",
            )
