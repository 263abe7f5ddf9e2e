"""New data that the run had never seen, from `external/NAME/`: figures, promises and drift beside its own."""

from __future__ import annotations

from dataclasses import dataclass

from groupwise.evaluation.external_words import (
    RULES,
    SIDES,
    UNGROUPED,
    difference_sentence,
    drift_sentence,
)
from groupwise.evaluation.words import NAMES, case_sentence
from groupwise.report.rendering import Section
from groupwise.report.words import percent_bound, plain_interval, plain_text, share_interval, share_text
from groupwise.runs.external import External, compared
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate
from groupwise.text import count, p_text, verb

Cell = tuple[str, str]
"""A value and its interval, in words."""

SHARES = ("accuracy", "balanced_accuracy", "macro_f1", "ece", "average_precision")
# Of one and of several images.
LEFT_OUT = {
    "copies": ("copy of the run's own images", "copies of the run's own images"),
    "label_conflicts": (
        "image that shows what stands under several labels",
        "images that show what stands under several labels",
    ),
    "unknown_classes": (
        "image of a class that the run does not know",
        "images of classes that the run does not know",
    ),
    "unusable": ("file that could not be used", "files that could not be used"),
}
STANDING = {"kept": "holds", "broken": "does not hold", "open": "cannot be told"}


@dataclass(frozen=True)
class Told:
    """One set of new data, in the words of the page."""

    name: str
    summary: str
    against: str
    figures: list[tuple[str, Cell, Cell, Cell]]
    promises: list[tuple[str, str, Cell, str, bool]]
    drift: str
    tests: list[tuple[str, str]]
    largest: list[tuple[str, str, str, str]]
    left_out: list[str]
    notes: list[str]


def build(files: RunFiles) -> Section | None:
    """Every set; nothing where there is none."""
    if not files.external:
        return None
    gist = ", ".join(f"{one.name} {share_text(one.number)}" for one in files.external)
    return Section({"gist": gist, "sets": [_tell(one) for one in files.external]})


def _tell(one: External) -> Told:
    facts, number = one.facts, one.number
    limits = share_interval(number)
    interval = f"95\N{NO-BREAK SPACE}% interval {limits}" if limits else f"no interval: {number.reason}"
    basis = f"{count(facts['n'], 'image')} from {count(facts['sources'], 'source')}"
    told = f"{share_text(number)} of {basis} were classified correctly"
    if one.measure == "average_precision":
        told = f"Mean average precision {share_text(number)} on {basis}, {number.of or 'of no label'}"
    drift = facts["drift"]
    return Told(
        name=one.name,
        summary=f"{told}; {interval}. {difference_sentence(facts['internal'], one.measure)}",
        against=facts["internal"].get("fold") or "",
        figures=_figures(one),
        promises=_promises(one),
        drift=drift_sentence(one),
        tests=[
            (SIDES[name], f"p {p_text(test['p_holm'])}" if "p_holm" in test else test["reason"])
            for name, test in (drift.get("tests") or {}).items()
        ],
        largest=[
            (part["name"], f"{part['run']:.3g}", f"{part['new']:.3g}", f"{part['standardised']:+.2f}")
            for part in drift.get("largest") or ()
        ],
        left_out=[
            f"{n:,} {verb(n, *words)}" for key, words in LEFT_OUT.items() if (n := facts["left_out"].get(key))
        ],
        notes=_notes(one),
    )


def _figures(one: External) -> list[tuple[str, Cell, Cell, Cell]]:
    internal = one.facts["internal"]
    known, differences = internal.get("figures") or {}, internal.get("differences") or {}
    rows = []
    for name in compared(one.figures):
        here = Estimate.from_json(one.figures[name])
        home, apart = Estimate.from_json(known.get(name)), Estimate.from_json(differences.get(name))
        rows.append(
            (
                _name(name, one.measure),
                _cell(name, here),
                _cell(name, home) if name in known else ("", ""),
                _apart(name, apart) if name in differences else ("", ""),
            )
        )
    return rows


def _name(name: str, measure: str) -> str:
    """What a figure is called; of sets of labels an image is right with all of them and no other."""
    if measure == "accuracy":
        return NAMES.get(name, "Accuracy")
    means = {"average_precision": "Mean average precision", "auroc": "Mean AUROC"}
    return means.get(name) or NAMES.get(name, "Exactly right")


def _cell(name: str, figure: Estimate) -> Cell:
    if name in SHARES:
        return share_text(figure), share_interval(figure) or figure.reason or ""
    return plain_text(figure), plain_interval(figure) or figure.reason or ""


def _apart(name: str, figure: Estimate) -> Cell:
    scale, form = (100, "{:+.1f}") if name in SHARES else (1, "{:+.3f}")
    if figure.value is None:
        return "n/a", figure.reason or ""
    if figure.low is None or figure.high is None:
        return form.format(scale * figure.value), figure.reason or ""
    limits = f"{form.format(scale * figure.low)} to {form.format(scale * figure.high)}"
    return form.format(scale * figure.value), limits


def _promises(one: External) -> list[tuple[str, str, Cell, str, bool]]:
    return [
        (
            RULES[part["rule"]],
            f"at {part['bound']} {percent_bound(part['promised'], part['bound'])}",
            _cell("accuracy", Estimate.from_json(part["measured"])),
            STANDING[part["standing"]],
            part["standing"] == "broken",
        )
        for part in one.facts["promises"]
    ]


def _notes(one: External) -> list[str]:
    facts, copies, classes = one.facts, one.facts["copies"], one.facts["classes"]
    notes = [f"{text[0].upper()}{text[1:]}." for text in one.figures.get("warnings") or ()]
    if facts.get("ungrouped"):
        notes.append(UNGROUPED)
    if copies["searched"] == "bytes":
        notes.append(
            f"Of copies of the run's images only byte-identical ones were found: {copies['reason']}."
        )
    if same := copies["same_groups"]:
        go, are = verb(same, "goes by a name", "go by names"), verb(same, "it is", "they are")
        who = verb(same, "person or place", "people or places")
        notes.append(
            f"{count(same, 'group')} {go} that the run knows as well. If {are} the same {who}, these images"
            " are no test."
        )
    if classes["respelled"]:
        pairs = ", ".join(f"“{new}” for “{own}”" for new, own in classes["respelled"].items())
        notes.append(f"Taken as one class in spite of the spelling: {pairs}.")
    if facts.get("cases"):
        notes.append(case_sentence(facts["cases"]))
    return notes
