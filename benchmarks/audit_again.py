"""What a second audit of a folder costs that has gained 1 % new files, and whether it says the same.

    python benchmarks/audit_again.py ../shared/data/sign-digits.csv --files 1000

Four audits, in processor time of one thread: of the first files with an empty cache; of them and 1 % more
with what the first left; the same again, with nothing new; and once without a cache. The scan, which reads
and checks every file each time, stands beside them. Exit status 1 if the last three do not say the same.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2

from groupwise.audit.audit import Audit, audit
from groupwise.audit.cache import cache_file
from groupwise.audit.copies.vocabulary import made_vocabulary
from groupwise.audit.search import LOCAL
from groupwise.data.scan import scan
from groupwise.files import write_csv


def main() -> None:
    """Audit four times and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("--files", type=int, default=1000)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with options.table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    total = options.files + max(1, options.files // 100)
    # Every so many files a new one, so that they stand between the old ones.
    new = {(k + 1) * total // (total - options.files) - 1 for k in range(total - options.files)}
    grown = [(str(options.table.parent.absolute() / row["path"]), row["label"]) for row in rows[:total]]
    first = [row for number, row in enumerate(grown) if number not in new]
    print(
        "| audit | files | s of CPU, scan | s of CPU, audit | of the first | known | cache, MB |\n"
        + "|---" * 7
        + "|"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        _, whole = _audit("first", first, Path(folder), cached=True)
        said = [
            _audit(name, grown, Path(folder), cached=cached, whole=whole)[0]
            for name, cached in (("1 % new", True), ("nothing new", True), ("without a cache", False))
        ]
    same = said[0] == said[1] == said[2]
    print(f"The last three say {'the same, to the byte' if same else 'different things'}.")
    raise SystemExit(not same)


def _audit(
    name: str, rows: list[tuple[str, str]], folder: Path, *, cached: bool, whole: float | None = None
) -> tuple[str, float]:
    table = folder / "files.csv"
    write_csv(table, ("path", "label"), rows)
    start = time.process_time()
    manifest = scan(table, workers=1)
    made_vocabulary.cache_clear()  # another command would have to learn the words, or read them
    scanned, start = time.process_time() - start, time.process_time()
    found = audit(manifest, seed=0, cached=cached, backend=replace(LOCAL, workers=1))
    took = time.process_time() - start
    size = cache_file(manifest).stat().st_size / 1e6
    known = found.cache.known if found.cache else 0
    share = f"{took / (whole or took):.1%}"
    print(
        f"| {name} | {len(rows)} | {scanned:.1f} | {took:.1f} | {share} | {known} | {size:.0f} |", flush=True
    )
    return _said(found, folder / "said"), took


def _said(found: Audit, folder: Path) -> str:
    """All that an audit writes, but for the seconds that it took."""
    found.write(folder)
    files = [file.read_text() for file in sorted(folder.iterdir())]
    return json.dumps([files, {**found.facts, "seconds": None}], default=str)


if __name__ == "__main__":
    main()
