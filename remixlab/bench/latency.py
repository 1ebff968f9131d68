"""How long a remix takes: sizes in turn, ours and the stock pipeline's A B A B, raw values kept.

A run is measured in a process of its own, see `benchmarks/latency.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Protocol

import torch

from remixlab.bench.card import energy_meter
from remixlab.bench.timing import Step, StepTimer, timeline_of
from remixlab.remix import Remixer
from remixlab.request import RemixRequest
from remixlab.runtime import wait_for


class Way(Protocol):
    """One way to make a remix; `once` makes it and says where the time went."""

    name: str

    def once(self, request: RemixRequest) -> Run:
        """Make one remix."""
        ...


@dataclass(frozen=True)
class Run:
    """Seconds of one remix: end to end, by stage, and by denoising step; joules of the card.

    `plan` is what denoising computes once before its first step: with it the steps add up to the
    stage.
    """

    total: float
    stages: dict[str, float] = field(default_factory=dict)
    plan: float | None = None
    steps: list[Step] = field(default_factory=list)
    joules: float | None = None


@dataclass(frozen=True)
class Sample:
    """A run with what it was a run of; `counted` is false for those before the steady state."""

    way: str
    size: str
    number: int
    counted: bool
    run: Run

    def row(self) -> dict[str, Any]:
        """As a row of a table: stages as `stage_NAME`, steps as they are."""
        return {
            "way": self.way,
            "size": self.size,
            "number": self.number,
            "counted": self.counted,
            "total": self.run.total,
            "joules": self.run.joules,
            **{f"stage_{name}": seconds for name, seconds in self.run.stages.items()},
            "plan": self.run.plan,
            "steps": [asdict(step) for step in self.run.steps],
        }


@dataclass
class Spent:
    """What a block took; joules are None where nothing counts them."""

    seconds: float = 0.0
    joules: float | None = None


class Meter:
    """Measures a block from a device that is idle to one that is idle again."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.energy = device, energy_meter(device)

    @contextmanager
    def measure(self) -> Iterator[Spent]:
        """Fills what it gives when the block ends."""
        spent = Spent()
        wait_for(self.device)
        before, start = self.energy(), time.perf_counter()
        yield spent
        wait_for(self.device)
        spent.seconds, after = time.perf_counter() - start, self.energy()
        spent.joules = None if before is None or after is None else after - before


class OurWay:
    """`Remixer.remix`, with its stages and steps."""

    name = "remixlab"

    def __init__(self, remixer: Remixer) -> None:
        self.timer = StepTimer(timeline_of(remixer.suite.device))
        within = self.timer.entering(remixer.within)
        self.remixer = Remixer(remixer.suite, remixer.config, within)
        self.meter = Meter(remixer.suite.device)

    def once(self, request: RemixRequest) -> Run:
        """See `Way`."""
        with self.timer.watching(self.remixer.suite), self.meter.measure() as spent:
            result = self.remixer.remix(request, on_step=self.timer.on_step)
        loop = self.timer.take()
        return Run(spent.seconds, dict(result.timings), loop.plan, loop.steps, spent.joules)


class StockWay:
    """The same request through a stock pipeline, which says nothing of its stages."""

    name = "stock diffusers"  # in our precision; with another that is a part of the name

    def __init__(
        self, remix: Callable[[RemixRequest], object], device: torch.device, precision: str = ""
    ) -> None:
        self.remix, self.meter = remix, Meter(device)
        self.name = f"{StockWay.name}, {precision}" if precision else StockWay.name

    def once(self, request: RemixRequest) -> Run:
        """See `Way`."""
        with self.meter.measure() as spent:
            self.remix(request)
        return Run(spent.seconds, joules=spent.joules)


@dataclass(frozen=True)
class Counting:
    """When to start counting, and when to stop.

    Warm-up ends when the medians of the last `window` runs and of those before agree within
    `agreement`, or after `patience` runs. Then at least `runs` runs and `seconds` seconds each.
    """

    runs: int = 10
    seconds: float = 10.0
    window: int = 3
    agreement: float = 0.05
    patience: int = 12


def measure(
    ways: Sequence[Way],
    requests: dict[str, RemixRequest],
    counting: Counting,
    tell: Callable[[Sample], None] = lambda _: None,
) -> Iterator[Sample]:
    """Samples of every way and size: the sizes in turn, and for each the ways A B A B.

    Heat and neighbours then trouble all alike. `tell` is called after each run.
    """
    places = [(way, size) for size in requests for way in ways]
    warm: dict[tuple[str, str], list[float]] = {(w.name, s): [] for w, s in places}
    counted: dict[tuple[str, str], list[float]] = {(w.name, s): [] for w, s in places}
    while True:
        left = [
            (way, size)
            for way, size in places
            if _wanted(warm[way.name, size], counted[way.name, size], counting)
        ]
        if not left:
            return
        for way, size in left:
            key = way.name, size
            steady = _steady(warm[key], counting)
            series = counted[key] if steady else warm[key]
            run = way.once(requests[size])
            series.append(run.total)
            sample = Sample(way.name, size, len(series), steady, run)
            tell(sample)
            yield sample


def _wanted(warm: Sequence[float], counted: Sequence[float], counting: Counting) -> bool:
    if not _steady(warm, counting):
        return True
    return len(counted) < counting.runs or sum(counted) < counting.seconds


def _steady(times: Sequence[float], counting: Counting) -> bool:
    if len(times) >= counting.patience:
        return True
    if len(times) < 2 * counting.window:
        return False
    last = median(times[-counting.window :])
    before = median(times[-2 * counting.window : -counting.window])
    return abs(last - before) <= counting.agreement * last
