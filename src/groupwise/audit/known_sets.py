"""Published data sets that were looked at, told by the digests of some of their files.

`known_sets.csv` has 24 files of each: those whose digests come first, so that they lie anywhere in the set.
`python -m benchmarks.known_sets digests SET COPY` writes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from groupwise.audit.findings import Finding
from groupwise.files import read_csv

FILE = Path(__file__).with_name("known_sets.csv")
HEADER = ("title", "digest")
DIGITS = 16  # of each digest
ENOUGH = 3  # files of one set, which no other set holds by chance
PAGE = "docs/known-sets.md"


def find_known_sets(digests: Iterable[str]) -> list[Finding]:
    """A finding for each published set that some of the files, by their SHA-256, are of."""
    held = {digest[:DIGITS] for digest in digests}
    listed = read_csv(FILE, HEADER)
    found = Counter(row["title"] for row in listed if row["digest"] in held)
    of = Counter(row["title"] for row in listed)
    return [
        Finding(
            "known-set",
            "note",
            f"Files of a published data set: {title}",
            f"{n} of the {of[title]} files that it is told by are among these. What is in it, how to split it"
            f" and what a fair number for it looks like was measured ({PAGE}).",
            f"Read about it in {PAGE} of the repository before you divide it.",
        )
        for title, n in found.items()
        if n >= ENOUGH
    ]
