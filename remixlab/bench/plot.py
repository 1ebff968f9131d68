"""The stages of a remix, stacked by size, against the floor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from remixlab.files import whole
from remixlab.request import SIZES

_STYLE: Any = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}
# Okabe and Ito 2008, and greys for what takes little: colour-blind safe.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999", "#444444")


def plot_stages(
    stages: Mapping[str, Mapping[str, float]], floors: Mapping[str, float], path: Path
) -> None:
    """Write a bar for each size, its stages stacked, the largest first, and a line at its floor."""
    import matplotlib  # takes a second to import

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = list(stages)
    totals = {s: sum(stages[size][s] for size in sizes) for s in stages[sizes[0]]}
    ordered = sorted(totals, key=lambda stage: -totals[stage])
    with pyplot.rc_context(_STYLE):
        figure, axes = pyplot.subplots(figsize=(6.6, 3.2), layout="constrained")
        below = [0.0] * len(sizes)
        for stage, colour in zip(ordered, _COLOURS, strict=False):
            heights = [stages[size][stage] for size in sizes]
            axes.bar(range(len(sizes)), heights, 0.7, bottom=below, label=stage, color=colour)
            below = [b + h for b, h in zip(below, heights, strict=True)]
        for place, size in enumerate(sizes):
            line = axes.hlines(floors[size], place - 0.45, place + 0.45, color="black", lw=1.5)
            line.set_label("floor" if place == 0 else "")
        axes.set_xticks(range(len(sizes)), [f"{SIZES[s].width}x{SIZES[s].height}" for s in sizes])
        axes.set_ylabel("seconds (median)")
        axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
        with whole(path) as partial:
            figure.savefig(partial, dpi=200)
        pyplot.close(figure)
