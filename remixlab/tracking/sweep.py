"""A sweep's run folder for a tracker."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from statistics import fmean

from PIL import Image

from remixlab import images
from remixlab.sheet import make_grid
from remixlab.sweep.report.contents import Run, value_label
from remixlab.sweep.report.estimates import cells_by, curve
from remixlab.sweep.report.overview import missing
from remixlab.sweep.report.pictures import path_of
from remixlab.sweep.report.read import read_run
from remixlab.tracking.facts import Facts, Point, settings_of, tags_of, there

STEPS = 1000  # a step of MLflow's is a whole number: a dial's value in thousandths
_FILES = ("report.html", "report.md", "sweep.json", "config.yaml", "env.json")
_TABLES = ("cells.parquet", "baselines.parquet")
_SIDE, _MOST = 192, 400  # pixels of an overview's pictures, and how many it may have


def sweep_facts(folder: Path, count: int) -> Facts:
    """What a sweep found, with the pictures of `count` cells, finished or not.

    Raises InvalidConfig for a folder that cannot be read; it names the path.
    """
    run = read_run(folder)
    axes = {d.axes: zip(*d.values, strict=True) for d in run.dimensions}
    values = {f"axes.{n}": v for names, cs in axes.items() for n, v in zip(names, cs, strict=True)}
    overview = _overview(run)
    return Facts(
        kind="fidelity",
        complete=len(run.cells) == run.planned,
        settings=settings_of(folder)
        | {"dtype": str(run.provenance.get("dtype", "unknown")), "cells": str(run.planned)}
        | {name: json.dumps(column) for name, column in values.items()},
        points=(Point("cells", len(run.cells)), *_means(run), *_curves(run)),
        tags=tags_of(
            run.provenance,
            created=run.created,
            licence=run.licence,
            notes=" ".join(run.notes),
            missing=" ".join(missing(run)) or "none",
        ),
        files={
            "": there(folder, *_FILES, *_TABLES),
            "plots": sorted((folder / "plots").glob("*.png")),
            "images": _pictures(run, count),
        },
        pictures={"images/overview.png": overview} if overview else {},
    )


def _means(run: Run) -> Iterator[Point]:
    """The mean of every score over all cells."""
    for metric in run.metrics:
        scores = [c.scores[metric.name] for c in run.cells]
        found = [score for score in scores if score is not None]
        if found:
            yield Point(metric.name, fmean(found))


def _curves(run: Run) -> Iterator[Point]:
    """The mean of every score at each value of each dial, as in the report."""
    for dial in run.dials:
        for metric in run.metrics:
            for step in curve(run, metric.name, dial):
                if step.estimate is not None:
                    place = round(STEPS * step.value)
                    yield Point(f"{metric.name}/{dial}", step.estimate.mean, place)


def _pictures(run: Run, count: int) -> list[Path]:
    """The pictures of `count` cells, evenly spread from the first to the last."""
    paths = [path for path in (path_of(run.folder, cell) for cell in run.cells) if path.is_file()]
    if len(paths) <= count:
        return paths
    return [paths[round(i * (len(paths) - 1) / max(1, count - 1))] for i in range(count)]


def _overview(run: Run) -> Image.Image | None:
    """The first two dials against each other, all else at its first value; None without a dial."""
    if not run.dials:
        return None
    x = run.dials[0]
    own = run.dimension_of(x)
    y = next((dial for dial in run.dials if run.dimension_of(dial) is not own), None)
    places = [run.dimensions.index(run.dimension_of(dial)) for dial in (x, y) if dial]
    shown = [c for c in run.cells if all(at == 0 for i, at in enumerate(c.at) if i not in places)]
    made = {(c.values[x], c.values[y] if y else None): path_of(run.folder, c) for c in shown}
    columns, rows = list(cells_by(run, x)), list(cells_by(run, y)) if y else [None]
    if not made or len(columns) * len(rows) > _MOST:
        return None
    grid = [[_small(made.get((column, row))) for column in columns] for row in rows]
    size = next((picture.size for picture in chain.from_iterable(grid) if picture), None)
    if size is None:
        return None
    return make_grid(grid, columns=_labels(x, columns), rows=_labels(y, rows), cell=size)


def _small(path: Path | None) -> Image.Image | None:
    if path is None or not path.is_file():
        return None
    picture = images.flatten(images.decode(path, field="run"))
    return images.resize(picture, images.reduced(picture.size, _SIDE))


def _labels(dial: str | None, values: Sequence[float | None]) -> list[str]:
    return [f"{dial} {value_label(value)}" if dial else "" for value in values]
