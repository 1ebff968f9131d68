"""What Prometheus reads, in a registry of the server's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Queue depth, waits, stage times, batch sizes, answers, rejections, out of memory, ready."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.depth = Gauge("remix_queue_depth", "Requests that wait.", registry=registry)
        self.ready = Gauge("remix_ready", "1 while the model works.", registry=registry)
        self.wait = Histogram(
            "remix_wait_seconds", "From queue to batch.", buckets=_SECONDS, registry=registry
        )
        self.stage = Histogram(
            "remix_stage_seconds",
            "A batch's stages.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch = Histogram(
            "remix_batch_size", "Requests a batch.", buckets=_SIZES, registry=registry
        )
        self.answers = Counter(
            "remix_answers", "Under /v1, by HTTP status.", ["status"], registry=registry
        )
        self.rejections = Counter(
            "remix_rejections", "Answers 503, by reason.", ["reason"], registry=registry
        )
        self.out_of_memory = Counter(
            "remix_out_of_memory", "Batches that did not fit.", registry=registry
        )

    def observe_batch(self, waits: Sequence[float], timings: Mapping[str, float]) -> None:
        """A batch that was made: seconds that its requests waited, and seconds by stage."""
        self.batch.observe(len(waits))
        for seconds in waits:
            self.wait.observe(seconds)
        for stage, seconds in timings.items():
            self.stage.labels(stage).observe(seconds)

    def text(self) -> bytes:
        """The exposition format of Prometheus."""
        return generate_latest(self.registry)
