"""The split that the data bring, as the page of an audit tells it: what stands on two of its sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groupwise.text import count, verb

TRAIN = "train"


@dataclass(frozen=True)
class FoldRow:
    """A fold: its images, their sources, and the images whose source training holds as well."""

    name: str
    images: int
    sources: int
    siblings: int


@dataclass(frozen=True)
class GivenSplit:
    """The folds in their order, and the sources, photographs and groups that stand in several of them.

    `repaired` says whether a split without the leak lies beside the page.
    """

    folds: tuple[FoldRow, ...]
    sources: int
    photographs: int
    groups: int
    repaired: bool

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> GivenSplit | None:
        """From `given_split` of `audit.json`; None where the data bring no folds."""
        given = facts.get("given_split")
        if not given:
            return None
        return cls(
            tuple(
                FoldRow(name, one["n"], one["sources"], one["with_sibling_in_train"])
                for name, one in given["folds"].items()
            ),
            given["spanning_sources"],
            given["spanning_photographs"]["n"],
            given["spanning_groups"]["n"],
            given["repaired"],
        )

    @property
    def leak(self) -> str:
        """What is wrong with it in a sentence; "" where nothing is."""
        if not self.sources:
            return ""
        outside = [fold for fold in self.folds if fold.name != TRAIN]
        seen, n = (sum(getattr(fold, name) for fold in outside) for name in ("siblings", "images"))
        spans = (
            f"The split that the data bring leaks: {count(self.sources, 'source')}"
            f" {verb(self.sources, 'stands', 'stand')} in several of its folds"
        )
        of = f", and {seen:,} of {count(n, 'image')} outside training {verb(seen, 'has', 'have')}"
        return f"{spans}{of} siblings inside." if seen else f"{spans}."
