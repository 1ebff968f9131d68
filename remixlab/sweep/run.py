"""Making the cells of a sweep in batches: what is done is skipped, what is done is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)

from remixlab.denoise.loop import OnStep
from remixlab.metrics.metric import Metric, Picture
from remixlab.prepare import picture_key
from remixlab.provenance import describe
from remixlab.remix import Remixer
from remixlab.request import RemixRequest, RemixResult
from remixlab.sweep.grid import Cell, cell_id
from remixlab.sweep.identity import shared_definition
from remixlab.sweep.scoring import Scores, score
from remixlab.sweep.store import Store

Batch = list[tuple[str, Cell]]


@dataclass(frozen=True)
class Made:
    """A finished cell: its row, its pictures by name, and the text that their files carry."""

    row: dict[str, Any]
    pictures: dict[str, Image.Image]
    text: dict[str, str]


Executor = Callable[[Sequence[Batch]], Iterator[list[Made]]]
"""Makes batches, wherever, and gives back what is finished in whatever order."""


class RateColumn(ProgressColumn):
    """Cells a second."""

    def render(self, task: Task) -> str:
        """The speed over the last half minute or so."""
        return f"{task.speed:.2f}/s" if task.speed else ""


COLUMNS = (
    TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), RateColumn(),
    TimeRemainingColumn(),
)  # fmt: skip


def named(remixer: Remixer, cells: Sequence[Cell]) -> Batch:
    """Every cell with its id."""
    return [(cell_id(definition(remixer, cell)), cell) for cell in cells]


def run_sweep(
    remixer: Remixer,
    cells: Batch,
    metrics: Sequence[Metric],
    store: Store,
    executor: Executor | None = None,
) -> None:
    """Make every cell that `store` does not have yet, score it and keep it.

    Cells of one size are remixed together, `runtime.batch_size` at a time, those of one seed side
    by side, because they share their first step, and those that mean one picture beside each other,
    because it is made once. `executor` makes the batches elsewhere; None
    makes them here, one after the other.
    """
    missing = [(name, cell) for name, cell in cells if name not in store]
    parts = list(batches(remixer, missing))
    made = executor(parts) if executor else _one_by_one(remixer, parts, metrics)
    with Progress(*COLUMNS) as progress:
        task = progress.add_task("cells", total=len(cells), completed=len(cells) - len(missing))
        for some in made:
            for one in some:
                store.add(one.row, one.pictures, one.text)
            progress.advance(task, len(some))


def make(
    remixer: Remixer,
    batch: Batch,
    metrics: Sequence[Metric],
    *,
    on_step: OnStep | None = None,
) -> Iterator[list[Made]]:
    """Remix and score a batch: at once, or in halves where it does not fit the memory."""
    left = batch
    for results in remix_parts(remixer, [cell.request for _, cell in batch], on_step=on_step):
        part, left = left[: len(results)], left[len(results) :]
        pictures = [
            Picture.of(cell.request, result)
            for (_, cell), result in zip(part, results, strict=True)
        ]
        together = [name for name, _ in part]
        yield [
            _made(named_cell, result, scores, together)
            for named_cell, result, scores in zip(
                part, results, score(metrics, pictures), strict=True
            )
        ]


def definition(remixer: Remixer, cell: Cell) -> dict[str, Any]:
    """All that decides what a cell's picture looks like, the precision included; no device."""
    described = describe(cell.request, remixer.suite, remixer.config)
    shared = shared_definition(described["config"], described["suite"], described["dtype"])
    return {"request": described["request"], **shared}


def batches(remixer: Remixer, cells: Sequence[tuple[str, Cell]]) -> Iterator[Batch]:
    """Cells that can be remixed together, those of one seed and one picture side by side."""
    first: dict[Any, int] = {}
    for _, cell in cells:
        first.setdefault(picture_key(cell.request), cell.number)
    groups: dict[tuple[int, int], Batch] = {}
    for name, cell in cells:
        size = remixer.native_size(cell.request)
        groups.setdefault(size, []).append((name, cell))
    limit = remixer.config.runtime.batch_size
    for group in groups.values():
        group.sort(key=lambda item: _order(item[1], first))
        yield from (group[i : i + limit] for i in range(0, len(group), limit))


def _order(cell: Cell, first: Mapping[Any, int]) -> tuple[int, int, int]:
    return cell.request.seed, first[picture_key(cell.request)], cell.number


def remix_parts(
    remixer: Remixer, requests: Sequence[RemixRequest], *, on_step: OnStep | None = None
) -> Iterator[list[RemixResult]]:
    """Remix all together, or in halves, one after the other, where they do not fit the memory."""
    try:
        yield remixer.remix_batch(requests, on_step=on_step)
    except (torch.OutOfMemoryError, MemoryError):
        if len(requests) == 1:
            raise
        torch.cuda.empty_cache()
        half = len(requests) // 2
        yield from remix_parts(remixer, requests[:half], on_step=on_step)
        yield from remix_parts(remixer, requests[half:], on_step=on_step)


def _one_by_one(
    remixer: Remixer, parts: Sequence[Batch], metrics: Sequence[Metric]
) -> Iterator[list[Made]]:
    for part in parts:
        yield from make(remixer, part, metrics)


def _made(
    named_cell: tuple[str, Cell],
    result: RemixResult,
    scores: Scores,
    together: Sequence[str],
) -> Made:
    name, cell = named_cell
    row = {
        "id": name,
        "values": dict(cell.values),
        **scores.as_row(),
        "warnings": list(result.warnings),
        "batch": list(together),  # bit-identical again only beside the same ones
    }
    return Made(row, {"image": result.image, "background": result.background}, result.png_text())
