"""Sentences on new data, as the terminal, the card and the checklist say them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groupwise.evaluation.words import case_sentence, kappa_sentences, sentence
from groupwise.runs.external import External
from groupwise.stats.estimate import Estimate
from groupwise.text import bound, p_text

CLEAR = 0.5  # standard deviations of sources; less is not worth a word
UNGROUPED = (
    "The run's images have groups and these have none, so each counts as a source of its own: where several"
    " show one patient or sender, the intervals are too narrow."
)
SIDES = {"pixels": "the pixels", "features": "the features", "classes": "the mix of classes"}
RULES = {
    "conformal": "sets that hold the true class",
    "risk_control": "true labels that sets miss",
    "abstention": "images answered wrongly",
    "unlike": "images flagged as unlike the training data",
    "operating_point": "sensitivity at the operating point",
}


def external_lines(found: External) -> list[str]:
    """How good the run is there, beside the run's own figure, whether its promises hold, and drift."""
    facts = found.facts
    lines = [f"{found.name}: {sentence(found.measure, found.figures[found.measure])}"]
    lines += kappa_sentences(found.figures)
    if told := difference_sentence(facts["internal"], found.measure):
        lines.append(told)
    if facts.get("ungrouped"):
        lines.append(f"{UNGROUPED} --group-column or --group-regex names them.")
    if broken := [promise_words(one) for one in facts["promises"] if one["standing"] == "broken"]:
        lines.append(f"Promises that do not hold there, where each source counts alike: {'; '.join(broken)}.")
    lines.append(drift_sentence(found))
    if facts.get("cases"):
        lines.append(case_sentence(facts["cases"]))
    return lines


def difference_sentence(internal: Mapping[str, Any], measure: str) -> str:
    """The number there less that of the run's own fold; nothing where that has none."""
    if measure not in internal.get("differences", {}):
        return ""
    difference = Estimate.from_json(internal["differences"][measure])
    if difference.value is None or difference.low is None or difference.high is None:
        return f"It cannot be told from the fold {internal['fold']}: {difference.reason}."
    points = f"{100 * difference.value:+.1f} points (95 % interval {100 * difference.low:+.1f} to"
    # A refit has learnt from all folds
    whose = "measured network's" if internal.get("refit") else "run's own"
    told = f"{points} {100 * difference.high:+.1f}) beside the {whose} fold {internal['fold']}"
    if difference.high < 0:
        return f"Worse than at home: {told}."
    if difference.low > 0:
        return f"Better than at home: {told}."
    return f"No difference is shown: {told}."


def promise_words(one: Mapping[str, Any]) -> str:
    """What came and what was promised: "answered wrongly 14.2 % (11.0 to 18.1), at most 5 % promised"."""
    figure = Estimate.from_json(one["measured"])
    assert figure.value is not None
    limits = (
        f" ({100 * figure.low:.1f} to {100 * figure.high:.1f})"
        if figure.low is not None and figure.high is not None
        else ""
    )
    return (
        f"{RULES[one['rule']]} {100 * figure.value:.1f} %{limits}, at {one['bound']}"
        f" {bound(one['promised'], one['bound']).removesuffix('.0')} % promised"
    )


def drift_sentence(found: External) -> str:
    """What differs from the images that the run held out, by more than the luck of their sources.

    A refit held none out, and new images are compared with those that it learnt from.
    """
    drift = found.facts["drift"]
    if drift["against"] is None:
        return f"Whether the images differ from the run's is not known: {drift['reason']}."
    tests = drift["tests"]
    did = "learnt from" if "train" in drift["against"] else "held out"
    against = f"from the {drift['n']:,} images that the run {did}"
    if not any("told" in test for test in tests.values()):
        return f"Whether they differ {against} cannot be told: {next(iter(tests.values()))['reason']}."
    untold = [name for name, test in tests.items() if "told" not in test]
    rest = f" It cannot be told of {_sides(untold)}: {tests[untold[0]]['reason']}." if untold else ""
    if not found.drifted:
        among = f" in {_sides([name for name in tests if name not in untold])}" if untold else ""
        return f"No drift is shown {against}{among}.{rest}"
    sides = [f"in {SIDES[name]} (p {p_text(tests[name]['p_holm'])})" for name in found.drifted]
    clear = [one for one in drift["largest"] if abs(one["standardised"]) >= CLEAR]
    most = ", ".join(f"{one['name']} {one['new']:.3g} for {one['run']:.3g}" for one in clear)
    largest = f" The most in {most}." if "pixels" in found.drifted and most else ""
    return f"They differ {against}: {', '.join(sides)}.{largest}{rest}"


def _sides(names: Sequence[str]) -> str:
    return " and ".join(SIDES[name] for name in names)
