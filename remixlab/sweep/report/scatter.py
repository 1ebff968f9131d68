"""The plot of style against leakage, drawn as SVG: where everything goes; `pareto.svg` draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from remixlab.sweep.report import labels
from remixlab.sweep.report.contents import MetricInfo, Run
from remixlab.sweep.report.pareto import Setting, baseline_settings, settings
from remixlab.sweep.report.scale import Scale, scale_over
from remixlab.sweep.report.wording import interval, listed

LEFT, RIGHT, TOP, BOTTOM = 48, 390, 12, 266
BOX = (400, 310, LEFT, RIGHT, TOP, BOTTOM)  # width and height of the drawing, and its axes in it


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
    pasted: list[Numbered] = []
    for number, run in enumerate(runs):
        if not run.metrics:
            continue
        taken = sum(point.number is not None for point in points)
        points += _numbered(number, run, settings(run, style), taken)
        found = baseline_settings(run, style)
        pasted += [Numbered(number, run.label, setting, None) for setting in found]
    return Scatter(style, tuple(points), tuple(_told_apart(pasted))) if points else None


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
    x = scale_over([v for s in everything for v in s.leakage.ends], LEFT, RIGHT, ticks=5)
    y = scale_over([v for s in everything for v in s.style.ends], BOTTOM, TOP, ticks=5)
    runs = dict.fromkeys(point.run for point in found.points)
    return {
        "x_ticks": x.labels,
        "y_ticks": y.labels,
        "points": [_placed(point, found.style, x, y) for point in found.points],
        "numbers": _numbers(found, x, y),
        "baselines": [_placed(point, found.style, x, y) for point in found.baselines],
        "fronts": [
            {"run": run, "path": [_place(p, x, y) for p in found.front if p.run == run]}
            for run in runs
        ],
    }


def _told_apart(baselines: Sequence[Numbered]) -> list[Numbered]:
    """Those that runs agree on once; the others with the number of their run in their name."""
    places: dict[Setting, list[Numbered]] = {}
    for baseline in baselines:
        places.setdefault(baseline.setting, []).append(baseline)
    names = [setting.name for setting in places]
    found = []
    for setting, those in places.items():
        label = listed([baseline.label for baseline in those])
        unclear = names.count(setting.name) > 1
        name = f"{setting.name} ({those[0].run + 1})" if unclear else setting.name
        found.append(replace(those[0], label=label, setting=replace(setting, name=name)))
    return found


def _numbers(found: Scatter, x: Scale, y: Scale) -> list[Mapping[str, object]]:
    """The numbers of the points on the fronts, each with a line to its point."""
    front = [_place(point, x, y) for point in found.front]
    lines = [place for ends in pairwise(front) for place in _along(*ends)]
    points = [_place(point, x, y) for point in (*found.points, *found.baselines)]
    at = labels.placed(front, [*points, *lines], ((LEFT, RIGHT), (TOP - 8, BOTTOM)))
    return [
        {"run": point.run, "number": point.number, "from": start, "at": end}
        for point, start, end in zip(found.front, front, at, strict=True)
    ]


def _along(one: labels.Place, other: labels.Place) -> list[labels.Place]:
    """Places on the line between two points, which numbers had better not cover."""
    shares = (part / 12 for part in range(1, 12))
    return [(one[0] + (other[0] - one[0]) * s, one[1] + (other[1] - one[1]) * s) for s in shares]


def _numbered(run: int, of: Run, found: Sequence[Setting], taken: int) -> list[Numbered]:
    front = sorted((s for s in found if s.front), key=lambda s: (s.leakage.mean, s.style.mean))
    numbers = {setting.name: taken + i + 1 for i, setting in enumerate(front)}
    return [Numbered(run, of.label, setting, numbers.get(setting.name)) for setting in found]


def _placed(point: Numbered, style: MetricInfo, x: Scale, y: Scale) -> Mapping[str, object]:
    setting = point.setting
    left, right = (x(v) for v in setting.leakage.ends)
    low, high = (y(v) for v in setting.style.ends)
    across, up = _place(point, x, y)
    return {
        "run": point.run,
        "front": setting.front,
        "name": setting.name,
        "x": across,
        "y": up,
        "left": left,
        "right": right,
        "low": low,
        "high": high,
        "end": across > (LEFT + RIGHT) / 2,
        "title": f"{point.label}, {_told(setting, style)}",
    }


def _place(point: Numbered, x: Scale, y: Scale) -> tuple[float, float]:
    return x(point.setting.leakage.mean), y(point.setting.style.mean)


def _told(setting: Setting, style: MetricInfo) -> str:
    return (
        f"{setting.name}: {style.name} {interval(setting.style)}, "
        f"leakage {interval(setting.leakage)}."
    )
