"""Weights that are meant by name: downloaded once, with the preset and the preprocessing that they want."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from groupwise.console import Console
from groupwise.errors import UsageError
from groupwise.files import sha256_file
from groupwise.models.download import fetch
from groupwise.models.pretrained import RESTRICTED, Pretrained, find_weights, is_name
from groupwise.recipe.recipe import Recipe
from groupwise.runs.lock import locked

OFFLINE = ("HF_HUB_OFFLINE", "GROUPWISE_OFFLINE")
TRUE = ("1", "true", "yes", "on")


def with_named_weights(recipe: Recipe, chosen: Set[str], console: Console) -> Recipe:
    """The recipe with the file behind the name in `model.weights`, and what its weights were trained with.

    Fields in `chosen` stay as they are. A recipe that names a file, or nothing, is given back. Raises
    `UsageError` for a name that is not known or a licence that was not accepted, and as `fetch` does.
    """
    named = recipe.model.weights
    if named is None or not is_name(named):
        return recipe
    name, one = find_weights(named, recipe.model.preset if "model.preset" in chosen else None)
    _require_licence(name, one, recipe.model.accept_licence)
    console.say(f"Weights: {name}, {one.score:.1f} % on ImageNet ({one.source}), licence {one.licence}")
    file = _file(name, one, console)
    kept = sorted(name for name in one.preprocessing if f"data.{name}" in chosen)
    told = f"  preprocessing as they were trained with: {one.image_size_px} px, the middle square,"
    told += f" {one.interpolation}, ImageNet's mean and deviation"
    console.say(told + (f"; as you said, {', '.join(kept)}" if kept else ""))
    return _with(recipe, one, str(file), chosen)


def with_weights_begun(recipe: Recipe, chosen: Set[str], begun: Mapping[str, str | None]) -> Recipe:
    """`with_named_weights` for a run that has begun, where nothing is downloaded.

    `begun` has the file of the weights that it began with by their name; other ones stay a name.
    """
    named = recipe.model.weights
    if named is None or not is_name(named):
        return recipe
    name, one = find_weights(named, recipe.model.preset if "model.preset" in chosen else None)
    return _with(recipe, one, begun.get(name) or name, chosen)


def _with(recipe: Recipe, one: Pretrained, weights: str, chosen: Set[str]) -> Recipe:
    fields = {field: value for field, value in one.preprocessing.items() if f"data.{field}" not in chosen}
    model = replace(recipe.model, weights=weights, preset=one.preset)
    return replace(recipe, model=model, data=replace(recipe.data, **fields))


def facts_of(named: str, recipe: Recipe) -> dict[str, str]:
    """What the ledger of a run says of the weights that the settled `recipe` has for a name."""
    name, one = find_weights(named, recipe.model.preset)
    return {
        "name": name,
        "licence": one.licence,
        "url": one.download().url,
        "sha256": sha256_file(Path(str(recipe.model.weights))),
    }


def _require_licence(name: str, one: Pretrained, accepted: str | None) -> None:
    if one.licence in RESTRICTED and accepted != one.licence:
        raise UsageError(
            f"{name} may not be used commercially: their licence is {one.licence}",
            place="--weights",
            remedy=f"Add --model.accept_licence {one.licence} if that suits you, or take others.",
        )


def _file(name: str, one: Pretrained, console: Console) -> Path:
    wanted = one.download()
    if (cached := one.in_hub_cache()) is not None and not wanted.target.is_file():
        console.say(f"  in the hub's cache already, SHA-256 {sha256_file(cached)[:12]}")
        return cached
    if not wanted.target.is_file() and any(os.environ.get(v, "").lower() in TRUE for v in OFFLINE):
        raise UsageError(
            f"{name} are not on this machine, and {OFFLINE[0]} forbids to download them",
            place="--weights",
            remedy=f"Unset it, or put the file of {wanted.url} at {wanted.target}.",
        )
    there = wanted.target.is_file()
    with _alone(wanted.target), console.progress("Downloading weights") as progress:
        digest = fetch(wanted, progress)
    pinned = "as pinned" if wanted.sha256 else "digest not pinned"
    console.say(f"  {'kept' if there else 'downloaded'}, SHA-256 {digest[:12]} ({pinned}): {wanted.target}")
    return wanted.target


def _alone(target: Path) -> AbstractContextManager[None]:
    """Let one process at a time download `target`, for two would write into one part; who waited finds it."""
    if target.is_file():
        return nullcontext()
    target.parent.mkdir(parents=True, exist_ok=True)
    return locked(target.with_name(f"{target.name}.lock"), passing=True)
