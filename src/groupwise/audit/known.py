"""Copies of pictures that are known already among new ones, found as copies within a data set are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.audit.audit import Audit, audit
from groupwise.audit.copies.clusters import cluster_ids
from groupwise.audit.copies.hashes import exact_copies
from groupwise.audit.search import Progress
from groupwise.data.manifest import Manifest, Sample
from groupwise.stats.arrays import Ints

PIXELS, BYTES = "pixels", "bytes"


@dataclass(frozen=True, eq=False)
class KnownCopies:
    """Which new pictures show a photograph that is known, and which show the same one.

    `of` has for each usable new sample the path of a known one, or None; `clusters` (N,) number photographs
    among the new ones. `searched` is `pixels`, or `bytes` where only equal files could be told; `reason` then
    says why.
    """

    of: tuple[str | None, ...]
    clusters: Ints
    searched: str
    facts: Mapping[str, Any]
    reason: str = ""


def find_known_copies(
    known: Manifest, new: Manifest, *, seed: int, progress: Progress | None = None
) -> KnownCopies:
    """Audit both together; the images of both have to be there.

    Where the audit finds that all pictures resemble one another, it cannot tell copies, and equal files are
    told alone.
    """
    found = audit(_joined(known, new), seed=seed, progress=progress)
    if found.facts["resemble"]:
        reason = "the pictures resemble one another so much that copies cannot be told from new pictures"
        return find_equal_files(known.usable, new.usable, reason)
    planted = {name: value for name, value in found.facts.items() if name.startswith("planted")}
    return _of(known.usable, _clusters(found), PIXELS, planted)


def find_equal_files(known: Sequence[Sample], new: Sequence[Sample], reason: str) -> KnownCopies:
    """Tell by the digests alone, for want of the pictures or of a way to tell copies; `reason` says which."""
    digests = [sample.sha256 for sample in (*known, *new)]
    clusters = cluster_ids(len(digests), exact_copies(digests, [""] * len(digests)))
    return replace(_of(known, clusters, BYTES, {}), reason=reason)


def _clusters(found: Audit) -> Ints:
    # By position: the same file may stand in both collections, under one path.
    return np.array([cluster for _, _, cluster in found.rows], dtype=np.int64)


def _of(known: Sequence[Sample], clusters: Ints, searched: str, facts: Mapping[str, Any]) -> KnownCopies:
    first: dict[int, str] = {}
    for sample, cluster in zip(known, clusters.tolist(), strict=False):  # the known ones come first
        first.setdefault(cluster, sample.path)
    rest = clusters[len(known) :]
    return KnownCopies(tuple(first.get(cluster) for cluster in rest.tolist()), rest, searched, facts)


def _joined(known: Manifest, new: Manifest) -> Manifest:
    """The usable samples of both, under absolute paths; each is read by the same rule."""
    samples = [
        replace(sample, path=str(one.file(sample).absolute()))
        for one in (known, new)
        for sample in one.usable
    ]
    return Manifest(Path("/"), tuple(samples), reading=new.reading)
