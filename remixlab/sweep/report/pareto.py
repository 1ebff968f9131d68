"""Style against leakage: which settings of the dials give the most of one for the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from remixlab.sweep.report.contents import BASELINES, Cell, MetricInfo, Run, value_label
from remixlab.sweep.report.estimates import Estimate, baseline, estimate, sample_places

LEAKAGE = "leakage"
STYLES = ("clip_style", "lab_wasserstein")  # the first of them that was scored


@dataclass(frozen=True)
class Setting:
    """One setting of all dials that vary; `front` means that no other is better at both."""

    name: str
    style: Estimate
    leakage: Estimate
    front: bool = False


def style_metric(runs: Sequence[Run]) -> MetricInfo | None:
    """The style score that every run with cells has; None where there is none, or no leakage."""
    scored = [
        {m.name: m for m in run.metrics if any(c.scores[m.name] is not None for c in run.cells)}
        for run in runs
        if run.metrics and run.cells
    ]
    if not scored or not all(LEAKAGE in metrics for metrics in scored):
        return None
    return next((scored[0][s] for s in STYLES if all(s in metrics for metrics in scored)), None)


def settings(run: Run, style: MetricInfo) -> list[Setting]:
    """Every setting that was scored, in the order of the grid."""
    dialled = [i for i, dimension in enumerate(run.dimensions) if dimension.dials]
    groups: dict[tuple[int, ...], list[Cell]] = defaultdict(list)
    for cell in run.cells:
        groups[tuple(cell.at[i] for i in dialled)].append(cell)
    samples = sample_places(run)
    found = []
    for cells in groups.values():
        ends = estimate(cells, style.name, samples), estimate(cells, LEAKAGE, samples)
        if ends[0] and ends[1]:
            found.append(Setting(_name(run, cells[0]), ends[0], ends[1]))
    return _with_front(found, 1 if style.better == "higher" else -1)


def baseline_settings(run: Run, style: MetricInfo) -> list[Setting]:
    """The baselines that have both scores."""
    found = []
    for kind, name in BASELINES.items():
        ends = baseline(run, kind, style.name), baseline(run, kind, LEAKAGE)
        if ends[0] and ends[1]:
            found.append(Setting(name, ends[0], ends[1]))
    return found


def _with_front(found: Sequence[Setting], sign: int) -> list[Setting]:
    """Marks the settings that no other dominates; with `sign` more style is better."""
    points = [(sign * setting.style.mean, -setting.leakage.mean) for setting in found]
    return [
        replace(setting, front=not any(_dominates(other, own) for other in points))
        for setting, own in zip(found, points, strict=True)
    ]


def _dominates(other: tuple[float, float], own: tuple[float, float]) -> bool:
    return other != own and other[0] >= own[0] and other[1] >= own[1]


def _name(run: Run, cell: Cell) -> str:
    dials = [f"{dial} {value_label(cell.values[dial])}" for dial in run.dials]
    return ", ".join(dials) or "the only setting"
