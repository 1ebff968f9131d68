"""Means of scores with their intervals, over samples.

A sample is what is neither a dial nor set by one: a seed, a reference, a product, a prompt. Cells
of one sample that differ in other dials are averaged first, because they are no further samples:
resampling them one by one would make every interval too narrow or blame the other dials' effect
on chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from remixlab.metrics.intervals import Interval, bootstrap
from remixlab.sweep.report.contents import Cell, Run


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; `samples` is how many were resampled, `cells` what they hold.

    One sample says nothing about chance: its interval is none, and is not to be shown.
    """

    interval: Interval
    samples: int
    cells: int

    @property
    def mean(self) -> float:
        """The mean over samples."""
        return self.interval.mean

    @property
    def ends(self) -> tuple[float, float]:
        """What is drawn of the interval: nothing but the mean where there is one sample."""
        if self.samples < 2:
            return self.mean, self.mean
        return self.interval.low, self.interval.high


@dataclass(frozen=True)
class Step:
    """One value of a dial: the mean of a score there, None where nothing was scored."""

    value: float
    estimate: Estimate | None


def curve(run: Run, metric: str, dial: str) -> list[Step]:
    """The mean of a metric at each value of a dial, from the lowest to the highest."""
    samples = sample_places(run, dial)
    return [
        Step(value, estimate(cells, metric, samples))
        for value, cells in cells_by(run, dial).items()
    ]


def cells_by(run: Run, dial: str) -> dict[float, list[Cell]]:
    """The cells at each value of a dial, from the lowest to the highest; there may be none."""
    dimension = run.dimension_of(dial)
    column = dimension.axes.index(dial)
    found: dict[float, list[Cell]] = {
        step: [] for step in sorted(s[column] for s in dimension.values)
    }
    for cell in run.cells:
        found[cell.values[dial]].append(cell)
    return found


def estimate(cells: Iterable[Cell], metric: str, samples: Sequence[int]) -> Estimate | None:
    """The mean over `cells`; `samples` are the dimensions that tell samples apart."""
    groups: dict[tuple[int, ...], list[float]] = defaultdict(list)
    for cell in cells:
        score = cell.scores.get(metric)
        if score is not None:
            groups[tuple(cell.at[place] for place in samples)].append(score)
    return _over(list(groups.values()))


def difference(run: Run, metric: str, dial: str) -> Estimate | None:
    """The score at a dial's highest value less that at its lowest, all else being equal.

    Only pairs of cells count of which both are there; None where there is no such pair.
    """
    by_value = list(cells_by(run, dial).values())
    lowest, highest = (_by_place(run, cells, dial) for cells in (by_value[0], by_value[-1]))
    samples = sample_places(run, dial)
    groups: dict[tuple[int, ...], list[float]] = defaultdict(list)
    for place, cell in highest.items():
        above = cell.scores.get(metric)
        below = lowest[place].scores.get(metric) if place in lowest else None
        if above is not None and below is not None:
            groups[tuple(cell.at[i] for i in samples)].append(above - below)
    return _over(list(groups.values()))


def baseline(run: Run, kind: str, metric: str) -> Estimate | None:
    """The mean score of a baseline over its products and references."""
    scores = [row.scores.get(metric) for row in run.baselines if row.kind == kind]
    return _over([[score] for score in scores if score is not None])


def sample_places(run: Run, dial: str | None = None) -> list[int]:
    """The dimensions that tell samples apart: those without a dial, and without `dial`."""
    own = run.dimension_of(dial) if dial else None
    return [i for i, d in enumerate(run.dimensions) if not d.dials and d is not own]


def _by_place(run: Run, cells: Sequence[Cell], dial: str) -> dict[tuple[int, ...], Cell]:
    """Cells by where they are in all dimensions but the dial's."""
    own = run.dimensions.index(run.dimension_of(dial))
    return {cell.at[:own] + cell.at[own + 1 :]: cell for cell in cells}


def _over(samples: Sequence[Sequence[float]]) -> Estimate | None:
    if not samples:
        return None
    interval = bootstrap([fmean(sample) for sample in samples])
    return Estimate(interval, len(samples), sum(map(len, samples)))
