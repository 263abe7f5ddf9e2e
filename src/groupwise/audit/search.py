"""The search of an audit: files read, copies planted and pairs compared, but for what the cache knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from groupwise.audit.cache import CacheUse, Known, name_sample, update_cache
from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.compared import Compared, Key
from groupwise.audit.copies.detect import Detection, detect
from groupwise.audit.copies.finer import keep_agreeing
from groupwise.audit.copies.hashes import exact_copies
from groupwise.audit.copies.mapped import pack_in_files
from groupwise.audit.copies.searcher import OpenSearcher, open_searcher
from groupwise.audit.copies.verify import Photograph
from groupwise.audit.copies.vocabulary import made_vocabulary
from groupwise.audit.copies.workers import one_thread_a_worker
from groupwise.audit.kept_words import kept_vocabulary
from groupwise.audit.measure import Measured, load_rgb, measure
from groupwise.audit.recall import Planted, plant
from groupwise.audit.results import name_detection
from groupwise.audit.shortcuts import Shortcut
from groupwise.data.manifest import Manifest, Sample
from groupwise.stats.arrays import Pixels

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Search:
    """What the files hold, pairs of equal ones, who was searched, what was planted and what was found.

    `result` is called by all that it depends on; `pairs` were compared for it.
    """

    measured: list[Measured]
    exact: list[tuple[int, int]]
    kept: list[int]
    planted: Planted
    detection: Detection
    result: str
    pairs: Mapping[Key, Evidence | None]


def search(
    manifest: Manifest,
    seed: int,
    progress: Progress | None,
    known: Known,
    backend: Backend,
    record: bool,
) -> Search:
    """Look for copies, with what is `known`; the evidence of pairs is left in the answer if `record`."""
    samples, workers = manifest.usable, backend.workers
    n = len(samples)
    measured = backend.measure(manifest, workers, progress, known.measured)
    exact = exact_copies([sample.sha256 for sample in samples], [one.digest for one in measured])
    copied = {second for _, second in exact}
    kept = [i for i in range(n) if i not in copied]
    names = [name_sample(samples[i]) for i in kept]
    planted = plant(manifest, kept, names, seed, workers, known.planted)
    result = name_detection([*names, *planted.names], seed)
    if result in known.detections:
        if progress:
            progress(2 * n, 2 * n)
        return Search(measured, exact, kept, planted, known.detections[result], result, known.pairs)
    compared = Compared([*names, *planted.names], known.pairs, record=record)
    photographs = [*(measured[i].photograph for i in kept), *planted.photographs]
    detection = detect(
        photographs,
        seed=seed,
        workers=workers,
        compared=compared,
        progress=(lambda done, total: progress(n + done * n // total, 2 * n)) if progress else None,
        search=backend.search,
        made=kept_vocabulary if record else made_vocabulary,
    )

    def load(number: int) -> Pixels:
        if number < len(kept):
            return load_rgb(manifest, kept[number])
        return planted.draw(number - len(kept))

    agreeing = keep_agreeing(detection.copies, photographs, load, workers)
    detection = replace(detection, copies=agreeing)
    return Search(measured, exact, kept, planted, detection, result, compared.pairs)


def measure_all(
    manifest: Manifest, workers: int, progress: Progress | None, known: Mapping[str, Measured]
) -> list[Measured]:
    """What each usable file holds, the photographs in files; those `known` by name are not read."""
    samples, clues = manifest.usable, list[dict[str, Any]]()
    if known and all(name_sample(sample) in known for sample in samples):
        if progress:
            progress(len(samples), 2 * len(samples))
        return [known[name_sample(sample)] for sample in samples]  # in memory, as the cache was read

    def look(sample: Sample) -> Measured:
        earlier = known.get(name_sample(sample))
        return measure(manifest.file(sample), manifest.reading) if earlier is None else earlier

    def photographs(pool: ThreadPoolExecutor) -> Iterator[Photograph]:
        for one in pool.map(look, samples):
            clues.append(one.clues)
            yield one.photograph
            if progress:
                progress(len(clues), 2 * len(samples))

    with one_thread_a_worker(), ThreadPoolExecutor(workers) as pool:
        packed = pack_in_files(photographs(pool))
    return [Measured(photograph=one, **own) for one, own in zip(packed, clues, strict=True)]


@dataclass(frozen=True)
class Backend:
    """Where files are measured and searched: two functions, and how many workers an audit gives them."""

    measure: Callable[[Manifest, int, Progress | None, Mapping[str, Measured]], list[Measured]]
    search: OpenSearcher
    workers: int = 2


LOCAL = Backend(measure_all, open_searcher)
"""This machine, by threads and processes."""


def keep_search(
    manifest: Manifest, file: Path, known: Known, found: Search, shortcuts: Mapping[str, Sequence[Shortcut]]
) -> CacheUse:
    """Leave in the cache what this audit worked out, where `known` was read from."""
    called = list(map(name_sample, manifest.usable))
    now = Known(
        dict(zip(called, found.measured, strict=True)),
        dict(zip(found.planted.names, found.planted.photographs, strict=True)),
        found.pairs,
        {found.result: found.detection},
        shortcuts,
    )
    left = update_cache(file, manifest, known, now)
    return CacheUse(file, sum(name in known.measured for name in called), left)
