"""Words for the differences between runs: which is better, or what it would take to tell."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from groupwise.recipe.aim import WORDS
from groupwise.stats.label_compare import LabelPair
from groupwise.stats.paired_tests import TARGET, Difference, Pair
from groupwise.text import count, p_text, percentage

# What is compared is what was trained: nothing here knows of other seeds (Bouthillier et al. 2021, MLSys).
SCOPE = "This compares trained networks, not their recipes: another seed makes another network."


@dataclass(frozen=True)
class Comparison:
    """Runs, the figures of each and of each pair, and what a reader has to know besides.

    A run with baselines on the fold has a sentence about them, `baseline`, and says with `behind` whether it
    is not shown to beat them, which comes first in words.
    """

    fold: str
    n: int
    sources: int
    runs: tuple[dict[str, Any], ...]
    pairs: tuple[Pair, ...] | tuple[LabelPair, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Everything, with the names of the runs and the verdicts in words."""
        pairs = [
            {
                **asdict(pair),
                "first": self._name(pair.first),
                "second": self._name(pair.second),
                "verdict": self.verdict(pair),
            }
            for pair in self.pairs
        ]
        return {**asdict(self), "pairs": pairs, "scope": SCOPE}

    def words(self) -> str:
        """What was compared, the figures, and one verdict a pair; the warnings stand apart."""
        basis = f"{count(self.n, 'image')} from {count(self.sources, 'source')}"
        lines = [f"{run['name']}: {run['baseline']}" for run in self.runs if run.get("behind")]
        lines += [f"Compared on the {basis} that all runs have in fold {self.fold}."]
        width = max(len(run["name"]) for run in self.runs)
        lines += [f"  {run['name']:<{width}}  {_figures(run)}" for run in self.runs]
        lines += [f"  {text}" for text in self._aims()]
        for pair in self.pairs:
            lines += ["", f"{self.verdict(pair)}.", *self._details(pair)]
        if len(self.pairs) > 1:
            lines += [
                "",
                f"p-values are corrected for {len(self.pairs)} pairs (Holm); intervals are of one pair.",
            ]
        return "\n".join([*lines, "", SCOPE])

    def verdict(self, pair: Pair | LabelPair) -> str:
        """Whether one run of the pair is better, or what it would take to tell.

        In accuracy, or of sets of labels in mean average precision.
        """
        difference, ahead, behind = pair.headline, self._name(pair.second), self._name(pair.first)
        sign = -1 if difference.value < 0 else 1
        if sign < 0:
            ahead, behind = behind, ahead
        of = " of mean average precision" if isinstance(pair, LabelPair) else ""
        size = f"{_points(abs(difference.value))}{of}{_interval(difference, 100, 1, sign)}"
        p = f"p {p_text(difference.p_holm)}"
        if difference.shown:
            return f"{ahead} is better than {behind} by {size}, {p}"
        gap = f"the difference is {size}"
        if difference.value:
            gap += f" in favour of {ahead}"
        if pair.separable is None or pair.further_sources is None:
            return f"{ahead} and {behind}: nothing to tell from a single source; {gap}"
        if pair.further_sources:
            return (
                f"{ahead} and {behind}: too few independent photographs to tell; {gap}, {p};"
                f" about {_roughly(pair.further_sources)} more sources would separate"
                f" {100 * TARGET:.0f} points"
            )
        return (
            f"{ahead} and {behind}: no difference shown; {gap}, {p};"
            f" these {self.sources:,} sources would separate {_points(pair.separable)}"
        )

    def _details(self, pair: Pair | LabelPair) -> list[str]:
        if isinstance(pair, LabelPair):
            name, other, tested = "mean AUROC", pair.auroc, "Mean average precision"
        else:
            name, other, tested = "balanced accuracy", pair.balanced_accuracy, "Accuracy"
        loss = pair.log_loss
        return [
            f"  {self._name(pair.second)} less {self._name(pair.first)}: {name}"
            f" {100 * other.value:+.1f} points{_interval(other, 100, 1)}, p {p_text(other.p_holm)};"
            f" log loss {loss.value:+.3f}{_interval(loss, 1, 3)}, p {p_text(loss.p_holm)}",
            f"  {tested} was tested by {pair.headline.test}.",
        ]

    def _aims(self) -> list[str]:
        """What the runs were optimised for, in one line where that is the same."""
        aims = {run["name"]: WORDS[run["optimised_for"]] for run in self.runs}
        if len(set(aims.values())) == 1:
            return [f"All were optimised for {next(iter(aims.values()))}."]
        return [f"{name} was optimised for {aim}." for name, aim in aims.items()]

    def _name(self, number: int) -> str:
        return str(self.runs[number]["name"])


def _figures(run: dict[str, Any]) -> str:
    """Those of one run, and beside them that of its best baseline."""
    if "accuracy" in run:
        measure = "accuracy"
        told = f"accuracy {_percent(run[measure])}, balanced {_percent(run['balanced_accuracy'])}"
    else:
        measure = "average_precision"
        told = f"mean average precision {_percent(run[measure])}, mean AUROC {_percent(run['auroc'])}"
    rival = run.get(f"baseline_{measure}")
    beside = "" if rival is None else f"; best baseline {_percent(rival)}"
    return f"{told}, log loss {run['log_loss']:.3f}{beside}"


def _percent(share: float) -> str:
    return f"{percentage(share)} %"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _interval(difference: Difference, scale: float, digits: int, sign: int = 1) -> str:
    if difference.low is None or difference.high is None:
        return f" (no interval: {difference.reason})"
    low, high = sorted((sign * scale * difference.low, sign * scale * difference.high))
    return f" ({low:.{digits}f} to {high:.{digits}f})"


def _roughly(number: int) -> str:
    """Two digits that say something, as a plan has no more."""
    return f"{int(float(f'{number:.1e}')):,}"
