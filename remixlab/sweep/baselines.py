"""Two pictures that need no model, so that a reader sees the floor and the ceiling of each score.

The product on the blurred reference copies its style and whatever is in it; on the mean colour of
the reference nothing is copied, and nothing is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageFilter

from remixlab import images
from remixlab.files import write_whole
from remixlab.metrics.judged import judge
from remixlab.metrics.metric import Metric, Picture
from remixlab.product import composite, cut_out
from remixlab.rows import write_rows
from remixlab.sweep.grid import Cell, cell_id
from remixlab.sweep.scoring import Scores

_NAMES = ("product_image", "ref_image", "prompt")
_BLUR = 1 / 64  # of the longer side: shapes stay, fine textures go


@dataclass(frozen=True)
class Baseline:
    """One picture without a model: its kind, and what it was made from."""

    id: str
    kind: str
    cell: Cell
    picture: Picture


def write_baselines(
    folder: Path,
    cells: Sequence[Cell],
    metrics: Sequence[Metric],
    segmenter: str,
    *,
    anew: bool = False,
) -> None:
    """Make, score and keep both baselines of every product, reference and prompt.

    `baselines.parquet` has a row for each. What was scored before stays, but for scores that are
    missing yet or were given by another network; `anew` scores all of it again.
    """
    target = folder / "baselines.parquet"
    kept = _kept(target)
    if kept and not anew and not any(s.lacks(m) for s in kept.values() for m in metrics):
        return
    rows = []
    for baseline in make_baselines(cells, segmenter):
        path = folder / "images" / f"{baseline.id}_image.png"
        if not path.exists():
            write_whole(path, images.encode_png(baseline.picture.needed("image")))
        scores = kept.get(baseline.id, Scores())
        for metric in metrics:
            if anew or scores.lacks(metric):
                scores.add(metric, judge(metric, [baseline.picture])[0])
        values = {name: baseline.cell.values.get(name) for name in _NAMES}
        about = {"id": baseline.id, "baseline": baseline.kind, **values}
        last = {"missing": scores.missing, "judges": scores.judges}
        rows.append({**about, **scores.values, **last})
    if rows:
        write_rows(target, rows)


def _kept(path: Path) -> dict[str, Scores]:
    """The scores of the baselines that are there; a table that cannot be read is made anew."""
    try:
        rows = pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError):
        return {}
    return {str(row.get("id")): _scores(row) for row in rows}


def _scores(row: Mapping[str, Any]) -> Scores:
    others = {"id", "baseline", *_NAMES, "missing", "judges"}
    values = {name: value for name, value in row.items() if name not in others}
    return Scores(values, dict(row.get("missing") or ()), dict(row.get("judges") or ()))


def make_baselines(cells: Sequence[Cell], segmenter: str) -> Iterator[Baseline]:
    """Both kinds, once for every product, reference and prompt among the cells."""
    seen: set[str] = set()
    for cell in cells:
        if cell.request.reference is None:
            continue
        key = {name: cell.values.get(name) for name in _NAMES}
        for kind, ground in _GROUNDS.items():
            identity = cell_id({"baseline": kind, **key})
            if identity not in seen:
                seen.add(identity)
                yield Baseline(identity, kind, cell, _picture(cell, ground, segmenter))


def _picture(cell: Cell, ground: Callable[[Image.Image], Image.Image], segmenter: str) -> Picture:
    request = cell.request
    assert request.reference is not None
    product = cut_out(request.product, segmenter)
    background = images.resize(ground(request.reference), product.size)
    image = composite(product, background)
    return Picture(
        # A model paints the product too, before it is laid over once more.
        background=image,
        mask=Image.fromarray(product.alpha),
        image=image,
        product=Image.fromarray(product.rgba),
        reference=request.reference,
        prompt=request.prompt,
    )


def _blurred(reference: Image.Image) -> Image.Image:
    return reference.filter(ImageFilter.GaussianBlur(_BLUR * max(reference.size)))


def _mean_colour(reference: Image.Image) -> Image.Image:
    return images.resize(images.resize(reference, (1, 1)), (64, 64))


_GROUNDS = {"blurred_reference": _blurred, "mean_colour": _mean_colour}
