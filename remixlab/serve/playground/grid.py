"""The X/Y grid: two axes typed by hand, expanded as sweeps are, drawn as one labelled picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from remixlab import images
from remixlab.errors import InvalidConfig
from remixlab.serve.playground.settings import Settings
from remixlab.sheet import make_grid
from remixlab.sweep.grid import Cell, expand, parse_axis

AXES = ("style_fidelity", "outline_fidelity", "cfg_scale", "seed")
LARGEST = 64  # cells; more belong into a sweep, which keeps and scores them
_SIDE = 384  # pixels; the longest side of a cell in the drawing


@dataclass(frozen=True)
class Axis:
    """A field and its values as typed: `0, 0.5, 1` or `start:stop:step`; no field, no axis."""

    field: str
    text: str

    @property
    def values(self) -> tuple[Any, ...]:
        """The values; raises InvalidConfig where they cannot be read."""
        return parse_axis(self.field, _spec(self.text)) if self.field else ("",)

    @property
    def labels(self) -> list[str]:
        """What is written beside each value."""
        return [f"{self.field} {value}".strip() for value in self.values]


@dataclass(frozen=True)
class Grid:
    """The cells of a drawing; the first axis runs along a row."""

    x: Axis
    y: Axis
    cells: list[Cell]

    def draw(self, made: Mapping[tuple[Any, Any], Image.Image]) -> Image.Image:
        """The pictures made so far, by their values of x and y, in their places."""
        size = images.reduced(self.cells[0].request.product.size, _SIDE)
        small = {key: images.resize(picture, size) for key, picture in made.items()}
        rows = [[small.get((x, y)) for x in self.x.values] for y in self.y.values]
        return make_grid(rows, columns=self.x.labels, rows=self.y.labels, cell=size)

    def key(self, values: Mapping[str, Any]) -> tuple[Any, Any]:
        """A cell's values of x and y."""
        return values.get(self.x.field, ""), values.get(self.y.field, "")


def expand_grid(settings: Settings, product: str, x: Axis, y: Axis) -> Grid:
    """All cells: `settings`, whose seed is drawn, with every pair of values.

    Args:
        settings: all that is not on an axis.
        product: file name of the framed product.
        x: the axis along a row.
        y: the axis along a column.

    Raises:
        InvalidConfig: no x axis, one field twice, bad values, or more than 64 cells.
    """
    if not x.field or x.field == y.field:
        accepted = "a field for x, and another one or none for y"
        raise InvalidConfig(field="axes", value=f"{x.field}, {y.field}", accepted=accepted)
    count = len(x.values) * len(y.values)
    if count > LARGEST:
        accepted = f"at most {LARGEST} cells; benchmarks/fidelity.py makes larger sweeps"
        raise InvalidConfig(field="axes", value=count, accepted=accepted)
    fixed = {
        "product_image": [product],
        "ref_image": [settings.ref_image],
        "prompt": [settings.prompt],
        "negative_prompt": [settings.negative_prompt],
        **{name: [getattr(settings, name)] for name in AXES},
    }
    moving = {axis.field: axis.values for axis in (y, x) if axis.field}
    rest = {name: value for name, value in fixed.items() if name not in moving}
    return Grid(x, y, expand(rest | moving))


def _spec(text: str) -> str | Sequence[Any]:
    if ":" in text:
        return text.strip()
    return [_number(part.strip()) for part in text.split(",") if part.strip()]


def _number(text: str) -> Any:
    """A whole number as one, so that 1 and 1.0 are not two values; what is none stays text."""
    try:
        number = float(text)
        return int(number) if number.is_integer() else number
    except ValueError:
        return text
