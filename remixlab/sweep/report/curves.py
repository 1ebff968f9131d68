"""Curves of a score over a dial, drawn as SVG: where everything goes; `curve.svg` draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remixlab.sweep.report.contents import BASELINES, MetricInfo, Run, value_label
from remixlab.sweep.report.estimates import Estimate, baseline, curve
from remixlab.sweep.report.scale import Scale, scale_at, scale_over
from remixlab.sweep.report.wording import interval

LEFT, RIGHT, TOP, BOTTOM = 44, 266, 12, 192
BOX = (340, 230, LEFT, RIGHT, TOP, BOTTOM)  # width and height of the drawing, and its axes in it
LINE_HEIGHT = 12  # of the baselines' labels, which stand in two lines beside their lines
_APART = 5.0  # how far the points of several runs stand beside each other


@dataclass(frozen=True)
class Line:
    """One run's curve: its number, which decides colour and marker, and its points."""

    run: int
    label: str
    points: tuple[tuple[float, Estimate], ...]


@dataclass(frozen=True)
class Level:
    """A baseline: a horizontal line with a label."""

    kind: str
    label: str
    value: float


@dataclass(frozen=True)
class Curves:
    """All curves of one metric over one dial."""

    metric: MetricInfo
    dial: str
    lines: tuple[Line, ...]
    levels: tuple[Level, ...]


def curves(runs: Sequence[Run], metric: MetricInfo, dial: str) -> Curves | None:
    """What a chart shows: every run in which the dial varies; None where nothing was scored."""
    drawn = [
        (number, run)
        for number, run in enumerate(runs)
        if dial in run.dials and metric.name in {own.name for own in run.metrics}
    ]
    lines = []
    for number, run in drawn:
        steps = curve(run, metric.name, dial)
        points = tuple((step.value, step.estimate) for step in steps if step.estimate)
        if points:
            lines.append(Line(number, run.label, points))
    levels = _levels(drawn, metric.name)
    return Curves(metric, dial, tuple(lines), tuple(levels)) if lines else None


def described(found: Curves) -> str:
    """The chart in words, for those who cannot see it."""
    parts = []
    for line in found.lines:
        points = (f"{value_label(value)}: {interval(e)}" for value, e in line.points)
        parts.append(f"{line.label}, {found.metric.name} by {found.dial}: {'; '.join(points)}.")
    parts += [f"Baseline {level.label}: {level.value:.3g}." for level in found.levels]
    return " ".join(parts)


def drawing(found: Curves) -> Mapping[str, object]:
    """Positions of all that `curve.svg` draws."""
    x = scale_at(sorted({v for line in found.lines for v, _ in line.points}), LEFT + 6, RIGHT - 6)
    ends = [y for line in found.lines for _, e in line.points for y in e.ends]
    y = scale_over([*ends, *(level.value for level in found.levels)], BOTTOM, TOP)
    return {
        "x_ticks": [(x(v), value_label(v)) for v in _spread(x)],
        "y_ticks": y.labels,
        "lines": [_drawn(line, i, len(found.lines), x, y) for i, line in enumerate(found.lines)],
        "levels": _labelled(found.levels, y),
    }


def _levels(drawn: Sequence[tuple[int, Run]], metric: str) -> list[Level]:
    """The baselines: one line for all runs where they agree, else with the number of the run."""
    found = []
    for kind, name in BASELINES.items():
        means = {n: e.mean for n, run in drawn if (e := baseline(run, kind, metric))}
        if len(set(means.values())) == 1:
            found.append(Level(kind, name, next(iter(means.values()))))
        else:
            found += [Level(kind, f"{name} ({n + 1})", mean) for n, mean in means.items()]
    return found


def _drawn(line: Line, place: int, count: int, x: Scale, y: Scale) -> Mapping[str, object]:
    aside = (place - (count - 1) / 2) * _APART
    points = [
        {
            "x": round(x(value) + aside, 2),
            "y": y(e.mean),
            "low": y(e.ends[0]),
            "high": y(e.ends[1]),
            "title": f"{line.label}, {value_label(value)}: {interval(e)}",
        }
        for value, e in line.points
    ]
    return {"run": line.run, "points": points}


def _labelled(levels: Sequence[Level], y: Scale) -> list[Mapping[str, object]]:
    """Baselines with the heights of their labels, which keep clear of each other."""
    placed, free = [], float(TOP)
    for level in sorted(levels, key=lambda level: y(level.value)):
        height = y(level.value)
        text = max(height, free)
        free = text + 2 * LINE_HEIGHT + 2
        placed.append(
            {"kind": level.kind, "words": level.label.split(" ", 1), "y": height, "text": text}
        )
    return placed


def _spread(x: Scale) -> list[float]:
    """The marks that fit side by side; the ends always do."""
    kept: list[float] = []
    for value in x.ticks[:-1]:
        if not kept or x(value) - x(kept[-1]) >= 30:
            kept.append(value)
    while kept and x(x.ticks[-1]) - x(kept[-1]) < 30 and len(kept) > 1:
        kept.pop()
    return [*kept, x.ticks[-1]]
