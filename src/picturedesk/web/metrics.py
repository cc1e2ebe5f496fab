"""What a server counts, for Prometheus. Several workers count into files of one folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where several workers count; set before the import of above
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counters of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "picturedesk_requests",
            "Requests by route, method and status.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "picturedesk_request_seconds",
            "Seconds until an answer was sent.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.desk_seconds = Histogram(
            "picturedesk_desk_seconds",
            "Seconds of it that the desk took.",
            ("call",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.pictures = Gauge(
            "picturedesk_pictures",
            "Pictures in the catalogue.",
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self.running = Gauge(
            "picturedesk_jobs",
            "Jobs that are queued or running.",
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )

    @contextmanager
    def asking(self, call: str) -> Iterator[None]:
        """Counts the time of one call on the desk."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.desk_seconds.labels(call).observe(time.perf_counter() - begun)

    def text(self) -> bytes:
        """All figures, of all workers."""
        registry = self._registry
        if os.environ.get(FOLDER):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
