"""The curves and the Pareto front as PNG files for papers, 3.3 inches wide (one column)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remixlab.files import whole
from remixlab.sweep.report import overview, pareto
from remixlab.sweep.report.contents import Run
from remixlab.sweep.report.curves import Curves, curves
from remixlab.sweep.report.scatter import Numbered, Scatter, scatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (3.3, 2.4)
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # Okabe and Ito 2008, colour-blind safe
_MARKERS = ("o", "s", "^", "D")
_GREY = "#666666"
_LABEL_HEIGHT = 0.12  # of two lines of text, as a share of the axes
_DASHES = {"blurred_reference": (0, (5, 2)), "mean_colour": (0, (1.5, 2))}
_STYLE: Any = {
    "font.size": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.5,
    "legend.frameon": False,
    "savefig.dpi": 300,
    "text.parse_math": False,  # names come from data, and a dollar sign is no formula
}


def write_plots(runs: Sequence[Run], folder: Path) -> list[str]:
    """Write `METRIC_DIAL.png` for every curve and `pareto.png`; returns the names of the files."""
    names = []
    for dial in overview.dials(runs):
        for metric in overview.metrics(runs):
            found = curves(runs, metric, dial)
            if found:
                names.append(f"{metric.name}_{dial}.png")
                with _axes(folder / names[-1]) as axes:
                    _draw_curves(axes, found)
    style = pareto.style_metric(runs)
    found = scatter(runs, style) if style else None
    if found:
        names.append("pareto.png")
        with _axes(folder / names[-1]) as axes:
            _draw_scatter(axes, found)
    return names


@contextmanager
def _axes(path: Path) -> Iterator[Axes]:
    """Axes to draw on, which are written to `path` afterwards.

    matplotlib takes a second to import and is needed here alone.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.add_subplot()
        with whole(path) as partial:
            figure.savefig(partial)


def _draw_curves(axes: Axes, found: Curves) -> None:
    for line in found.lines:
        x = [value for value, _ in line.points]
        y = [e.mean for _, e in line.points]
        reach = [[abs(end - e.mean) for end in e.ends] for _, e in line.points]
        colour, marker = _look(line.run)
        axes.errorbar(
            x, y, list(zip(*reach, strict=True)), color=colour, marker=marker, elinewidth=0.8,
            label=f"{line.run + 1}. {line.label}",
        )  # fmt: skip
    for level in found.levels:
        axes.axhline(level.value, color=_GREY, linewidth=0.8, linestyle=_DASHES[level.kind])
    _label_levels(axes, found)
    axes.set_xlabel(found.dial)
    axes.set_ylabel(overview.with_unit(found.metric))
    if len(found.lines) > 1:
        axes.legend(fontsize=6)


def _label_levels(axes: Axes, found: Curves) -> None:
    """Names of the baselines at the right of the axes, each below the one before it."""
    low, high = axes.get_ylim()
    free = 1.05
    for level in sorted(found.levels, key=lambda level: -level.value):
        height = min((level.value - low) / (high - low), free)
        free = height - _LABEL_HEIGHT
        axes.text(
            1.015, height, level.label.replace(" ", "\n", 1), transform=axes.transAxes, va="center",
            color=_GREY, fontsize=6,
        )  # fmt: skip


def _draw_scatter(axes: Axes, found: Scatter) -> None:
    runs = dict.fromkeys(point.run for point in found.points)
    for run in runs:
        for point in found.points:
            if point.run == run:
                _draw_setting(axes, point)
        front = [point.setting for point in found.front if point.run == run]
        colour, marker = _look(run)
        x, y = [s.leakage.mean for s in front], [s.style.mean for s in front]
        axes.plot(x, y, color=colour, linewidth=0.9)
        label = next(point.label for point in found.points if point.run == run)
        axes.plot([], [], color=colour, marker=marker, label=f"{run + 1}. {label}")
    _draw_baselines(axes, found)
    axes.set_xlabel("leakage (lower is better)")
    axes.set_ylabel(f"{overview.with_unit(found.style)}\n({found.style.direction})")
    if len(runs) > 1:
        axes.legend(fontsize=6)


def _draw_setting(axes: Axes, point: Numbered) -> None:
    """A point with its intervals; those of the front lie over the others."""
    style, leakage = point.setting.style, point.setting.leakage
    colour, marker = _look(point.run)
    front = point.setting.front
    look: Any = {"color": colour if front else "#b0b0b0", "zorder": 3 if front else 2}
    axes.plot(leakage.ends, [style.mean] * 2, linewidth=0.5, **look)
    axes.plot([leakage.mean] * 2, style.ends, linewidth=0.5, **look)
    axes.plot(leakage.mean, style.mean, marker=marker, linestyle="", **look)


def _draw_baselines(axes: Axes, found: Scatter) -> None:
    for point in found.baselines:
        place = point.setting.leakage.mean, point.setting.style.mean
        axes.plot(*place, color="black", marker="x", linestyle="", zorder=4)
        left = place[0] > sum(axes.get_xlim()) / 2
        axes.annotate(
            point.setting.name, place, xytext=(-4 if left else 4, 0), textcoords="offset points",
            ha="right" if left else "left", va="center", color=_GREY, fontsize=6,
        )  # fmt: skip


def _look(run: int) -> tuple[str, str]:
    return _COLOURS[run % len(_COLOURS)], _MARKERS[run % len(_MARKERS)]
