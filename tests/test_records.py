"""Records that hold arrays are told apart by identity: whether two arrays are equal is no yes or no."""

import importlib
from collections.abc import Callable
from dataclasses import is_dataclass, make_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from torch import Tensor

import groupwise
from groupwise.stats.arrays import Pixels

ROOT = Path(groupwise.__file__).parent
FILES = [file for file in sorted(ROOT.rglob("*.py")) if file.stem != "__main__"]
Inner = make_dataclass("Inner", [("pixels", Pixels)], eq=False)


def module(file: Path) -> str:
    name = file.relative_to(ROOT.parent).with_suffix("").as_posix().replace("/", ".")
    return name.removesuffix(".__init__")


def holds_arrays(hint: Any, within: frozenset[Any] = frozenset()) -> bool:
    """Whether values of this type are arrays, or keep some at whatever depth; `within` are those around."""
    kind = get_origin(hint) or hint
    if kind in within:
        return False  # a record that holds others of its kind
    if kind is Callable:
        return False  # a function that takes arrays keeps none
    if isinstance(kind, type) and issubclass(kind, np.ndarray | Tensor):
        return True
    parts = get_type_hints(kind).values() if is_dataclass(kind) else get_args(hint)
    inside = within | {kind} if is_dataclass(kind) else within
    return any(holds_arrays(part, inside) for part in parts)


def compares_arrays(kind: Any) -> bool:
    return is_dataclass(kind) and kind.__eq__ is not object.__eq__ and holds_arrays(kind)


def test_no_record_compares_arrays():
    values = [value for file in FILES for value in vars(importlib.import_module(module(file))).values()]
    found = {kind for kind in values if isinstance(kind, type) and compares_arrays(kind)}
    assert not found, "give them eq=False"


@pytest.mark.parametrize("hint", [Pixels, Tensor, Pixels | None, dict[str, tuple[Pixels, ...]], Inner])
def test_a_record_of_arrays_is_found_unless_it_has_no_equality(hint):
    assert compares_arrays(make_dataclass("Record", [("field", hint)]))
    assert not compares_arrays(make_dataclass("Record", [("field", hint)], eq=False))


@pytest.mark.parametrize("hint", [int, Literal["a", "b"], list[str] | None, Callable[[Pixels], Pixels]])
def test_a_record_without_arrays_may_have_equality(hint):
    assert not compares_arrays(make_dataclass("Record", [("field", hint)]))
