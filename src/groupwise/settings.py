"""Refuses numbers that a setting may have by its type, and that nobody can mean."""

from __future__ import annotations

import math

from groupwise.errors import UsageError

SEEDS = 2**32  # what scikit-learn takes


def require_numbers(config: object, part: str) -> None:
    """Raise `UsageError` where a field of `config`, the part `part` of a recipe, is nan or infinite.

    nan passes limits that are asked for by what is below or above them.
    """
    for name, value in vars(config).items():
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and not math.isfinite(number):
                raise UsageError(
                    f"{number} is not a finite number",
                    place=f"{part}.{name}",
                    remedy="Give one, or leave the field out.",
                )


def require_seed(seed: int) -> None:
    """Raise `UsageError` for one that not every generator takes."""
    if not 0 <= seed < SEEDS:
        raise UsageError(
            f"{seed} is not at least 0 and below {SEEDS}", place="--seed", remedy="Give a number between."
        )
