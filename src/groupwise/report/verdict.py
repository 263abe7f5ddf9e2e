"""The verdict on a run in a few sentences: what is wrong first, the number, the baselines, the next steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from groupwise.evaluation.words import sentence
from groupwise.report.next_steps import Step, next_steps
from groupwise.report.sections.number import headline
from groupwise.report.validity import Note, hidden_faults, sources_known
from groupwise.report.words import NBSP, count
from groupwise.runs.baselines import Standing
from groupwise.runs.files import RunFiles

FEW_SOURCES = 5  # in which one of another kind turns the number over


@dataclass(frozen=True)
class Verdict:
    """Sentences in the order in which they are said; `standing` is None where no baselines were fitted.

    `trusted` is whether nothing was found that makes the number untrue.
    """

    number: str
    baseline: str
    optimised: str
    standing: Standing | None
    trust: str
    trusted: bool
    next_steps: tuple[Step, ...]
    probe: str = ""

    @property
    def failed(self) -> bool:
        """Whether the network was not shown to beat its baselines."""
        return self.standing in ("loses", "not_shown")

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it; that a network does not beat its baselines comes first."""
        said = (self.baseline, self.number) if self.failed else (self.number, self.baseline)
        steps = (f"{'Then' if n else 'Next'}: {step.sentence}" for n, step in enumerate(self.next_steps))
        return (*(text for text in (*said, self.probe) if text), self.optimised, self.trust, *steps)

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join(self.sentences)


def verdict(files: RunFiles) -> Verdict:
    """The verdict on the fold whose number heads the report."""
    said = headline(files)
    measure = "average_precision" if files.several else "accuracy"
    number = f"{said.fold.capitalize()}: {sentence(measure, files.metrics[said.fold][measure])}"
    faults = hidden_faults(files)
    trust, trusted = _trust(files, faults)
    baseline = said.baseline.replace(NBSP, " ")
    optimised = said.optimised.replace(NBSP, " ")
    probe = said.probe.replace(NBSP, " ")
    return Verdict(number, baseline, optimised, said.standing, trust, trusted, next_steps(files), probe)


def _trust(files: RunFiles, faults: Sequence[Note]) -> tuple[str, bool]:
    """Whether the number can be relied on, and why."""
    if faults:
        return " ".join(["Do not rely on the number.", *(f"{fault.title}." for fault in faults)]), False
    if not sources_known(files):
        return (
            "The number holds if each image shows something else: which images belong together is not known.",
            True,
        )
    sources = files.metrics[files.fold]["sources"]
    apart = "no source stands on both sides" if not files.crossval else "no model was asked what it had seen"
    if sources < FEW_SOURCES:
        judges = f"but only {count(sources, 'source')} judged it, which is next to nothing"
    else:
        judges = f"and {count(sources, 'source')} judged it"
    return f"Nothing was found against the number: {apart}, {judges}.", True
