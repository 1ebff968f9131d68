"""Reading the two tables of a run folder: its cells, and its baselines."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from remixlab.errors import InvalidConfig
from remixlab.sweep.report.contents import (
    BASELINES,
    Baseline,
    Cell,
    Dimension,
    MetricInfo,
    is_number,
)
from remixlab.sweep.store import flat, read_journal

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")  # part of a picture's file name


def read_cells(
    folder: Path, dimensions: Sequence[Dimension], metrics: Sequence[MetricInfo]
) -> tuple[Cell, ...]:
    """The cells of a run, each with its place in the grid.

    They are those of `cells.parquet`, which a finished sweep writes, or else of its journal.

    Raises InvalidConfig, naming the path: not readable, a column missing, or cells outside the
    grid or twice in it.
    """
    path, rows = _finished_or_not(folder, metrics)
    axes = [axis for dimension in dimensions for axis in dimension.axes]
    _check_columns(path, rows, ["id", *axes, *(metric.name for metric in metrics)])
    steps = [{values: i for i, values in enumerate(d.values)} for d in dimensions]
    cells: dict[tuple[int, ...], Cell] = {}
    for row in rows:
        places = [
            step.get(tuple(row[axis] for axis in dimension.axes))
            for step, dimension in zip(steps, dimensions, strict=True)
        ]
        at = tuple(place for place in places if place is not None)
        if len(at) < len(places) or at in cells:
            _refuse(path, f"every cell of sweep.json's grid once; {row['id']!r} is not of them")
        cells[at] = Cell(
            id=_checked_id(path, row["id"]),
            at=at,
            values={axis: row[axis] for axis in axes},
            scores=_scores(path, row, metrics),
            warnings=tuple(str(warning) for warning in row.get("warnings") or ()),
        )
    return tuple(cells[at] for at in sorted(cells))


def read_baselines(path: Path, metrics: Sequence[MetricInfo]) -> tuple[Baseline, ...]:
    """The rows of `baselines.parquet`, none where the file is missing.

    A metric without a column has no baseline: not every score means something for a pasted product.
    """
    if not path.exists():
        return ()
    rows = _rows(path)
    _check_columns(path, rows, ["baseline"])
    for row in rows:
        if row["baseline"] not in BASELINES:
            _refuse(path, f"baselines of these kinds: {', '.join(BASELINES)}")
    return tuple(Baseline(row["baseline"], _scores(path, row, metrics)) for row in rows)


def _finished_or_not(
    folder: Path, metrics: Sequence[MetricInfo]
) -> tuple[Path, list[dict[str, Any]]]:
    """The file with the cells, and its rows; an unfinished sweep has not scored everything yet."""
    table, journal = folder / "cells.parquet", folder / "cells.jsonl"
    if table.is_file() or not journal.is_file():
        return table, _rows(table)
    unscored = {metric.name: None for metric in metrics}
    try:
        return journal, [unscored | flat(row) for row in read_journal(journal)[0]]
    except (KeyError, TypeError) as error:
        _refuse(journal, "a journal that a sweep wrote", error)


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        _refuse(path, "a table that a sweep wrote; there is no such file")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        _refuse(path, f"a table that a sweep wrote ({str(error)[:120]})", error)
    return table.to_pylist()


def _check_columns(path: Path, rows: Sequence[Mapping[str, Any]], needed: Sequence[str]) -> None:
    missing = [name for name in needed if rows and name not in rows[0]]
    if missing:
        _refuse(path, f"a table with the columns {', '.join(missing)}, which are missing")


def _checked_id(path: Path, found: Any) -> str:
    if not isinstance(found, str) or not _ID.fullmatch(found):
        _refuse(path, "ids of letters, digits, hyphens and underscores")
    return found


def _scores(
    path: Path, row: Mapping[str, Any], metrics: Sequence[MetricInfo]
) -> dict[str, float | None]:
    """Finite numbers; null and what is not finite are no scores."""
    scores: dict[str, float | None] = {}
    for metric in metrics:
        value = row.get(metric.name)
        if value is not None and not is_number(value):
            _refuse(path, f"numbers in the column {metric.name}")
        scores[metric.name] = None if value is None or not math.isfinite(value) else float(value)
    return scores


def _refuse(path: Path, accepted: str, cause: Exception | None = None) -> NoReturn:
    raise InvalidConfig(field="report", value=str(path), accepted=accepted) from cause
