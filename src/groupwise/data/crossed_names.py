"""Folders whose names hold a fold and a class: train_cat, train_dog, val_cat, val_dog."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection

from groupwise.data.fold_names import TEST, TRAIN, VAL, fold_of_name

_ENDS = (re.compile(r"([^\W_]+)[\W_]+(.+)"), re.compile(r"(.+)[\W_]+([^\W_]+)"))


def cross_names(names: Collection[str]) -> dict[str, tuple[str, str]]:
    """The word for a fold and the class in each name, if most names have both; else nothing.

    Two classes or more have to lie in training, and all that are held out among them: `test_drive` beside
    `train_ride` are two classes.
    """
    for place, pattern in enumerate(_ENDS):
        matches = {name: pattern.fullmatch(name) for name in names}
        crossed = {name: (m[1 + place], m[2 - place]) for name, m in matches.items() if m is not None}
        crossed = {
            name: pair for name, pair in crossed.items() if fold_of_name(pair[0]) in (TRAIN, VAL, TEST)
        }
        if len(crossed) > len(names) / 2 and _is_crossed(crossed):
            return crossed
    return {}


def _is_crossed(crossed: dict[str, tuple[str, str]]) -> bool:
    classes: dict[str | None, set[str]] = defaultdict(set)
    for word, name in crossed.values():
        classes[fold_of_name(word)].add(name.casefold())
    held_out = set().union(*(found for fold, found in classes.items() if fold != TRAIN))
    learnt = classes[TRAIN]
    return len(held_out) > 1 and held_out <= learnt
