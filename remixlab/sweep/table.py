"""The table of a finished sweep: a row a cell, and what only several finished cells can score."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from PIL import Image

from remixlab.metrics.diversity import SeedDiversity
from remixlab.metrics.metric import Picture
from remixlab.product import cut_out
from remixlab.remix import Remixer
from remixlab.rows import write_rows
from remixlab.sweep.run import Batch
from remixlab.sweep.store import Store, flat


def write_table(
    remixer: Remixer, cells: Batch, group_metrics: Sequence[SeedDiversity], store: Store
) -> None:
    """`cells.parquet`: one row a cell, in the order of the grid, whatever order they came in."""
    rows = {name: flat(store.rows[name]) for name, _ in cells}
    for metric in group_metrics:
        for group, pictures in _groups(cells, store, remixer.config.segmenter):
            for name, value in zip(group, metric.score(pictures), strict=True):
                rows[name][metric.name] = value
    write_rows(store.folder / "cells.parquet", list(rows.values()))


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
