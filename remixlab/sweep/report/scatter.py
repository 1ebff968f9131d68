"""The plot of style against leakage, drawn as SVG: where everything goes; `pareto.svg` draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remixlab.sweep.report.contents import MetricInfo, Run
from remixlab.sweep.report.estimates import Estimate
from remixlab.sweep.report.pareto import Setting, baseline_settings, settings
from remixlab.sweep.report.scale import Scale, scale_over
from remixlab.sweep.report.wording import interval

WIDTH, HEIGHT = 400, 310
LEFT, RIGHT, TOP, BOTTOM = 48, 390, 12, 266


@dataclass(frozen=True)
class Numbered:
    """A setting of one run; those on its front have a number."""

    run: int
    label: str
    setting: Setting
    number: int | None


@dataclass(frozen=True)
class Scatter:
    """All settings of all runs, and the baselines, which belong to no run where all agree."""

    style: MetricInfo
    points: tuple[Numbered, ...]
    baselines: tuple[Numbered, ...]

    @property
    def front(self) -> list[Numbered]:
        """The settings on the fronts, by run, from little leakage to much."""
        chosen = [point for point in self.points if point.setting.front]
        return sorted(chosen, key=lambda point: point.number or 0)


def scatter(runs: Sequence[Run], style: MetricInfo) -> Scatter | None:
    """What the plot shows; None where nothing was scored."""
    points: list[Numbered] = []
    pasted: dict[tuple[str, float, float], Numbered] = {}
    for number, run in enumerate(runs):
        if not run.scored:
            continue
        taken = sum(point.number is not None for point in points)
        points += _numbered(number, run, settings(run, style), taken)
        for setting in baseline_settings(run, style):
            place = (setting.name, setting.style.mean, setting.leakage.mean)
            pasted.setdefault(place, Numbered(number, run.label, setting, None))
    return Scatter(style, tuple(points), tuple(pasted.values())) if points else None


def described(found: Scatter) -> str:
    """The plot in words."""
    parts = [_told(point.setting, found.style) for point in (*found.front, *found.baselines)]
    return (
        f"{found.style.name} against leakage for {len(found.points)} settings of the dials. "
        f"On the front, then the baselines: {' '.join(parts)}"
    )


def drawing(found: Scatter) -> Mapping[str, object]:
    """Positions of all that `pareto.svg` draws."""
    everything = [point.setting for point in (*found.points, *found.baselines)]
    x = scale_over([v for s in everything for v in _ends(s.leakage)], LEFT, RIGHT, ticks=5)
    y = scale_over([v for s in everything for v in _ends(s.style)], BOTTOM, TOP, ticks=5)
    runs = dict.fromkeys(point.run for point in found.points)
    return {
        "x_ticks": [(x(v), f"{v:g}") for v in x.ticks],
        "y_ticks": [(y(v), f"{v:g}") for v in y.ticks],
        "points": [_placed(point, found.style, x, y) for point in found.points],
        "baselines": [_placed(point, found.style, x, y) for point in found.baselines],
        "fronts": [
            {
                "run": run,
                "path": [
                    (x(p.setting.leakage.mean), y(p.setting.style.mean))
                    for p in found.front
                    if p.run == run
                ],
            }
            for run in runs
        ],
    }


def _numbered(run: int, of: Run, found: Sequence[Setting], taken: int) -> list[Numbered]:
    front = sorted((s for s in found if s.front), key=lambda s: (s.leakage.mean, s.style.mean))
    numbers = {setting.name: taken + i + 1 for i, setting in enumerate(front)}
    return [Numbered(run, of.label, setting, numbers.get(setting.name)) for setting in found]


def _placed(point: Numbered, style: MetricInfo, x: Scale, y: Scale) -> Mapping[str, object]:
    setting = point.setting
    left, right = (x(v) for v in _ends(setting.leakage))
    low, high = (y(v) for v in _ends(setting.style))
    place = x(setting.leakage.mean)
    return {
        "run": point.run,
        "number": point.number,
        "name": setting.name,
        "x": place,
        "y": y(setting.style.mean),
        "left": left,
        "right": right,
        "low": low,
        "high": high,
        "end": place > (LEFT + RIGHT) / 2,
        "title": f"{point.label}, {_told(setting, style)}",
    }


def _told(setting: Setting, style: MetricInfo) -> str:
    return (
        f"{setting.name}: {style.name} {interval(setting.style)}, "
        f"leakage {interval(setting.leakage)}."
    )


def _ends(found: Estimate) -> tuple[float, float]:
    if found.samples < 2:
        return found.mean, found.mean
    return found.interval.low, found.interval.high
