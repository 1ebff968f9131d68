"""From numbers to positions in a drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A linear map of [low, high] to [start, stop], and the round values that mark it."""

    low: float
    high: float
    start: float
    stop: float
    ticks: tuple[float, ...]

    def __call__(self, value: float) -> float:
        """The position of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.stop - self.start), 2)

    @property
    def labels(self) -> list[tuple[float, str]]:
        """The positions of the ticks, and their texts, all with the same decimals."""
        decimals = max(len(f"{tick:.10g}".partition(".")[2]) for tick in self.ticks)
        return [(self(tick), f"{tick:.{decimals}f}") for tick in self.ticks]


def scale_over(values: Sequence[float], start: float, stop: float, *, ticks: int = 4) -> Scale:
    """A scale that holds all of `values` with a little room, marked at about `ticks` places."""
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    low, high = low - room, high + room
    return Scale(low, high, start, stop, round_values(low, high, ticks))


def scale_at(marks: Sequence[float], start: float, stop: float) -> Scale:
    """A scale marked at the very values that were measured, as far apart as they are."""
    low, high = min(marks), max(marks)
    room = 0.04 * (high - low) or 0.5
    return Scale(low - room, high + room, start, stop, tuple(marks))


def round_values(low: float, high: float, wanted: int) -> tuple[float, ...]:
    """About `wanted` multiples of 1, 2 or 5 times a power of ten within [low, high]."""
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / step), math.floor(high / step)
    digits = max(0, 1 - math.floor(math.log10(step)))
    return tuple(round(i * step, digits) for i in range(first, last + 1))
