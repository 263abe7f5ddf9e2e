"""Counters of the server, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

PATHS = ("/v1/predict", "/v1/model", "/healthz", "/readyz", "/metrics")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Counters:
    """The figures of one server.

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
        for name, words, read in (
            (
                "groupwise_pictures_inside",
                "Pictures in work or waiting.",
                pictures_inside,
            ),
            ("groupwise_body_bytes_held", "Bytes of bodies that are received or worked on.", bytes_held),
        ):
            Gauge(name, words, registry=self._registry).set_function(read)

    def count(self, path: str, status: int, seconds: float) -> None:
        """Enter one answered request."""
        path = path if path in PATHS else "other"
        self._requests.labels(path, status).inc()
        self._seconds.labels(path).observe(seconds)

    def count_answer(self, answer: Mapping[str, Any]) -> None:
        """Enter one answered picture; a rising share of the doubtful kinds says that the pictures changed."""
        self._answers.labels("all").inc()
        for kind in ("abstain", "unlike"):
            if answer[kind]:
                self._answers.labels(kind).inc()

    def text(self) -> bytes:
        """Everything, as `/metrics` gives it."""
        return generate_latest(self._registry)
