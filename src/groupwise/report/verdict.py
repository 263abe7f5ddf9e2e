"""The verdict on a run in a few sentences: what is wrong first, the number, the baselines, the next steps."""

from __future__ import annotations

from dataclasses import dataclass

from groupwise.evaluation.words import sentence
from groupwise.report.next_steps import next_steps
from groupwise.report.sections.number import headline
from groupwise.report.step_commands import Step
from groupwise.report.trust import trust_words
from groupwise.report.validity import hidden_faults, short_of_time
from groupwise.report.words import percent
from groupwise.runs.baselines import Standing
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate, headline_measure
from groupwise.text import NBSP


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
    short_of_time: tuple[str, ...] = ()
    answered: str = ""

    @property
    def failed(self) -> bool:
        """Whether the network was not shown to beat its baselines."""
        return self.standing in ("loses", "not_shown")

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it; that a network does not beat its baselines comes first."""
        said = (self.baseline, self.number) if self.failed else (self.number, self.baseline)
        told = (*said, self.answered, self.probe, self.optimised, *self.short_of_time, self.trust)
        steps = (f"{'Then' if n else 'Next'}: {step.sentence}" for n, step in enumerate(self.next_steps))
        return (*(text for text in told if text), *steps)

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join(self.sentences)


def verdict(files: RunFiles) -> Verdict:
    """The verdict on the fold whose number heads the report."""
    said = headline(files)
    figures = files.metrics[said.fold]
    measure = headline_measure(figures)
    told = sentence(measure, figures[measure])
    number = f"{said.fold.capitalize()}: {told} {said.meaning}".strip().replace(NBSP, " ")
    faults = hidden_faults(files)
    trust, trusted = trust_words(files), not faults
    baseline = said.baseline.replace(NBSP, " ")
    optimised = said.optimised.replace(NBSP, " ")
    probe = said.probe.replace(NBSP, " ")
    short = tuple(f"{note.title}. {note.text}" for note in short_of_time(files))
    steps = next_steps(files)
    return Verdict(
        number, baseline, optimised, said.standing, trust, trusted, steps, probe, short, _answered(files)
    )


def _answered(files: RunFiles) -> str:
    """How many of these images it would answer, where it leaves some to a person."""
    part = files.metrics[files.fold].get("abstention") or {}
    share = Estimate.from_json(part.get("answered"))
    if share.value is None or share.value == 1:
        return ""
    return (
        f"It is sure enough to answer {percent(share.value)} of these images, and leaves the others to a"
        " person."
    )
