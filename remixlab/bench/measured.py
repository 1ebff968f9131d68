"""What a latency run found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from remixlab.bench.config import LatencyConfig
from remixlab.bench.floor import Rates, Work
from remixlab.bench.latency import Sample


@dataclass(frozen=True)
class Measured:
    """Everything that a latency run measured; seconds, bytes, operations a second."""

    config: LatencyConfig
    environment: dict[str, Any]
    load: float
    first: dict[str, float]
    samples: list[Sample]
    rates: Rates
    work: dict[str, dict[str, Work]]
    memory: dict[str, float]
    card: list[dict[str, float]]
    notes: list[str]
    probe: dict[str, Any] | None
