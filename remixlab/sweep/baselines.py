"""Two pictures that need no model, so that a reader sees the floor and the ceiling of each score.

The product on the blurred reference copies its style and whatever is in it; on the mean colour of
the reference nothing is copied, and nothing is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageFilter

from remixlab import images
from remixlab.metrics.metric import Picture
from remixlab.product import composite, cut_out
from remixlab.sweep.grid import Cell, cell_id

_BLUR = 1 / 64  # of the longer side: shapes stay, fine textures go


@dataclass(frozen=True)
class Baseline:
    """One picture without a model: its kind, and what it was made from."""

    id: str
    kind: str
    cell: Cell
    picture: Picture


def make_baselines(cells: Sequence[Cell], segmenter: str) -> Iterator[Baseline]:
    """Both kinds, once for every product, reference and prompt among the cells."""
    seen: set[str] = set()
    for cell in cells:
        if cell.request.reference is None:
            continue
        names = ("product_image", "ref_image", "prompt")
        key = {name: cell.values.get(name) for name in names}
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
