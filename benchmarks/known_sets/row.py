"""The row of a set: what the audit says, what the given split leaks, what a random split would report."""

from __future__ import annotations

import json
import os
import resource
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.audit.audit import Audit, audit
from groupwise.audit.copies.clusters import cluster_ids
from groupwise.audit.copies.hashes import exact_copies
from groupwise.data.cache import decode_images
from groupwise.data.decode import Preprocessing
from groupwise.data.manifest import Manifest, Sample
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.data.sources import find_sources
from groupwise.evaluation.leakage import neighbour_facts
from groupwise.evaluation.neighbours import SPLITS, nearest_neighbours
from groupwise.stats.arrays import Ints

from .published import KnownSet, write_list

SEED = 0
SHARES = {"train": 0.8, "test": 0.2}
SIDE_PX = 32
LISTING, CLUSTERS, ROW = "pictures.csv", "clusters.csv", "row.json"


def measure_row(known: KnownSet, copy: Path, work: Path) -> dict[str, Any]:
    """Audit the copy without its groups, split it both ways, and write what came into `work`."""
    before = sum(os.times()[:4])
    listed = known.list_pictures(copy)
    pictures = known.draw(listed)
    write_list(pictures, work / LISTING)
    manifest = scan(work / LISTING, ReadOptions(root=copy.resolve()))
    found = audit(manifest, seed=SEED)
    found.write(work)
    clusters = photographs(found, manifest.usable)
    groups = [sample.extra["source"] for sample in manifest.usable]
    sources = find_sources(clusters.tolist(), [name or i for i, name in enumerate(groups)])
    row = {
        "files": len(listed),
        "drawn": len(pictures),
        "usable": len(manifest.usable),
        "reasons": Counter(code for sample in manifest.samples for code in sample.codes),
        "classes": len(manifest.classes),
        **count_copies(clusters, [sample.label for sample in manifest.usable]),
        "resemble": bool(found.facts["resemble"]),
        "planted_recall": found.facts["planted_recall"],
        "findings": [finding.title for finding in found.findings],
        "groups": len(set(groups) - {""}),
        "sources": len(np.unique(sources)),
        "given_split": leaks(manifest.usable, clusters, groups),
        "neighbour": ask_neighbours(manifest, sources),
        "processor_s": round(sum(os.times()[:4]) - before),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    (work / ROW).write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    return row


def photographs(found: Audit, usable: Sequence[Sample]) -> Ints:
    """The number of each picture's photograph, (N,): of equal files alone where all pictures resemble."""
    if found.facts["resemble"]:
        equal = exact_copies([sample.sha256 for sample in usable], [""] * len(usable))
        return cluster_ids(len(usable), equal)
    return np.array([cluster for _, _, cluster in found.rows])


def count_copies(clusters: Ints, labels: Sequence[str]) -> dict[str, int]:
    """How many photographs there are, how large the largest is, and how many bear several labels."""
    names: dict[int, set[str]] = {}
    for cluster, label in zip(clusters.tolist(), labels, strict=True):
        names.setdefault(cluster, set()).add(label)
    sizes = np.bincount(clusters)
    return {
        "photographs": len(names),
        "joined_files": int(sizes[sizes > 1].sum()),
        "largest": int(sizes.max()),
        "conflicts": sum(len(own) > 1 for own in names.values()),
    }


def leaks(usable: Sequence[Sample], clusters: Ints, groups: Sequence[str]) -> dict[str, Any] | None:
    """How many pictures of the publisher's last part have a sibling in the parts before; None without parts.

    `copies` counts photographs on both sides, `groups` the publisher's own groups.
    """
    parts = np.array([sample.extra["part"] for sample in usable])
    last = next((name for name in ("test", "val") if name in parts), None)
    if last is None:
        return None
    held = parts == last
    named = np.array(groups, dtype=object)

    def seen(keys: Any) -> int:
        return int((np.isin(keys, keys[~held]) & held).sum())

    by_group = int((np.isin(named, named[~held]) & held & (named != "")).sum())
    return {"part": last, "pictures": int(held.sum()), "copies": seen(clusters), "groups": by_group}


def ask_neighbours(manifest: Manifest, sources: Ints) -> dict[str, Any] | None:
    """What a nearest neighbour by 8 x 8 pixels has right in random and grouped splits; None if alike."""
    usable = manifest.usable
    if len(np.unique(sources)) == len(usable):
        return None
    files, digests = [manifest.file(one) for one in usable], [one.sha256 for one in usable]
    images = decode_images(files, digests, Preprocessing(image_size_px=SIDE_PX))
    labels = np.unique([one.label for one in usable], return_inverse=True)[1].astype(np.int64)
    rows, seeds = np.arange(len(usable)), range(SEED, SEED + SPLITS)
    found = nearest_neighbours(images, rows, labels, sources, SHARES, "test", seeds)
    return None if found is None else neighbour_facts(found)
