"""Writing a report: the page, the Markdown and the plots, from one reading of the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from remixlab.errors import InvalidConfig
from remixlab.files import write_whole
from remixlab.sweep.report.contents import Run
from remixlab.sweep.report.markdown import markdown
from remixlab.sweep.report.page import page
from remixlab.sweep.report.plots import write_plots
from remixlab.sweep.report.read import read_run


def write_report(runs: Sequence[Path], out: Path) -> Path:
    """Write `report.html`, `report.md` and `plots/*.png` about one run or several.

    Args:
        runs: run folders as a sweep leaves them; unfinished ones are shown with their gaps.
        out: the folder to write to, made where it is missing; it may be the run's own.

    Returns:
        The path of `report.html`.

    Raises:
        InvalidConfig: no runs, or one that cannot be read; it names the path.
    """
    if not runs:
        raise InvalidConfig(field="report", value=None, accepted="at least one run folder")
    read = _told_apart([read_run(Path(folder)) for folder in runs])
    plots = write_plots(read, out / "plots")
    write_whole(out / "report.md", markdown(read, plots))
    path = out / "report.html"
    write_whole(path, page(read))
    return path


def _told_apart(runs: Sequence[Run]) -> list[Run]:
    """Runs of one name and model are labelled by their folder too, or else by their place."""
    labels = [run.label for run in runs]
    folders = [f"{run.label}, {run.folder.name}" for run in runs]
    found = []
    for place, run in enumerate(runs):
        label = run.label if labels.count(run.label) == 1 else folders[place]
        if label != run.label and folders.count(label) > 1:
            label = f"{label}, {place + 1}"
        found.append(replace(run, label=label))
    return found
