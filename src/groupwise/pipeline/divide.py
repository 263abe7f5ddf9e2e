"""From an audited manifest to its split: made anew, extended or given, and what is said of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from groupwise.audit.audit import Audit
from groupwise.console import Console
from groupwise.data.given import use_given_division, use_given_split
from groupwise.data.layout import FOLDERS
from groupwise.data.manifest import GIVEN_FOLD, Manifest
from groupwise.data.participants import Participants, choose_participants
from groupwise.data.proof import proof
from groupwise.data.spanning import count_spanning, find_spanning
from groupwise.data.split import EXCLUDED, Assignment, Split, make_split, read_split, refuse_other_paths
from groupwise.data.split_options import SplitConfig
from groupwise.data.targets import NAMES_SHOWN, all_names
from groupwise.text import count, listed, verb


def split_manifest(
    manifest: Manifest,
    audited: Audit,
    config: SplitConfig,
    *,
    seed: int,
    console: Console,
    shares: dict[str, float] | None = None,
) -> tuple[Split, dict[str, Any]]:
    """Split the usable samples; returns the split and what `split.json` holds."""
    chosen = choose_participants(
        manifest.usable,
        [audited.clusters[sample.path] for sample in manifest.usable],
        audited.conflicts if config.label_conflicts == "drop" else (),
        copies=_copies(audited, config),
        worth=_worth(manifest, audited, config.keep),
        min_sources=config.min_sources,
        rare=config.rare,
    )
    for note in chosen.notes:
        console.warn(note)
    split, method = _divide(manifest, chosen, config, seed, console, shares)
    facts = {"method": method, "seed": seed, "copies": _copies(audited, config), **proof(split)}
    for name, fold in facts["folds"].items():
        console.say(f"Fold {name}: {_holds(fold)}")
    _say_absent_classes(split, chosen.untested, console)
    _say_joined(split, console)
    if facts["spanning_sources"]:
        console.warn(f"Sources that span two folds: {facts['spanning_sources']} (split.method {method})")
    if method == "given":
        _say_leak(facts, config, console)
    return split, facts


def check_extended(manifest: Manifest, config: SplitConfig, console: Console) -> None:
    """Say how many images of the split to extend are not there; raises `UsageError` where none is."""
    if config.extend is None:
        return
    previous, paths = read_split(Path(config.extend)), [sample.path for sample in manifest.usable]
    refuse_other_paths(previous, paths)
    if absent := previous.absent(paths):
        n, of = len(absent), count(len(previous.rows), "image")
        console.warn(
            f"{n:,} of {of} of the split to extend {verb(n, 'is', 'are')} not among the usable data, such as"
            f" {absent[0].path}"
        )


def _say_absent_classes(split: Split, untested: Collection[str], console: Console) -> None:
    """Classes without an image in a fold, but for those that are meant to be learnt alone."""
    for fold in split.folds:
        there = set(all_names(split.rows[i].label for i in split.indices(fold)))
        if absent := [name for name in split.classes if name not in there and name not in untested]:
            console.warn(
                f"Fold {fold} holds no image of {listed(absent, NAMES_SHOWN)}, so it says nothing of"
                f" {verb(len(absent), 'that class', 'those classes')}"
            )


def _say_joined(split: Split, console: Console) -> None:
    """Groups that shared copies make one source: a few are right, many ask for a look at the copies."""
    groups, grouped = _groups(split), zip(split.rows, split.sources.tolist(), strict=True)
    sources = len({source for row, source in grouped if row.group})
    if sources < groups:
        console.warn(
            f"Copies join the {groups:,} groups into {sources:,} sources; if those are no copies,"
            " --copies report keeps the groups apart"
        )


def _copies(audited: Audit, config: SplitConfig) -> str:
    """What copies do, decided by the audit where the user has not."""
    if config.copies != "auto":
        return config.copies
    return "report" if audited.facts.get("resemble") else "group"


def _worth(manifest: Manifest, audited: Audit, keep: str) -> list[float]:
    """What decides among copies, one value a usable sample; the highest stays, of equals the first."""
    samples = manifest.usable
    if keep == "largest":
        # Of equal sizes the sharper one: the share of detail is below 1, and pixels are whole.
        sharp = audited.worth.get("sharpest", [0.0] * len(samples))
        return [one.width * one.height + min(x, 0.999) for one, x in zip(samples, sharp, strict=True)]
    return list(audited.worth[keep]) if keep in audited.worth else [0.0] * len(samples)


def _divide(
    manifest: Manifest,
    chosen: Participants,
    config: SplitConfig,
    seed: int,
    console: Console,
    shares: dict[str, float] | None,
) -> tuple[Split, str]:
    """The split, made anew or given, and by which method."""
    samples = [(sample.path, sample.label, sample.group) for sample in manifest.usable]
    if not config.is_given:
        split = make_split(
            samples,
            chosen,
            shares=shares or config.shares,
            seed=seed,
            method=config.method,
            previous=read_split(Path(config.extend)) if config.extend else None,
        )
        return split, config.method
    folds = [sample.extra.get(GIVEN_FOLD, "") for sample in manifest.usable]
    if shares:
        names = list(shares)
        return use_given_division(samples, chosen.clusters, folds, names, excluded=chosen.excluded), "given"
    val = config.val / (config.train + config.val) if config.val else None
    given = use_given_split(samples, chosen.clusters, folds, val=val, seed=seed, excluded=chosen.excluded)
    for note in given.notes:
        console.say(note)
    return given.split, "given"


def given_folds(manifest: Manifest, audited: Audit) -> Split | None:
    """The folds that the data bring, as a split; None without.

    Copies bind here as the audit found them, whatever a training would make of them.
    """
    if not any(GIVEN_FOLD in sample.extra for sample in manifest.usable):
        return None
    rows = [
        Assignment(s.path, s.label, s.group, audited.clusters[s.path], s.extra.get(GIVEN_FOLD) or EXCLUDED)
        for s in manifest.usable
    ]
    return Split(tuple(rows))


def _holds(fold: Mapping[str, Any]) -> str:
    return f"{count(fold['n'], 'image')} from {count(fold['sources'], 'source')}"


def audit_given_split(split: Split, console: Console) -> dict[str, Any]:
    """What `split.json` would hold of the folds that the data bring, and the worst of it said."""
    facts = proof(split)
    for name, fold in facts["folds"].items():
        seen = fold["with_sibling_in_train"]
        touched = f", {seen:,} of them with a sibling in train" if seen else ""
        console.say(f"Given fold {name}: {_holds(fold)}{touched}")
    if facts["spanning_sources"]:
        console.warn(f"Sources that span two folds of the given split: {facts['spanning_sources']:,}")
    spanning = find_spanning(split)
    for kind, of in (("photograph", len({row.cluster for row in split.rows})), ("group", _groups(split))):
        facts[f"spanning_{kind}s"] = counted = count_spanning(spanning, kind)
        if counted["n"]:
            touched = ", ".join(f"{count(n, 'image')} of {fold}" for fold, n in counted["touched"].items())
            named = {"photograph": "Photographs", "group": "Groups that you named"}[kind]
            console.say(f"  {named} on two sides: {counted['n']:,} of {of:,}; touched: {touched or 'none'}")
    for example in facts["spanning_examples"][:5]:
        console.say(f"  {', '.join(example)}")
    return facts


def _groups(split: Split) -> int:
    return len({row.group for row in split.rows if row.group})


def _say_leak(facts: Mapping[str, Any], config: SplitConfig, console: Console) -> None:
    """What of the folds that measure a given split has already shown in training, and how to mend it."""
    touched = {
        name: fold["with_sibling_in_train"] for name, fold in facts["folds"].items() if name != "train"
    }
    if not any(touched.values()):
        return
    said = ", ".join(f"{n:,} of {facts['folds'][name]['n']:,} in {name}" for name, n in touched.items() if n)
    repaired = "--split.given pool" if config.given == FOLDERS else "no --split.given"
    console.warn(
        f"The given split leaks: images of a source that training has seen as well: {said}. The same"
        f" command with {repaired} divides the images anew, by whole sources."
    )
