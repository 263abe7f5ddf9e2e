"""Where the time of one `train` goes: seconds of the clock and of the processor by part, to the report.

    python benchmarks/parts.py train ../shared/data/sign-digits.csv --group-column student --run RUN [options]

Each part counts what it does itself, without the parts within it; "rest" is everything else of the process.
A part that keeps both cores busy has twice as many seconds of the processor as of the clock.
"""

from __future__ import annotations

import functools
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from typing import Any

BEGAN = time.perf_counter(), time.process_time()
PARTS = {
    "scan": [("groupwise.pipeline.prepare", "scan_with_progress")],
    "audit: read, describe": [("groupwise.audit.search", "measure_all")],
    "audit: plant copies": [("groupwise.audit.recall", "plant")],
    "audit: compare": [("groupwise.audit.copies.detect", "detect")],
    "audit: shortcuts": [("groupwise.audit.shortcuts", "find_shortcuts")],
    "audit: rest": [
        ("groupwise.pipeline.prepare", "prepare"),
        ("groupwise.pipeline.prepare", "write_prepared"),
    ],
    "plan": [("groupwise.pipeline.plan", "plan_recipe")],
    "decode for training": [("groupwise.pipeline.images", "open_images")],
    "training": [("groupwise.training.trainer", "Trainer.fit")],
    "keep, decide": [("groupwise.pipeline.keep", "keep_network")],
    "score": [
        ("groupwise.evaluation.evaluate", "score_fold"),
        ("groupwise.evaluation.evaluate", "write_scores"),
    ],
    "baselines": [("groupwise.pipeline.baselines", "add_baselines")],
    "random split": [("groupwise.evaluation.leakage", "estimate_leakage")],
    "slices": [("groupwise.evaluation.slice_files", "write_slices")],
    "report": [("groupwise.report.page", "write_report")],
    "refit, but its training": [("groupwise.pipeline.refit", "refit")],
}

spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
stack: list[list[float]] = []


def main() -> None:
    """Run the command line that is given, and print the table."""
    for module in {module for places in PARTS.values() for module, _ in places} | {"groupwise.api"}:
        import_module(module)
    spent["imports"] = [now - began for now, began in zip(_now(), BEGAN, strict=True)]
    for part, places in PARTS.items():
        for module, name in places:
            _watch(part, module, name)
    from groupwise.cli.main import main as groupwise

    status = groupwise(sys.argv[1:])
    whole = [now - began for now, began in zip(_now(), BEGAN, strict=True)]
    known = [sum(one[k] for one in spent.values()) for k in (0, 1)]
    spent["rest"] = [whole[k] - known[k] for k in (0, 1)]
    print("\n| part | s of the clock | s of the processor |\n|---|---|---|")
    for part in ("imports", *PARTS, "rest"):
        print(f"| {part} | {spent[part][0]:.1f} | {spent[part][1]:.1f} |")
    print(f"| whole | {whole[0]:.1f} | {whole[1]:.1f} |")
    raise SystemExit(status)


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _watch(part: str, module: str, name: str) -> None:
    """Time a function or method wherever it was imported to."""
    owner: Any = import_module(module)
    *classes, last = name.split(".")
    for one in classes:
        owner = getattr(owner, one)
    function = getattr(owner, last)
    timed = _timed(part, function)
    owners = [owner] if classes else [m for key, m in sys.modules.items() if key.startswith("groupwise")]
    for one in owners:
        if getattr(one, last, None) is function:
            setattr(one, last, timed)


def _timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        begin = _now()
        stack.append([0.0, 0.0])
        try:
            return function(*args, **kwargs)
        finally:
            within = stack.pop()
            whole = [now - began for now, began in zip(_now(), begin, strict=True)]
            for k in (0, 1):
                spent[part][k] += whole[k] - within[k]
                if stack:
                    stack[-1][k] += whole[k]

    return call


if __name__ == "__main__":
    main()
