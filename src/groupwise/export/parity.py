"""Proof that two networks answer the same images alike, or a refusal."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from groupwise.errors import GroupwiseError
from groupwise.inference.decision import ClassPrediction
from groupwise.stats.arrays import Floats, Floats32

Forward = Callable[[Floats32], Floats]

TOLERANCE = 1e-4  # on logits
IMAGES = 32  # of the user's own
DECIDED = ("decided", "prediction_set", "abstain", "unlike")


def check_parity(
    expected: Floats,
    forward: Forward,
    inputs: Floats32,
    *,
    names: Sequence[str],
    packages: Sequence[str],
    tolerance: float = TOLERANCE,
) -> dict[str, Any]:
    """Compare `forward` with `expected` (N, K) on `inputs` (N, 3, S, S), one at a time and all at once.

    `names` (N,) are the images' for the message. Returns what `parity.json` holds; raises `GroupwiseError`
    where a logit differs by more than `tolerance` or a most probable class differs.
    """
    found = {
        1: np.concatenate([forward(inputs[i : i + 1]) for i in range(len(inputs))]),
        len(inputs): forward(inputs),
    }
    for batch_size, logits in found.items():
        differences = np.abs(logits - expected).max(axis=1)
        unequal = logits.argmax(axis=1) != expected.argmax(axis=1)
        # `not <=` so that a NaN is a difference.
        bad = ~(differences <= tolerance) | unequal
        if bad.any():
            worst = int(np.where(bad, np.nan_to_num(differences, nan=np.inf), -1).argmax())
            raise GroupwiseError(
                f"{names[worst]} at batch {batch_size}: a logit is {differences[worst]:.2g} from torch's,"
                f" and at most {tolerance:g} is allowed" + (", and the class differs" * bool(unequal[worst])),
                place="export",
                remedy="Nothing was written. Report it with the versions from `pip list`.",
            )
    return {
        "tolerance": tolerance,
        "images": len(inputs),
        "largest_difference": {
            str(size): float(np.abs(logits - expected).max()) for size, logits in found.items()
        },
        "labels_equal": True,
        "platform": platform.platform(),
        "packages": {name: version(name) for name in packages},
    }


def check_answers(
    expected: Sequence[ClassPrediction], found: Sequence[ClassPrediction], *, names: Sequence[str]
) -> None:
    """Raise `GroupwiseError` where two answers to the same image decide otherwise."""
    for name, one, other in zip(names, expected, found, strict=True):
        for field in DECIDED:
            ours, theirs = (plain(getattr(answer, field)) for answer in (one, other))
            if ours != theirs:
                raise GroupwiseError(
                    f"{name}: `{field}` is {ours} by torch and {theirs} by the export, on a threshold",
                    place="export",
                    remedy="Nothing was written. Choose the thresholds anew with `groupwise decide RUN`.",
                )


def plain(value: Any) -> Any:
    """The classes of a set in one order: theirs may change where two are equally probable."""
    return sorted(value) if isinstance(value, tuple) else value
