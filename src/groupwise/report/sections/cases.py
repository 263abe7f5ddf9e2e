"""One answer a case, from `cases.json`: how good it is, and what a single picture and other rules give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groupwise.evaluation.words import RULES, case_sentence
from groupwise.report.rendering import Section
from groupwise.report.words import share_text
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import SETS, Estimate


def build(files: RunFiles) -> Section | None:
    """Sentence and rows; nothing where it was not measured."""
    return Section(tell(files.cases)) if files.cases else None


def tell(facts: Mapping[str, Any]) -> dict[str, object]:
    """What the partial shows of cases, of a fold of the run or of new data."""
    several = facts.get("labels") == SETS
    rule = facts["rule"]["rule"]
    losses = facts["rule"].get("precisions", {}) if several else facts["rule"]["log_losses"]
    rows = [
        (words, Estimate.from_json(facts["rules"][name]), losses.get(name), name == rule)
        for name, words in RULES.items()
    ]
    number = share_text(Estimate.from_json(facts["rules"][rule]))
    return {
        "gist": f"mean average precision {number} over the cases"
        if several
        else f"{number} of the cases right",
        "sentence": case_sentence(facts),
        "by": facts["by"],
        "several": several,
        "rows": rows,
        "single": Estimate.from_json(facts["single_picture"]),
        "reason": facts["rule"]["reason"],
        "chosen_by": facts["rule"]["cases"],
        "left_out": ", ".join(facts["examples"]),
    }
