"""Tasks of a Ray cluster: so many at a time, with their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from groupwise.errors import GroupwiseError

Call = Callable[[], list[Any]]
"""Starts a task and returns a reference to each of its results."""


def import_ray() -> ModuleType:
    """Ray itself, which only this part of the audit asks for."""
    try:
        import ray
    except ImportError:
        raise GroupwiseError(
            "Ray is not installed", place="audit_ray", remedy="Install it: pip install 'groupwise[scale]'"
        ) from None
    return ray  # type: ignore[no-any-return]


def keep(value: object) -> Any:
    """A reference to a value that now lies in the memory of the cluster."""
    return import_ray().put(value)


def look_up(reference: Any) -> Any:
    """What a reference stands for; raises what files gave the task that should have made it."""
    ray = import_ray()
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, GroupwiseError | OSError):
            raise error.cause from None
        raise


def submit(function: Callable[..., Any], *arguments: Any, results: int = 1) -> list[Any]:
    """Start a task; references to its results. It sees what references among the arguments stand for."""
    task = import_ray().remote(function).options(num_returns=results)
    references = task.remote(*arguments)
    return [references] if results == 1 else list(references)


def run(calls: Iterable[Call], at_once: int) -> Iterator[list[Any]]:
    """The first result of each task, in order, with references to the others; `at_once` tasks run."""
    ray = import_ray()
    waiting: deque[list[Any]] = deque()
    running: list[Any] = []
    for call in calls:
        while len(running) >= at_once:
            _, running = ray.wait(running, num_returns=1)
            while waiting and waiting[0][0] not in running:
                first, *others = waiting.popleft()
                yield [look_up(first), *others]
        waiting.append(call())
        running.append(waiting[-1][0])
    for first, *others in waiting:
        yield [look_up(first), *others]
