"""The table of a finished sweep: a row a cell, and what only several finished cells can score."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from PIL import Image

from remixlab.metrics.diversity import SeedDiversity
from remixlab.metrics.judged import Missing, judge_together
from remixlab.metrics.metric import Picture
from remixlab.product import cut_out
from remixlab.rows import write_rows
from remixlab.sweep.run import Batch
from remixlab.sweep.scoring import LOST, Scores
from remixlab.sweep.store import Store, flat


def write_table(
    cells: Batch, group_metrics: Sequence[SeedDiversity], store: Store, segmenter: str
) -> None:
    """`cells.parquet`: one row a cell, in the order of the grid, whatever order they came in."""
    rows = {name: dict(store.rows[name]) for name, _ in cells}
    for metric in group_metrics:
        for group in _groups(cells, store, segmenter):
            for name, value in _judged(metric, group).items():
                scores = Scores.of_row(rows[name])
                scores.add(metric, value)
                rows[name] |= scores.as_row()
    write_rows(store.folder / "cells.parquet", [flat(row) for row in rows.values()])


def _judged(
    metric: SeedDiversity, group: Mapping[str, Picture | None]
) -> dict[str, float | Missing]:
    """The score of each cell of a group among those of it whose pictures can be read."""
    there = {name: picture for name, picture in group.items() if picture}
    values = judge_together(metric, list(there.values()))
    return dict.fromkeys(group, LOST) | dict(zip(there, values, strict=True))


def _groups(cells: Batch, store: Store, segmenter: str) -> Iterator[dict[str, Picture | None]]:
    """Cells that differ in their seed alone, with their pictures; one group in memory at a time."""
    groups: dict[str, Batch] = {}
    for name, cell in cells:
        others = {k: v for k, v in cell.values.items() if k != "seed"}
        groups.setdefault(json.dumps(others, default=str), []).append((name, cell))
    for group in groups.values():
        alpha = cut_out(group[0][1].request.product, segmenter).alpha  # all have the same product
        backgrounds = {name: store.read(name, "background") for name, _ in group}
        yield {
            name: Picture(background, Image.fromarray(alpha)) if background else None
            for name, background in backgrounds.items()
        }
