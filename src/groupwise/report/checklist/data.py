"""What a run knows of its data and their split, as answers to the checklist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from groupwise.data.exclusion import CODE as EXCLUDED
from groupwise.evaluation.words import NOTHING_ON_LABELS, may_be_guessing
from groupwise.report.checklist.answer import ChecklistAnswer, confirm, filled, yours
from groupwise.report.validity import sources_known
from groupwise.report.words import percent, percent_bound
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import headline_figure
from groupwise.text import count, verb

NO_MANIFEST = "The run has no manifest.csv, so it does not know."


def eligibility(files: RunFiles) -> ChecklistAnswer:
    """What the software left out; what was left out before, it cannot know."""
    if not files.manifest:
        return yours(NO_MANIFEST)
    statuses = Counter(sample.status for sample in files.manifest)
    listed = sum(EXCLUDED in sample.codes for sample in files.manifest)
    return confirm(
        f"Of {count(len(files.manifest), 'file')} found, left out by a list: {listed:,}; no images:"
        f" {statuses['ignored'] - listed:,}; could not be used: {statuses['quarantined']:,}; left out for"
        f" conflicting labels: {files.split.get('excluded', 0):,}. Add what was left out before."
    )


def damage(files: RunFiles) -> ChecklistAnswer:
    """Nothing is ever imputed."""
    if not files.manifest:
        return yours(NO_MANIFEST)
    lost = sum(sample.status == "quarantined" for sample in files.manifest)
    named = ", named with their reasons in manifest.csv" if lost else ""
    return filled(
        f"{count(lost, 'damaged file')} {verb(lost, 'was', 'were')} set aside{named}; nothing was imputed."
    )


def preprocessing(files: RunFiles) -> ChecklistAnswer:
    """From the recipe, whose preprocessing is the only one."""
    data = files.part("data")
    if "image_size_px" not in data:
        return yours("The recipe does not say.")
    side = data["image_size_px"]
    how = {"squash": "resized", "crop": "resized and cropped", "pad": "resized and padded"}
    return filled(
        f"Decoded upright in sRGB, {how.get(str(data.get('resize')), 'resized')} to {side} x {side} px"
        f" ({data.get('interpolation', 'bilinear')}), normalised by channel; the same in training and use."
    )


def agreement(files: RunFiles) -> ChecklistAnswer:
    """Suspected labels are a hint, no measurement of agreement."""
    if may_be_guessing(files.metrics[files.fold]):
        return yours(f"The network is {NOTHING_ON_LABELS}.")
    if files.label_errors:
        return yours(
            f"{count(len(files.label_errors), 'label')} are suspected to be wrong; see the pictures above."
        )
    return yours()


def size(files: RunFiles) -> ChecklistAnswer:
    """The numbers are known, why they are what they are is not."""
    images = sum(fold["n"] for fold in files.split["folds"].values())
    return confirm(
        f"{count(images, 'image')} from {count(files.split['sources'], 'source')}."
        " Add how that number was decided on."
    )


def balance(files: RunFiles) -> ChecklistAnswer:
    """Images of each class over all folds."""
    n: Counter[str] = Counter()
    for fold in files.split["folds"].values():
        n.update({label: held["n"] for label, held in fold["classes"].items()})
    shown = [f"{label}: {images:,}" for label, images in n.most_common(12)]
    left = len(n) - len(shown)
    more = f" and {left} more class{'es' * (left != 1)}" if left else ""
    return filled(f"Images: {', '.join(shown)}{more}.")


def assignment(files: RunFiles) -> ChecklistAnswer:
    """By method, shares and seed."""
    method, folds = files.split.get("method"), files.split["folds"]
    if method not in ("grouped", "random", "given"):
        return yours("split.json does not say.")
    ways = {
        "grouped": "whole sources, stratified by class",
        "random": "single images, at random",
        "given": "the split that the data bring",
    }
    how = ways[method]
    seed = f" (seed {files.split['seed']})" if "seed" in files.split else ""
    return filled(f"As {how}{seed}: {_sizes(folds)}.")


def _sizes(folds: dict[str, Any]) -> str:
    return ", ".join(f"{name} {fold['n']:,} from {fold['sources']:,} sources" for name, fold in folds.items())


def test_size(files: RunFiles) -> ChecklistAnswer:
    """Its images and sources, and how wide an interval they gave."""
    fold = files.split["folds"].get(files.fold)
    if not fold:
        return yours("split.json does not say.")
    figure = headline_figure(files.metrics[files.fold])
    wide = ""
    if figure.low is not None and figure.high is not None:
        points = 100 * (figure.high - figure.low)
        wide = f", which leaves an interval of {points:.1f} points"
    return confirm(
        f"{count(fold['n'], 'image')} from {count(fold['sources'], 'source')}{wide}."
        " Add why it is of that size."
    )


def difference(files: RunFiles) -> ChecklistAnswer:
    """How far the shares of the classes in the measured fold are from those in training."""
    shares = {name: _class_shares(fold) for name, fold in files.split["folds"].items()}
    learnt, measured = shares.get("train"), shares.get(files.fold)
    if not learnt or not measured:
        return yours("split.json has no two folds to compare.")
    apart = {label: measured.get(label, 0.0) - learnt.get(label, 0.0) for label in {*learnt, *measured}}
    label = max(sorted(apart), key=lambda name: abs(apart[name]))
    return confirm(
        f"The share of a class differs by at most {100 * abs(apart[label]):.1f} points between train and"
        f" {files.fold} ({label}). Add how their sites, devices and times differ."
    )


def _class_shares(fold: Mapping[str, Any]) -> dict[str, float]:
    return {label: held["n"] / fold["n"] for label, held in fold["classes"].items() if fold["n"]}


def level(files: RunFiles) -> ChecklistAnswer:
    """Known only where images are known to belong together; otherwise a person has to say."""
    spanning = files.split["spanning_sources"]
    if spanning:
        return filled(f"Not disjoint: {count(spanning, 'source')} {verb(spanning, 'spans', 'span')} folds.")
    if any(row.group for row in files.assignments):
        return confirm(
            "Sources: the groups that were given, joined where they share a copy of one photograph."
            " Confirm that a group is a whole patient, animal or place."
        )
    if sources_known(files):
        return confirm("Photographs, with their copies. No groups were given: confirm that none are needed.")
    return yours("No groups were given and no copies were found, so single images were divided.")


def copies(files: RunFiles) -> ChecklistAnswer:
    """What the audit found."""
    if files.findings is None:
        return yours("No audit was run.")
    clusters = {row.cluster for row in files.assignments}
    if not files.assignments:
        return yours("The run has no split.csv, so it does not know.")
    copied = len(files.assignments) - len(clusters)
    recall = files.audit.get("planted_recall")
    low = (files.audit.get("planted_recall_interval") or (0,))[0]
    least = f", so expect at least {percent_bound(low, 'least')}" if low else ""
    sure = "" if recall is None else f" Of planted copies it finds {percent(recall)}{least}."
    return filled(f"The audit found {count(copied, 'file')} to be copies of others.{sure}")


def shortcuts(files: RunFiles) -> ChecklistAnswer:
    """The audit tries file size, camera and the like; what is in the picture it cannot judge."""
    if files.findings is None:
        return yours("No audit was run.")
    titles = [
        str(item.get("title")) for item in files.findings if str(item.get("code")).startswith("shortcut")
    ]
    found = "; ".join(titles) or _no_shortcut(files.audit.get("clues_tested"))
    return confirm(f"The audit: {found}. Look at background, rulers and writing in the pictures yourself.")


def _no_shortcut(tested: Mapping[str, Any] | None) -> str:
    """What an audit may say that names no clue; older ones do not tell what they tested."""
    if tested is None:
        return "no clue is known to tell the class"
    if not tested["classes"]:
        return "too few photographs a class to test whether a clue such as file size tells it"
    few = tested["of"] - tested["classes"]
    rest = (
        f"; {few:,} {verb(few, 'class has', 'classes have')} too few photographs to be tested" if few else ""
    )
    return f"of {', '.join(tested['clues'])}, none alone tells the class{rest}"


def flow(files: RunFiles) -> ChecklistAnswer:
    """From files found to folds."""
    found = f"{count(len(files.manifest), 'file')} found; " if files.manifest else ""
    return filled(f"{found}of these, {_sizes(files.split['folds'])}.")
