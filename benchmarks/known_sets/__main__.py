"""What is in the data sets that many use, from a local copy in the form that its publisher gives.

    python -m benchmarks.known_sets                          says which sets are known, and where a copy is
    python -m benchmarks.known_sets list SET COPY --out LIST a table with groups; says what trains on it
    python -m benchmarks.known_sets row SET COPY             audits, splits both ways, and draws joined pairs
    python -m benchmarks.known_sets train SET COPY           runs the page's command for the set to its end
    python -m benchmarks.known_sets page                     prints the page's table and heads of sections
    python -m benchmarks.known_sets digests SET COPY         lets `groupwise audit` know the set by its files

A row, the contact sheets of joined pairs and the run are written to runs/known-sets/SET (`--work`); the row
goes into `rows.json` beside this file, what the run scored into `trained.json`. What was judged by eye stands
in `judged/`; the rule is at the head of `joined.py`. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.audit import known_sets
from groupwise.audit.known_sets import DIGITS, FILE
from groupwise.files import read_csv, sha256_file, write_csv

from .joined import HEADER, draw_pairs, write_sheets
from .page import section, summary, table
from .published import KnownSet, write_list
from .row import CLUSTERS, measure_row
from .sets import SETS
from .trained import train_as_printed

TOLD_BY = 24  # files, so that a sixth of a set still holds enough of them
ROWS, TRAINED = (Path(__file__).parent / name for name in ("rows.json", "trained.json"))


def read_kept(file: Path) -> dict[str, Any]:
    """What was measured of each set."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def keep(file: Path, name: str, measured: Mapping[str, Any]) -> None:
    """Put what was measured of a set in the place of what the file held of it, and print it."""
    text = json.dumps({**read_kept(file), name: measured}, indent=1, sort_keys=True)
    file.write_text(text + "\n", encoding="utf-8")
    print(json.dumps(measured, indent=1))


def add_row(known: KnownSet, copy: Path, work: Path) -> None:
    """Measure the row of a set, keep it, and draw its joined pairs."""
    row = measure_row(known, copy, work)
    keep(ROWS, known.name, row)
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


def keep_digests(known: KnownSet, copy: Path) -> None:
    """Put the files whose digests come first in the place of those that the audit knows the set by."""
    digests = sorted({sha256_file(copy / one.path) for one in known.list_pictures(copy)})
    others = (
        [row for row in read_csv(FILE, known_sets.HEADER) if row["title"] != known.title]
        if FILE.is_file()
        else []
    )
    rows = [(row["title"], row["digest"]) for row in others]
    rows += [(known.title, digest[:DIGITS]) for digest in digests[:TOLD_BY]]
    write_csv(FILE, known_sets.HEADER, sorted(rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.known_sets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", nargs="?", choices=("list", "row", "train", "page", "digests"))
    parser.add_argument("set", nargs="?", choices=SETS)
    parser.add_argument("copy", nargs="?", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/known-sets"))
    options = parser.parse_args()
    if options.verb == "page":
        trained = read_kept(TRAINED)
        heads = (section(known, trained.get(name)) for name, known in SETS.items())
        print(table(read_kept(ROWS)), summary(trained), *heads, sep="\n\n")
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
    elif options.verb == "digests":
        keep_digests(known, options.copy)
    elif options.verb == "train":
        keep(TRAINED, known.name, train_as_printed(known, options.copy, options.work / known.name))
    else:
        add_row(known, options.copy, options.work / known.name)


if __name__ == "__main__":
    main()
