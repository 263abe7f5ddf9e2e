"""The audit: clusters of copies and findings from a manifest, with the recall on planted copies."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.audit import findings as say
from groupwise.audit.cache import CacheUse, Known, cache_file, known_names, name_sample, read_cache
from groupwise.audit.copies.detect import TINY_PX, Detection
from groupwise.audit.copies.resemblance import mostly_drawn, pictures_resemble
from groupwise.audit.copies.tiny import RIGID_PX
from groupwise.audit.copies.verify import Candidate, verify_features
from groupwise.audit.copies.workers import one_thread_a_worker
from groupwise.audit.copy_findings import (
    find_bridges,
    find_copies,
    find_equal_conflicts,
    find_insets,
    find_parted,
    judge_exposures,
)
from groupwise.audit.exposures import Exposures
from groupwise.audit.findings import Finding
from groupwise.audit.joined import Joined, join
from groupwise.audit.keep import centrality
from groupwise.audit.known_sets import find_known_sets
from groupwise.audit.likeness import Likeness, measure_likeness, picture_features
from groupwise.audit.measure import Measured
from groupwise.audit.recall import measure_recall
from groupwise.audit.results import name_shortcuts
from groupwise.audit.search import LOCAL, Backend, Progress, keep_search, measure_all, search
from groupwise.audit.sessions import Suspicion, suspect_groups
from groupwise.audit.shortcuts import Shortcut, count_tested, find_shortcuts
from groupwise.data.manifest import Manifest
from groupwise.files import write_csv, write_json
from groupwise.stats.arrays import Floats

TIMED = 24
# What an audit takes a photograph, in times of measuring one and of comparing two at random, timed alone:
# within a third on hands, clothing and waste.
MEASURINGS, COMPARISONS, GAIN_OF_WORKERS = 1.3, 40, 1.6
# Of that time, what is left where the cache knows exactly these files, and where it knows nearly all: then
# all are searched for candidates, of which few are new (docs/audit.md).
AGAIN, NEARLY_AGAIN = 0.05, 0.2


@dataclass(frozen=True)
class Audit:
    """What the audit found.

    `clusters`: number of the photograph of each usable path; `conflicts`: paths whose photograph stands under
    several labels, to be left out until the user decides; `facts`: counts, rates and seconds; `series`: what
    is suspected, as columns, each with one name a row, "" for none; `worth`: how sharp each
    row is and how like its copies (`medoid`), for who keeps one of each; `photographs`: which each row shows,
    which are more than `clusters` where one is shown inside another; `cache`: what of it was known.
    """

    rows: tuple[tuple[str, str, int], ...]
    conflicts: tuple[str, ...]
    findings: tuple[Finding, ...]
    facts: Mapping[str, Any]
    series: Mapping[str, Sequence[str]] = field(default_factory=dict)
    worth: Mapping[str, Sequence[float]] = field(default_factory=dict, repr=False)
    photographs: Sequence[int] = field(default=(), repr=False)
    cache: CacheUse | None = None

    @cached_property  # asked for once an image
    def clusters(self) -> dict[str, int]:
        """Cluster number of each usable path."""
        return {path: cluster for path, _, cluster in self.rows}

    def write(self, run_dir: Path) -> None:
        """Write `clusters.csv`, `findings.json` and, where series are suspected, `series.csv`."""
        known = {"photograph": list(map(str, self.photographs))} if self.photographs else {}
        known |= {name: [f"{value:.6g}" for value in values] for name, values in self.worth.items()}
        ranked = (row + tuple(cells) for row, *cells in zip(self.rows, *known.values(), strict=True))
        write_csv(run_dir / "clusters.csv", ("path", "label", "cluster", *known), ranked)
        if self.series:
            columns = zip(self.rows, *self.series.values(), strict=True)
            named = (row[:2] + tuple(cells) for row, *cells in columns)
            write_csv(run_dir / say.SERIES_FILE, ("path", "label", *self.series), named)
        write_json(run_dir / "findings.json", [finding.to_json() for finding in self.findings])


def audit(
    manifest: Manifest,
    *,
    seed: int,
    progress: Progress | None = None,
    cached: bool = False,
    backend: Backend = LOCAL,
) -> Audit:
    """Audit the usable samples of `manifest`; the result depends on `seed`, not on what follows it here.

    `progress` is called with the steps done and their number, two steps a photograph: reading and comparing.
    With `cached` it uses and leaves what `cache.py` keeps of these files. `backend` says where it is done and
    by how many workers, which changes nothing of the result.
    """
    start = time.monotonic()
    n, labels = len(manifest.usable), [sample.label for sample in manifest.usable]
    # Without a digest nobody knows whether a file changed.
    cached, file = cached and all(sample.sha256 for sample in manifest.usable), cache_file(manifest)
    known = read_cache(file, manifest) if cached else Known()
    searched = search(manifest, seed, progress, known, backend, record=cached)
    measured, exact, detection = searched.measured, searched.exact, searched.detection
    copies = join(measured, searched.kept, exact, detection)
    drawn = mostly_drawn([one.photograph.grey for one in measured])
    facts = {
        **_facts(copies, exact, detection),
        "rigid_images": sum(one.photograph.side < RIGID_PX for one in measured),
        "tiny_images": sum(one.photograph.side <= TINY_PX for one in measured),
        **measure_recall(detection, searched.planted, len(searched.kept)),
        "resemble": pictures_resemble(copies.photographs, labels, copies.passed, drawn=drawn),
    }
    exposures = judge_exposures(
        manifest, measured, copies.photographs, copies.pairs, seed=seed, workers=backend.workers
    )
    facts["sets_shown"], facts["mostly_copies"] = exposures.counts, exposures.mostly_copies
    suspected = _suspect(manifest, measured, copies, seed)
    facts["series_tested"] = [
        {"series": one.column, "files": one.size, "count": len(one.groups), **asdict(likeness)}
        for one, likeness in suspected
    ]
    clusters = copies.clusters.tolist()
    clues = _clues(measured)
    named = name_shortcuts(clues, labels, clusters, seed)
    shortcuts = known.shortcuts.get(named)
    if shortcuts is None:
        shortcuts = find_shortcuts(clues, labels, clusters, seed=seed)
    tested = count_tested(labels, clusters, seed=seed)
    facts["clues_tested"] = {"clues": list(clues), "classes": tested, "of": len(set(labels))}
    cache = keep_search(manifest, file, known, searched, {named: shortcuts}) if cached else None
    found = _findings(manifest, copies, exact, exposures, suspected, shortcuts, facts)
    facts["seconds"] = round(time.monotonic() - start, 3)
    rows = [(s.path, s.label, int(c)) for s, c in zip(manifest.usable, copies.clusters, strict=True)]
    conflicts = [path for one in found if one.code == "copies-across-labels" for path in one.paths]
    worth = {
        "sharpest": [one.sharpness for one in measured],
        "medoid": centrality(n, exact, copies.pairs),
    }
    series = {one.column: _name_series(one, n) for one, likeness in suspected if likeness.shown}
    shown = copies.photographs.tolist()
    return Audit(tuple(rows), tuple(sorted(conflicts)), tuple(found), facts, series, worth, shown, cache)


def expected_audit_s(manifest: Manifest, *, clock: Callable[[], float] = time.perf_counter) -> float:
    """How many seconds `audit`, with its cache, will probably take here, by how long a few samples take."""
    samples = manifest.usable
    drawn = np.linspace(0, len(samples) - 1, min(TIMED, len(samples))).astype(int)
    pairs = [Candidate(i, j, False) for i, j in combinations(range(len(drawn)), 2)]
    start = clock()
    few = measure_all(replace(manifest, samples=tuple(samples[i] for i in drawn)), LOCAL.workers, None, {})
    measured = clock()
    photographs = [one.photograph for one in few]
    with one_thread_a_worker():
        for pair in pairs:
            verify_features(photographs, pair)
    pair_s = (clock() - measured) / max(1, len(pairs)) / GAIN_OF_WORKERS
    whole_s = len(samples) * (MEASURINGS * (measured - start) / len(drawn) + COMPARISONS * pair_s)
    return _part_to_do(manifest) * whole_s


def _part_to_do(manifest: Manifest) -> float:
    """Of the time that an audit takes without a cache, what it takes with the one that is there."""
    names = {name_sample(sample) for sample in manifest.usable}
    known = known_names(cache_file(manifest), manifest)
    if names == known:
        return AGAIN
    new = len(names - known) / len(names)
    return NEARLY_AGAIN + (1 - NEARLY_AGAIN) * new


def _facts(copies: Joined, exact: Sequence[tuple[int, int]], detection: Detection) -> dict[str, Any]:
    sizes = np.bincount(copies.clusters) if len(copies.clusters) else np.zeros(1, int)
    threshold = detection.threshold
    return {
        "images": len(copies.clusters),
        "photographs": len(np.unique(copies.photographs)),
        "largest_cluster": int(sizes.max()),
        "exact_copies": len(exact),
        "transformed_pairs": len(copies.passed),
        "inset_pairs": len(copies.insets),
        "bridges": len(copies.bridges),
        "parted_pairs": len(copies.parted),
        "crowded_pairs": len(copies.crowded),
        "compared_pairs": detection.compared,
        "threshold": threshold.score,
        "null_pairs": threshold.negatives,
        "null_accepted": threshold.false,
        "false_match_bound": threshold.false_match_bound,
        "expected_lookalikes": threshold.expected_lookalikes,
    }


def _findings(
    manifest: Manifest,
    copies: Joined,
    exact: Sequence[tuple[int, int]],
    exposures: Exposures,
    suspected: Sequence[tuple[Suspicion, Likeness]],
    shortcuts: Sequence[Shortcut],
    facts: Mapping[str, Any],
) -> list[Finding]:
    paths = [sample.path for sample in manifest.usable]
    found = (
        [say.find_resemblance(facts["images"], facts["photographs"]), *find_equal_conflicts(manifest)]
        if facts["resemble"]
        else find_copies(manifest, copies.photographs, exact, copies.pairs, exposures)
    )
    if copies.insets and not facts["resemble"]:
        found.append(find_insets(manifest, copies.insets))
    for pairs, crowded in ((copies.parted, False), (copies.crowded, True)):
        if pairs and not facts["resemble"]:
            found.append(find_parted(manifest, pairs, crowded=crowded))
    if copies.bridges:
        found.append(find_bridges(manifest, copies.bridges))
    found += [say.find_suspicion(one, likeness, paths) for one, likeness in suspected if likeness.shown]
    found += map(say.find_shortcut, shortcuts)
    found += find_known_sets(sample.sha256 for sample in manifest.usable)
    return [*found, say.find_quality(facts)] if facts["planted"] else found


def _suspect(
    manifest: Manifest, measured: Sequence[Measured], copies: Joined, seed: int
) -> list[tuple[Suspicion, Likeness]]:
    """Series by names and times, with how alike their pictures are; none where the user gave groups."""
    samples, clusters = manifest.usable, copies.clusters.tolist()
    if any(sample.group for sample in samples):
        return []
    found = suspect_groups([sample.path for sample in samples], [one.exif for one in measured], clusters)
    if not found:
        return []
    features = np.stack(
        [picture_features(one.photograph.grey, one.border_colour, one.mean_colour) for one in measured]
    )
    labels = [sample.label for sample in samples]
    tested = [(one, measure_likeness(features, labels, clusters, one.groups, seed=seed)) for one in found]
    return [(one, likeness) for one, likeness in tested if likeness is not None]


def _name_series(suspicion: Suspicion, n: int) -> list[str]:
    names = [""] * n
    for number, group in enumerate(suspicion.groups):
        for i in group:
            names[i] = str(number)
    return names


def _clues(measured: Sequence[Measured]) -> dict[str, Floats]:
    formats = sorted({one.format for one in measured})
    cameras = sorted({one.exif.camera for one in measured})
    return {
        "file size": np.array([[one.file_bytes] for one in measured], dtype=float),
        "image dimensions": np.array([one.size_px for one in measured], dtype=float),
        "file format": np.array([[formats.index(one.format)] for one in measured], dtype=float),
        "camera": np.array([[cameras.index(one.exif.camera)] for one in measured], dtype=float),
        "border colour": np.array([one.border_colour for one in measured]),
        "mean colour": np.array([one.mean_colour for one in measured]),
    }
