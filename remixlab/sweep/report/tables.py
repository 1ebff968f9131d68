"""Reading the two tables of a run folder: its cells, and its baselines."""

from __future__ import annotations

import json
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

_NOT_YET = "it was not scored yet"
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")  # part of a picture's file name


def read_cells(
    folder: Path, dimensions: Sequence[Dimension], metrics: Sequence[MetricInfo]
) -> tuple[Cell, ...]:
    """The cells of a run, each with its place in the grid.

    They are those of `cells.parquet`, which a finished sweep writes, or else of its journal. A
    score without a column is missing: it was asked for after the table was written.

    Raises InvalidConfig, naming the path: not readable, a column of an axis missing, or cells
    outside the grid or twice in it.
    """
    path, rows = _finished_or_not(folder)
    axes = [axis for dimension in dimensions for axis in dimension.axes]
    _check_columns(path, rows, ["id", *axes])
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
        scores, missing = _scores(path, row, metrics)
        cells[at] = Cell(
            id=_checked_id(path, row["id"]),
            at=at,
            values={axis: row[axis] for axis in axes},
            scores=scores,
            warnings=tuple(str(warning) for warning in row.get("warnings") or ()),
            missing=missing,
        )
    return tuple(cells[at] for at in sorted(cells))


def read_baselines(path: Path, metrics: Sequence[MetricInfo]) -> tuple[Baseline, ...]:
    """The rows of `baselines.parquet`, none where the file is missing.

    A metric without a column has no baseline: not every score means something for a pasted product.
    """
    scored = [metric.name for metric in metrics]
    if not path.exists():
        return ()
    rows = _rows(path)
    _check_columns(path, rows, ["baseline"])
    for row in rows:
        if row["baseline"] not in BASELINES:
            _refuse(path, f"baselines of these kinds: {', '.join(BASELINES)}")
    found = []
    for row in rows:
        scores, missing = _scores(path, row, metrics)
        told = {name: missing[name] for name in scored if name in row and name in missing}
        found.append(Baseline(row["baseline"], scores, told))
    return tuple(found)


def _finished_or_not(folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """The file with the cells, and its rows."""
    table, journal = folder / "cells.parquet", folder / "cells.jsonl"
    if table.is_file() or not journal.is_file():
        return table, _rows(table)
    try:
        # Later lines have later scores, or, in folders of earlier versions, other settings.
        latest = {_place(row["values"]): row for row in read_journal(journal)[0]}
        return journal, [flat(row) for row in latest.values()]
    except (KeyError, TypeError) as error:
        _refuse(journal, "a journal that a sweep wrote", error)


def _place(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)


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
) -> tuple[dict[str, float | None], dict[str, str]]:
    """Finite numbers, and for each that is none the reason; those of another judge are none."""
    scores: dict[str, float | None] = {}
    missing: dict[str, str] = {}
    reasons, judges = (_texts(path, row, name) for name in ("missing", "judges"))
    for metric in metrics:
        name, value = metric.name, row.get(metric.name)
        if value is not None and not is_number(value):
            _refuse(path, f"numbers in the column {name}")
        judge = judges.get(name, metric.judge)
        scores[name] = None
        if value is None:
            missing[name] = reasons.get(name, _NOT_YET)
        elif not math.isfinite(value):
            missing[name] = f"it is no finite number ({value})"
        elif metric.judge is not None and judge != metric.judge:
            missing[name] = f"{judge} gave it, and {metric.judge} has not scored it yet"
        else:
            scores[name] = float(value)
    return scores, missing


def _texts(path: Path, row: Mapping[str, Any], name: str) -> dict[str, str]:
    """A column of texts by metric, which tables of earlier versions do not have."""
    try:
        return {str(key): str(text) for key, text in dict(row.get(name) or {}).items()}
    except (TypeError, ValueError) as error:
        _refuse(path, f"texts by the name of a score in the column {name}", error)


def _refuse(path: Path, accepted: str, cause: Exception | None = None) -> NoReturn:
    raise InvalidConfig(field="report", value=str(path), accepted=accepted) from cause
