"""Fits the score of a pair: logistic regression of its evidence, composed copies against all other pairs met.

    python benchmarks/fit_copies.py ../shared/data/clothing.csv:sender ../shared/data/sign-digits.csv:student

Each argument is a CSV and its column of sources, of which the half "tune" of `composed.py` is taken, by whole
sources: second shots of one subject are among the negatives. Every set is first scored by weights fitted on
the others, then come the weights of all, for `copies/score.py`. Pairs that are copies in the set itself
stand among the negatives; `--known FILE FILE` leaves such a pair out.
"""

from __future__ import annotations

import argparse
import csv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from composed import half_of
from compositions import DEEPEST, compose, operations
from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.index import index_photographs
from groupwise.audit.copies.score import describe_evidence, is_ruled_out
from groupwise.audit.copies.short_list import short_list
from groupwise.audit.copies.verify import Candidate, reduce_photograph, verify_features
from groupwise.data.decode import decode
from groupwise.stats.arrays import Floats

MOST_OF_A_SOURCE = 12
LINES = (0, 1, 1.5, 2, 2.5, 3, 3.5)


@dataclass(frozen=True, eq=False)
class Evidences:
    """Evidence of each planted copy with its original, None where nothing aligned them, and of others."""

    name: str
    copies: list[Evidence | None]
    others: list[Evidence]


def main() -> None:
    """Collect, hold one set out at a time, fit all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", help="CSV:column")
    parser.add_argument("--originals", type=int, default=180)
    parser.add_argument("--planted", type=int, default=180)
    parser.add_argument("--others", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--known", nargs=2, action="append", default=[], metavar="FILE")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    known = {frozenset(pair) for pair in options.known}
    sets = [collect(table, options, known) for table in options.tables]
    for one in sets:
        rest = [other for other in sets if other is not one] or sets
        print(f"{one.name}, weights of the others: {_judge(one, *fit(rest))}")
    weights, intercept = fit(sets)
    for one in sets:
        print(f"{one.name}, weights of all: {_judge(one, weights, intercept)}")
    print(f"WEIGHTS = {tuple(np.round(weights, 2).tolist())}\nINTERCEPT = {intercept:.2f}")


def collect(table: str, options: argparse.Namespace, known: set[frozenset[str]]) -> Evidences:
    """Plant copies in one half of the set and compare them, and what the search proposes beside them."""
    path, column = Path(table.rpartition(":")[0]), table.rpartition(":")[2]
    rng = np.random.default_rng(options.seed)
    files = _by_whole_sources(path, column, rng)[: options.originals]
    originals = [decode(file.read_bytes(), place=file).rgb for file in files]
    sources = rng.permutation(len(originals))[: options.planted].tolist()
    made = [compose(originals[i], 1 + k % DEEPEST, rng, operations())[0] for k, i in enumerate(sources)]
    photographs = [reduce_photograph(image) for image in (*originals, *made)]
    features = [one.features for one in photographs]
    truth = [*range(len(originals)), *sources]
    with ThreadPoolExecutor(1) as pool:
        index = index_photographs(features, 0, pool)
        proposed = [c for _, chunk in short_list(index, pool, features) for c in chunk]
    others = [
        c
        for c in proposed
        if truth[c.first] != truth[c.second]
        and frozenset(files[truth[k]].name for k in (c.first, c.second)) not in known
    ]
    drawn = [others[k] for k in rng.permutation(len(others))[: options.others].tolist()]
    compared = [verify_features(photographs, candidate) for candidate in drawn]
    copies = []
    for k, i in enumerate(sources):
        ways = [
            verify_features(photographs, Candidate(i, len(originals) + k, mirrored))
            for mirrored in (False, True)
        ]
        found = [pair for pair in ways if pair is not None]
        copies.append(max(found, key=lambda pair: pair.score).evidence if found else None)
    return Evidences(path.stem, copies, [pair.evidence for pair in compared if pair is not None])


def fit(sets: list[Evidences]) -> tuple[Floats, float]:
    """Weights (5,) and intercept of the unscaled evidence; what rules a copy out takes no part."""
    copies = [
        describe_evidence(e) for one in sets for e in one.copies if e is not None and not is_ruled_out(e)
    ]
    others = [describe_evidence(e) for one in sets for e in one.others if not is_ruled_out(e)]
    scaler = StandardScaler().fit(copies + others)
    labels = [1] * len(copies) + [0] * len(others)
    model = LogisticRegression(max_iter=2000).fit(scaler.transform(copies + others), labels)
    weights = model.coef_[0] / scaler.scale_
    return weights, float(model.intercept_[0] - weights @ scaler.mean_)


def _judge(one: Evidences, weights: Floats, intercept: float) -> str:
    """Recall and number of false pairs at several lines, in log odds."""

    def log_odds(evidence: Evidence | None) -> float:
        if evidence is None or is_ruled_out(evidence):
            return -np.inf
        return float(np.dot(describe_evidence(evidence), weights) + intercept)

    copies, others = (np.array([log_odds(e) for e in part]) for part in (one.copies, one.others))
    parts = [f"{line:g}: {(copies > line).mean():.3f} and {(others > line).sum()}" for line in LINES]
    return f"{', '.join(parts)}; highest others {np.round(np.sort(others)[-4:], 2).tolist()}"


def _by_whole_sources(table: Path, column: str, rng: np.random.Generator) -> list[Path]:
    with table.open(newline="") as lines:
        source = {table.parent / row["path"]: row[column] for row in csv.DictReader(lines)}
    members: dict[str, list[Path]] = {}
    for file in half_of(table, column, "tune"):
        members.setdefault(source[file], []).append(file)
    names = sorted(members)
    ordered = [names[k] for k in rng.permutation(len(names)).tolist()]
    return [file for name in ordered for file in members[name][:MOST_OF_A_SOURCE]]


if __name__ == "__main__":
    main()
