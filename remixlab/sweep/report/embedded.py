"""The data inside the page: what its scripts read, and the table that it offers to download."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from remixlab.sweep.report.contents import Dimension, Run
from remixlab.sweep.report.pictures import data_url, path_of

# Whatever could end the script element, start a comment in it, or a line in older JavaScript.
_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_script(data: Any) -> Markup:
    """JSON that is safe as the text of a script element."""
    return Markup(json.dumps(data, ensure_ascii=False, allow_nan=False).translate(_UNSAFE))


def data_of(run: Run, side: int) -> tuple[dict[str, Any], int]:
    """What the page's scripts need of a run, and how many of its pictures cannot be read."""
    urls = {cell.id: data_url(path_of(run.folder, cell), side) for cell in run.cells}
    cells = [
        {
            "id": cell.id,
            "at": cell.at,
            "picture": urls[cell.id],
            "scores": cell.scores,
            "missing": cell.missing,
            "warnings": cell.warnings,
        }
        for cell in run.cells
    ]
    described = {
        "label": run.label,
        "folder": run.folder.name,
        "dimensions": [_dimension(dimension) for dimension in run.dimensions],
        "axes": default_axes(run.dimensions),
        "metrics": [{"name": m.name, "unit": m.unit} for m in run.metrics],
        "cells": cells,
        "csv": csv_text(run),
    }
    return described, sum(url is None for url in urls.values())


def default_axes(dimensions: Sequence[Dimension]) -> tuple[int, int]:
    """Which dimensions lie across and down at first; -1 where there is none left that varies."""
    varied = [i for i, dimension in enumerate(dimensions) if len(dimension.values) > 1]
    wanted = [
        next((i for i in varied if axis in dimensions[i].axes), -1)
        for axis in ("style_fidelity", "outline_fidelity")
    ]
    if -1 not in wanted and wanted[0] != wanted[1]:
        return wanted[0], wanted[1]
    longest = sorted(varied, key=lambda i: -len(dimensions[i].values))
    across, down, *_ = [*longest, -1, -1]
    return across, down


def csv_text(run: Run) -> str:
    """All cells as CSV with a header.

    Text that a spreadsheet would take for a formula has a ' before it.
    """
    axes = [axis for dimension in run.dimensions for axis in dimension.axes]
    metrics = [metric.name for metric in run.metrics]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(["id", *axes, *metrics, "missing", "warnings"])
    for cell in run.cells:
        scores: Mapping[str, float | None] = cell.scores
        row = [cell.id, *(cell.values[a] for a in axes), *(scores[m] for m in metrics)]
        reasons = (f"{name}: {reason}" for name, reason in cell.missing.items())
        texts = [" | ".join(part) for part in (reasons, cell.warnings)]
        writer.writerow([_plain(value) for value in [*row, *texts]])
    return buffer.getvalue()


def _dimension(dimension: Dimension) -> dict[str, Any]:
    return {"name": dimension.name, "labels": dimension.labels, "numeric": dimension.numeric}


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
