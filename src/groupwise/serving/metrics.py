"""Counters of the server, in Prometheus' text format."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
    multiprocess,
)

PATHS = ("/v1/predict", "/v1/predict-case", "/v1/model", "/healthz", "/readyz", "/metrics")
# Names the folder in which several processes keep their counts; the library reads it when it is imported.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Counters:
    """The figures of one server, all of its processes together.

    Labels are bounded: a path that is not ours counts as `other`, and class names are no labels.
    """

    def __init__(self, *, pictures_inside: Callable[[], float], bytes_held: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "groupwise_requests", "Requests answered.", ["path", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "groupwise_request_seconds",
            "From a request's head to its answer's.",
            ["path"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._answers = Counter("groupwise_answers", "Pictures answered.", ["kind"], registry=self._registry)
        self._gauges = [
            (Gauge(name, words, registry=self._registry, multiprocess_mode="livesum"), read)
            for name, words, read in (
                ("groupwise_pictures_inside", "Pictures in work or waiting.", pictures_inside),
                ("groupwise_body_bytes_held", "Bytes of bodies that are received or worked on.", bytes_held),
            )
        ]

    def count(self, path: str, status: int, seconds: float) -> None:
        """Enter one answered request."""
        path = path if path in PATHS else "other"
        self._requests.labels(path, status).inc()
        self._seconds.labels(path).observe(seconds)
        self._read_gauges()

    def count_answer(self, answer: Mapping[str, Any]) -> None:
        """Enter one answered picture; a rising share of the doubtful kinds says that the pictures changed."""
        self._answers.labels("all").inc()
        for kind in ("abstain", "unlike"):
            if answer[kind]:
                self._answers.labels(kind).inc()

    def text(self) -> bytes:
        """Everything, as `/metrics` gives it.

        Of several processes, what the others hold is as of their last answers, and nothing is said of memory.
        """
        self._read_gauges()
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _read_gauges(self) -> None:
        for gauge, read in self._gauges:
            gauge.set(read())
