"""What a sweep will cost: counted before it starts, and timed by its first batch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from remixlab.environment import process_peak
from remixlab.metrics.metric import Metric
from remixlab.remix import Remixer
from remixlab.sweep.run import Batch, batches, make


@dataclass(frozen=True)
class Plan:
    """A sweep before it runs.

    Attributes:
        cells, done: in all, and kept from an earlier run.
        batches: sizes of the batches that are left.
        seconds: estimate for what is left, remixes and scores; None when nothing is.
        megabytes: peak memory of one batch, in 10^6 bytes: the card's, or the process's.
    """

    cells: int
    done: int
    batches: tuple[int, ...]
    seconds: float | None
    megabytes: float

    def __str__(self) -> str:
        lines = [f"{self.cells} cells, {self.done} done, {sum(self.batches)} to make"]
        if self.batches:
            lines.append(f"{len(self.batches)} batches of {max(self.batches)} at most")
        if self.seconds is not None:
            lines.append(f"about {_duration(self.seconds)}, measured on the first batch")
            lines.append(f"peak memory about {self.megabytes / 1000:.1f} GB")
        return "\n".join(lines)


def plan_sweep(
    remixer: Remixer, missing: Batch, done: int, metrics: Sequence[Metric], *, measure: bool
) -> Plan:
    """Count the batches of the `missing` cells and, if asked, remix and score the first of them.

    One cell is remixed before that, for what happens only once in a process. Nothing is kept.
    """
    parts = list(batches(remixer, missing))
    seconds, megabytes = None, 0.0
    if parts and measure:
        list(make(remixer, parts[0][:1], metrics))
        _forget_peak()
        start = time.perf_counter()
        list(make(remixer, parts[0], metrics))
        seconds = (time.perf_counter() - start) * len(missing) / len(parts[0])
        megabytes = _peak() / 1e6
    return Plan(
        cells=len(missing) + done,
        done=done,
        batches=tuple(len(part) for part in parts),
        seconds=seconds,
        megabytes=megabytes,
    )


def _forget_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak() -> float:
    """Bytes: of the card where there is one, else the process's own peak so far."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return process_peak()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "less than a second"
