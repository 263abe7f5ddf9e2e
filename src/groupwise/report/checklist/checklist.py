"""The checklist of reporting guidelines for a run, and which of its answers are still open.

The questions merge what five guidelines ask of data, split, training and evaluation, in our own words: CLAIM
in its update of 2024 (Tejani et al., Radiology: Artificial Intelligence 6:e240300; 44 items, whose numbers
differ from those of 2020), TRIPOD+AI (Collins et al. 2024, BMJ 385:e078378), REFORMS (Kapoor et al. 2024,
Science Advances 10:eadk3452), STARD-AI (Sounderajah et al. 2025, Nature Medicine 31:3283-3289; 40 items) and,
of the NeurIPS paper checklist, item 8 on compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from groupwise.report.checklist import data as described
from groupwise.report.checklist import evaluation as answered
from groupwise.report.checklist import limits
from groupwise.report.checklist.answer import ChecklistAnswer, Rule, needs_you
from groupwise.runs.files import RunFiles


@dataclass(frozen=True)
class Item:
    """One question: its numbers in the guidelines, "" where one does not ask it, and who answers."""

    topic: str
    question: str
    claim: str
    tripod: str
    reforms: str
    stard: str
    rule: Rule
    neurips: str = ""

    @property
    def where(self) -> str:
        """The section of the page that holds what the answer rests on; empty for an item that needs you."""
        return WHERE.get(self.rule, "")

    @property
    def references(self) -> str:
        """The numbers with the names of their guidelines."""
        named = (
            *(("CLAIM", self.claim), ("TRIPOD+AI", self.tripod)),
            *(("REFORMS", self.reforms), ("STARD-AI", self.stard), ("NeurIPS", self.neurips)),
        )
        return " · ".join(f"{name} {numbers}" for name, numbers in named if numbers)


@dataclass(frozen=True)
class Answered:
    """An item with its answer."""

    item: Item
    answer: ChecklistAnswer


def answer_all(files: RunFiles) -> list[Answered]:
    """Every item, in the order of the table."""
    return [Answered(item, item.rule(files)) for item in ITEMS]


# Question, numbers in CLAIM, TRIPOD+AI, REFORMS and STARD-AI, the rule that answers, number in NeurIPS' list.
Row = tuple[str, str, str, str, str, Rule] | tuple[str, str, str, str, str, Rule, str]
TABLE: Mapping[str, tuple[Row, ...]] = {
    "Study": (
        ("What the study is to find out, and for whom", "4, 6", "4", "1b", "4", needs_you),
        ("Whether the images were collected for it or were there before", "5", "", "", "5", needs_you),
        ("Where it was registered, and where its protocol can be read",
         "34, 42", "18c, 18d", "", "36, 37", needs_you),
        ("Who paid for it, and whose interests it touches", "44", "18a, 18b", "", "38, 39", needs_you),
    ),
    "Data": (
        ("Where the images come from, and when they were taken", "7", "5a, 5b", "3a", "9, 11", needs_you),
        ("With which devices and settings the images were taken", "13", "", "", "13, 14", needs_you),
        ("Which population they stand for, and how they were sampled",
         "", "6a", "1a, 3b, 3g", "8, 10, 28", needs_you),
        ("Why these data suit the question", "", "", "3c", "", needs_you),
        ("Which images were eligible, and which were left out", "8", "6b", "4a", "7", described.eligibility),
        ("Which part of the data was used, and why only that", "10", "", "", "", needs_you),
        ("What became of damaged and missing files", "12", "11", "3f, 4b", "20", described.damage),
        ("How images were prepared for the network", "9", "7", "4c", "14", described.preprocessing),
        ("How persons were made unrecognisable", "11", "", "", "", needs_you),
        ("Who agreed to this use of the images, and who approved it", "", "17", "", "6", needs_you),
        ("How the true class was decided, and by whom", "14, 16", "8a, 8b", "3a", "12, 16a, 16c", needs_you),
        ("Why the truth is decided that way and no other", "15", "", "", "16b", needs_you),
        ("Whether truth and answer were found without knowing the other", "", "", "", "17a, 17b", needs_you),
        ("Whether the test images were labelled with more care, and how", "17", "", "", "", needs_you),
        ("How far those who label agree", "18", "", "", "", described.agreement),
        ("How much time, and which treatment, lay between the image and the truth",
         "", "", "", "27", needs_you),
        ("How many images and sources, and how that was decided on", "", "10", "3e", "", described.size),
        ("How common each class is", "", "21", "3d", "", described.balance),
        ("Who or what is in the images of each fold: age, sex, site, device",
         "36", "20b", "", "25", needs_you),
        ("How severe the cases are, and what the others have instead", "", "", "", "26a, 26b", needs_you),
    ),
    "Split": (
        ("How images were assigned to folds", "19", "12a", "5c, 6a", "", described.assignment),
        ("At which level the folds are disjoint", "20", "", "6b", "", described.level),
        ("How large the test fold is, and how that was decided on", "21", "", "", "22", described.test_size),
        ("How the folds differ", "", "20c", "", "", described.difference),
        ("Which copies and kinships there are between images", "", "", "6b", "", described.copies),
        ("Whether anything but the subject gives the class away", "", "", "6c", "", described.shortcuts),
        ("How many cases were taken in, left out, and went where", "35", "20a", "", "24", described.flow),
    ),
    "Training": (
        ("What the network is", "22", "22", "5a", "15a", answered.network),
        ("Why this kind of model", "", "12c", "1c, 5b", "", needs_you),
        ("From which weights training started", "24", "", "", "", answered.start),
        ("How it was trained", "25", "12c", "", "15b", answered.training),
        ("What was done about unequal classes", "", "13", "", "", answered.imbalance),
        ("How the final network was chosen, and what else was tried",
         "26", "12c", "5d, 5e", "", answered.choice),
        ("Whether several networks answer together", "27", "", "", "", answered.ensemble),
        ("With which software", "23", "", "", "13", answered.software),
        ("On which machine, for how long, with how much memory", "", "", "2c", "", answered.computing, "8"),
        ("How the run can be repeated", "", "", "2d, 2e", "", answered.repeating),
        ("Where data, code and weights can be had", "43", "18e, 18f", "2a, 2b", "40a", needs_you),
    ),
    "Evaluation": (
        ("Which figures were measured", "28", "12e", "7a", "18", answered.measures),
        ("How good it is on images of the same data", "32, 37, 38", "23a", "", "30, 31", answered.number),
        ("How uncertainty was measured", "29", "", "7b", "18", answered.uncertainty),
        ("Why uncertainty was measured so", "", "", "7c", "", answered.assumption),
        ("How an answer is computed", "", "12g", "", "", answered.computed),
        ("How often the test fold was looked at", "", "", "6a", "", answered.readings),
        ("What a simpler rule reaches", "", "", "5f", "", answered.baseline),
        ("Whether its probabilities mean what they say", "", "12e", "", "", answered.calibration),
        ("What it puts out, and which thresholds turn that into answers",
         "", "15", "", "15c, 19", answered.output),
        ("Whether some sites, devices or people fare worse",
         "", "12d, 14, 23a, 23b", "", "21, 23", limits.slices),
        ("How it bears poorer images", "30", "", "", "", limits.robustness),
        ("What it looks at", "31", "", "", "", limits.explanation),
        ("What its mistakes have in common", "39", "", "", "23", limits.mistakes),
        ("How it fares on images from elsewhere", "33", "16", "8a", "29", limits.elsewhere),
        ("Whether taking the images or finding the truth harmed anybody", "", "", "", "32", needs_you),
    ),
    "Use": (
        ("What it is for, who will use it, and instead of what",
         "3, 41", "3b, 27b", "", "3, 15d, 34", needs_you),
        ("What becomes of poor or strange images in use", "", "27a", "", "", limits.poor_input),
        ("Whether its answers are kept, so that they can be examined", "", "", "", "40b", needs_you),
        ("Where it should not be relied on", "40", "26", "8b", "33", needs_you),
        ("What its use asks of ethics, and whom it may treat unfairly", "", "", "", "35", needs_you),
    ),
}  # fmt: skip
# The section of the page, by its name in `report/page.py`, that holds what a rule's answer rests on.
WHERE: Mapping[Rule, str] = {
    rule: section
    for section, rules in {
        "number": (answered.ensemble, answered.number, answered.assumption),
        "baselines": (answered.baseline,),
        "found": (described.eligibility, described.damage, described.copies, described.shortcuts),
        "division": (
            *(described.size, described.balance, described.assignment, described.level),
            *(described.test_size, described.difference, described.flow),
        ),
        "curves": (
            *(described.preprocessing, answered.start, answered.training, answered.imbalance),
            *(answered.choice, answered.computing),
        ),
        "answers": (answered.measures,),
        "calibration": (answered.calibration,),
        "decisions": (answered.computed, answered.output, limits.poor_input),
        "external": (limits.elsewhere,),
        "subgroups": (limits.slices,),
        "poorer_images": (limits.robustness,),
        "misses": (limits.explanation, limits.mistakes),
        "suspects": (described.agreement,),
        "ledger": (
            *(answered.network, answered.software, answered.repeating, answered.readings),
            answered.uncertainty,
        ),
    }.items()
    for rule in rules
}
ITEMS = tuple(Item(topic, *row) for topic, rows in TABLE.items() for row in rows)
