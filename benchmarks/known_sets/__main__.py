"""What is in the data sets that many use, from a local copy in the form that its publisher gives.

    python -m benchmarks.known_sets                          says which sets are known, and where a copy is
    python -m benchmarks.known_sets list SET COPY --out LIST a table with groups; says what trains on it
    python -m benchmarks.known_sets row SET COPY             audits, splits both ways, and draws joined pairs
    python -m benchmarks.known_sets page                     prints the table and commands of the page

A row and the contact sheets of joined pairs are written to runs/known-sets/SET (`--work`), and the row into
`rows.json` beside this file. What was judged by eye stands in `judged/`; the rule
is at the head of `joined.py`. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
from pathlib import Path

import numpy as np

from .joined import HEADER, draw_pairs, write_sheets
from .page import commands, table
from .published import KnownSet, write_list
from .row import CLUSTERS, measure_row
from .sets import SETS

ROWS = Path(__file__).parent / "rows.json"


def add_row(known: KnownSet, copy: Path, work: Path) -> None:
    """Measure the row of a set, keep it, and draw its joined pairs."""
    row = measure_row(known, copy, work)
    rows = json.loads(ROWS.read_text(encoding="utf-8")) if ROWS.is_file() else {}
    rows[known.name] = row
    ROWS.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps(row, indent=1))
    if not row["joined_files"]:
        return  # nothing was joined, or where all pictures resemble one another the sets hold for nothing
    with (work / CLUSTERS).open(newline="", encoding="utf-8") as lines:
        found = list(csv.DictReader(lines))
    pairs = draw_pairs(np.array([int(one["cluster"]) for one in found]))
    paths = [(found[a]["path"], found[b]["path"]) for a, b in pairs]
    with (work / "joined.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([HEADER, *((a, b, "") for a, b in paths)])
    for sheet in write_sheets([(copy / a, copy / b) for a, b in paths], work):
        print(sheet)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.known_sets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", nargs="?", choices=("list", "row", "page"))
    parser.add_argument("set", nargs="?", choices=SETS)
    parser.add_argument("copy", nargs="?", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/known-sets"))
    options = parser.parse_args()
    if options.verb == "page":
        print(table(json.loads(ROWS.read_text(encoding="utf-8"))), commands(), sep="\n\n")
        return
    if options.verb is None:
        for known in SETS.values():
            print(f"{known.name}: {known.title}; {known.files:,} pictures; {known.source} at {known.commit}")
        return
    if options.copy is None or (options.verb == "list" and options.out is None):
        parser.error(f"{options.verb} asks for a set and a copy" + " and --out" * (options.verb == "list"))
    known = SETS[options.set]
    if options.verb == "list":
        write_list(known.list_pictures(options.copy), options.out)
        print(known.command(shlex.quote(str(options.out)), shlex.quote(str(options.copy))))
    else:
        add_row(known, options.copy, options.work / known.name)


if __name__ == "__main__":
    main()
