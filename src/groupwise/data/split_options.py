"""The knobs of a split, apart from what it takes to make one, so that a recipe costs no scipy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from groupwise.errors import UsageError, require_numbers


@dataclass(frozen=True)
class SplitConfig:
    """How samples are divided.

    Args:
        method: `grouped` keeps each source (group or cluster of copies) whole and stratifies by class;
            `random` is the tutorial's, which does neither.
        train: Size of the fold that is learnt from; the three sizes are relative, so 8, 1 and 1 will do.
        val: Size of the fold that selects the epoch; 0 for none.
        test: Size of the fold that is read once, at the end; 0 for none.
        label_conflicts: What becomes of the files of one photograph under two labels: `drop` leaves them out
            until one of the labels is mended, `keep` trusts them all.
        extend: An earlier `split.csv`, whose samples keep their folds.
        given: A split that the data bring along, to be used as it is: the column that names the folds, or
            `folders` where they are folders; `pool` divides the images of such folders anew.
        copies: What the copies that the audit finds do: `group` keeps those of one photograph in one fold,
            `report` only names them, and the groups of the user rule, `drop` keeps one of each; `auto` is
            `report` where the audit finds that all pictures resemble one another, and else `group`.
        keep: Which of the copies stays where `copies` is `drop`: the `first` by name, the `largest` in
            pixels, the `sharpest` at one size, or the `medoid`, which is most like the others.
        min_sources: Classes with fewer independent sources are not measured; see `rare`.
        rare: What becomes of those: `drop` leaves them out, `train` learns from all of their images.
    """

    method: Literal["grouped", "random"] = "grouped"
    train: float = 0.8
    val: float = 0.1
    test: float = 0.1
    label_conflicts: Literal["drop", "keep"] = "drop"
    extend: str | None = None
    given: str | None = None
    copies: Literal["auto", "report", "group", "drop"] = "auto"
    keep: Literal["first", "largest", "sharpest", "medoid"] = "first"
    min_sources: int = 0
    rare: Literal["drop", "train"] = "drop"

    def __post_init__(self) -> None:
        require_numbers(self, "split")
        if min(self.train, self.val, self.test) < 0 or self.train == 0:
            raise UsageError(
                f"a share is negative, or train has none: {self.train}:{self.val}:{self.test}",
                place="split.train, split.val, split.test",
                remedy="Give for example 0.8, 0.1 and 0.1, or 8, 1 and 1.",
            )
        if self.keep != "first" and self.copies != "drop":
            raise UsageError(
                f"nothing is dropped with split.copies {self.copies}",
                place=f"split.keep {self.keep}",
                remedy="Add --copies drop.",
            )
        if self.min_sources < 0:
            raise UsageError(
                f"{self.min_sources} is negative", place="split.min_sources", remedy="Give 0 or more."
            )
        if self.is_given and (self.extend or self.method == "random"):
            raise UsageError(
                f"a split that is given does not extend {self.extend}, which is there already"
                if self.extend
                else "a split that is given is not divided by split.method random",
                place="split.given",
                remedy="Leave it out, or name another file." if self.extend else "Leave one of them out.",
            )

    @property
    def is_given(self) -> bool:
        """Whether the folds are those that the data bring."""
        return self.given not in (None, "pool")

    @property
    def fewest_tested(self) -> int:
        """Classes of fewer sources are learnt and not tested; 0 where every class that takes part is."""
        return self.min_sources if self.rare == "train" else 0

    @property
    def shares(self) -> dict[str, float]:
        """The folds that exist, with their relative sizes."""
        shares = {"train": self.train, "val": self.val, "test": self.test}
        return {fold: share for fold, share in shares.items() if share > 0}
