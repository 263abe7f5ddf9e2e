"""Training that ends with the same bits on every processor of a kind, by settings made before torch loads.

Sums of floating point come in the order in which the instructions of a processor and its threads take them.
The settings hold torch and its libraries to AVX2 and to two threads, whatever a machine has; then weights and
answers of a network do not depend on it (`benchmarks/portable.py`). It costs what the other instructions and
threads would have saved.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from groupwise.distributed.processor import this_processor
from groupwise.errors import UsageError

OPTION = "--deterministic"
PORTABLE = "portable"
THREADS = 2
SETTINGS = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "COMPATIBLE",
    "MKL_DYNAMIC": "FALSE",
    "MKL_NUM_THREADS": str(THREADS),
    "OMP_DYNAMIC": "FALSE",
    "OMP_NUM_THREADS": str(THREADS),
    "CUDA_VISIBLE_DEVICES": "",
}
NEEDED = ("AVX2", "FMA")


def is_portable() -> bool:
    """Whether this process was started with the settings."""
    return all(os.environ.get(name) == value for name, value in SETTINGS.items())


def take_option(argv: Sequence[str]) -> list[str]:
    """The words of a command without `--deterministic portable`, whose settings are made if it is there.

    Raises `UsageError` for another word, where torch is loaded already, on a processor that lacks the
    instructions, and for what would follow the clock of this machine all the same.
    """
    words: list[str] = []
    for word in argv:
        words += word.split("=", 1) if word.startswith(f"{OPTION}=") else [word]
    if OPTION not in words:
        return list(argv)
    at = words.index(OPTION)
    kind, rest = words[at + 1 : at + 2], [*words[:at], *words[at + 2 :]]
    if kind != [PORTABLE]:
        raise UsageError(
            f"takes {PORTABLE!r}, not {kind[0]!r}" if kind else f"takes the word {PORTABLE!r}",
            place=OPTION,
            remedy="Without it a training repeats itself bit for bit on the same machine.",
        )
    _refuse_clock(rest)
    lacking = sorted(set(NEEDED) - set(this_processor().instruction_sets))
    if lacking:
        raise UsageError(
            f"needs {' and '.join(NEEDED)}, and this processor does not tell of {' and '.join(lacking)}",
            place=OPTION,
            remedy="Train without it: on the same machine the bits are the same anyway.",
        )
    if "torch" in sys.modules and not is_portable():
        raise UsageError(
            "torch is loaded already, and reads its settings when it loads",
            place=OPTION,
            remedy=f"Start Python with {' '.join(f'{name}={value}' for name, value in SETTINGS.items())}.",
        )
    os.environ.update(SETTINGS)
    return rest


def _refuse_clock(words: Sequence[str]) -> None:
    """Raise `UsageError` where times that are measured here would steer the result."""
    names = {word.partition("=")[0] for word in words}
    timed = [name for name in ("--budget", "--training.budget_minutes") if name in names]
    if timed:
        raise UsageError(
            f"{timed[0]} follows the clock, and another machine ends elsewhere",
            place=OPTION,
            remedy="Leave out one of the two.",
        )
    if words[:1] == ["train"] and not names & {"--recipe", "--resume"}:
        raise UsageError(
            "a recipe that is planned follows the times that are measured on this machine",
            place=OPTION,
            remedy="Give --recipe default, or the recipe.yaml of a run that was planned.",
        )
