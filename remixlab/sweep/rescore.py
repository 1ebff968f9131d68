"""Scoring pictures that are there: scores added later, or given by another scorer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image
from rich.console import Console
from rich.progress import Progress

from remixlab.metrics.judged import judge
from remixlab.metrics.metric import Metric, Picture
from remixlab.product import cut_out
from remixlab.sweep.grid import Cell
from remixlab.sweep.run import COLUMNS, Batch
from remixlab.sweep.scoring import LOST, Scores
from remixlab.sweep.store import Store

_TOGETHER = 16  # pictures in memory


def rescore(
    store: Store, cells: Batch, metrics: Sequence[Metric], segmenter: str, *, anew: bool = False
) -> None:
    """Give finished cells the scores that they lack; with `anew`, all of them again.

    A score is lacking where it was never given, failed, or was given by another network. Every
    cell is kept once it is scored, so a kill loses a handful. Where a picture cannot be read, a
    score that is there stays.
    """
    lacking = [item for item in cells if _lacked(store, item[0], metrics, anew)]
    masks: dict[int, Image.Image] = {}
    with Progress(*COLUMNS, console=Console(stderr=True), disable=not lacking) as progress:
        task = progress.add_task("scores", total=len(lacking))
        for part in _parts(store, lacking, metrics, anew):
            wanted = _lacked(store, part[0][0], metrics, anew)
            for name, scores in _scored(store, part, wanted, segmenter, masks):
                store.rescore(name, scores)
            progress.advance(task, len(part))


def _lacked(store: Store, name: str, metrics: Sequence[Metric], anew: bool) -> list[Metric]:
    scores = Scores.of_row(store.rows[name]) if name in store else None
    return [metric for metric in metrics if scores and (anew or scores.lacks(metric))]


def _parts(store: Store, cells: Batch, metrics: Sequence[Metric], anew: bool) -> Iterator[Batch]:
    """Cells that lack the same scores, a few at a time."""
    groups: dict[tuple[str, ...], Batch] = {}
    for item in cells:
        names = tuple(metric.name for metric in _lacked(store, item[0], metrics, anew))
        groups.setdefault(names, []).append(item)
    for group in groups.values():
        yield from (group[i : i + _TOGETHER] for i in range(0, len(group), _TOGETHER))


def _scored(
    store: Store,
    part: Batch,
    metrics: Sequence[Metric],
    segmenter: str,
    masks: dict[int, Image.Image],
) -> Iterator[tuple[str, Scores]]:
    found = {name: _picture(store, name, cell, segmenter, masks) for name, cell in part}
    pictures = [picture for picture in found.values() if picture]
    kept = {name: Scores.of_row(store.rows[name]) for name in found}
    for metric in metrics:
        values = iter(judge(metric, pictures))
        for name, picture in found.items():
            if picture:
                kept[name].add(metric, next(values))
            elif kept[name].values.get(metric.name) is None:
                kept[name].add(metric, LOST)
    yield from kept.items()


def _picture(
    store: Store, name: str, cell: Cell, segmenter: str, masks: dict[int, Image.Image]
) -> Picture | None:
    """What was kept of a cell, as the scores see it; None where that cannot be read."""
    product = cell.request.product
    if id(product) not in masks:
        masks[id(product)] = Image.fromarray(cut_out(product, segmenter).alpha)
    image, background = store.read(name, "image"), store.read(name, "background")
    if image is None or background is None:
        return None
    return Picture.made(cell.request, masks[id(product)], image, background)
