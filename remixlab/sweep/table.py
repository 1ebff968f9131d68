"""The table of a finished sweep: a row a cell, and what only several finished cells can score."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from PIL import Image

from remixlab.metrics.diversity import SeedDiversity
from remixlab.metrics.judged import judge_together
from remixlab.metrics.metric import Picture
from remixlab.product import cut_out
from remixlab.sweep.run import Batch
from remixlab.sweep.scoring import Scores
from remixlab.sweep.store import Store, flat, write_rows


def write_table(
    cells: Batch, group_metrics: Sequence[SeedDiversity], store: Store, segmenter: str
) -> None:
    """`cells.parquet`: one row a cell, in the order of the grid, whatever order they came in."""
    rows = {name: dict(store.rows[name]) for name, _ in cells}
    for metric in group_metrics:
        for group, pictures in _groups(cells, store, segmenter):
            for name, value in zip(group, judge_together(metric, pictures), strict=True):
                scores = Scores.of_row(rows[name])
                scores.add(metric, value)
                rows[name] |= scores.as_row()
    write_rows(store.folder / "cells.parquet", [flat(row) for row in rows.values()])


def _groups(
    cells: Batch, store: Store, segmenter: str
) -> Iterator[tuple[list[str], list[Picture]]]:
    """Cells that differ in their seed alone, with their pictures; one group in memory at a time."""
    groups: dict[str, Batch] = {}
    for name, cell in cells:
        others = {k: v for k, v in cell.values.items() if k != "seed"}
        groups.setdefault(json.dumps(others, default=str), []).append((name, cell))
    for group in groups.values():
        alpha = cut_out(group[0][1].request.product, segmenter).alpha  # all have the same product
        names = [name for name, _ in group]
        yield names, [Picture(_background(store, n), Image.fromarray(alpha)) for n in names]


def _background(store: Store, name: str) -> Image.Image:
    with Image.open(store.picture(name, "background")) as picture:
        return picture.convert("RGB")
