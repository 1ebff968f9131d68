"""Pictures on one page: a contact sheet of one remix, and a labelled grid of many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from remixlab import images
from remixlab.files import whole
from remixlab.request import RemixRequest, RemixResult

_CELL, _GAP, _LABEL, _FONT = 480, 16, 36, 22
_PAPER, _INK, _EMPTY = (245, 245, 245), (40, 40, 40), (225, 225, 225)


def make_sheet(request: RemixRequest, result: RemixResult) -> Image.Image:
    """Product, mask, outline, reference, background before the composite, and result, labelled."""
    empty = Image.new("RGB", (_CELL, _CELL), _EMPTY)
    cells = [
        ("product", on_checks(request.product)),
        ("mask", result.mask.convert("RGB")),
        ("outline", result.outline.convert("RGB")),
        ("reference", request.reference or empty),
        ("background before the composite", result.background),
        (f"result, seed {result.seed}", result.image),
    ]
    pitch = _CELL + _GAP
    sheet = Image.new("RGB", (3 * pitch + _GAP, 2 * (pitch + _LABEL) + _GAP), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT)
    for number, (label, picture) in enumerate(cells):
        left = _GAP + number % 3 * pitch
        top = _GAP + number // 3 * (pitch + _LABEL)
        draw.text((left, top), label, fill=_INK, font=font)
        fitted = _fit(picture)
        inside = ((_CELL - fitted.width) // 2, (_CELL - fitted.height) // 2)
        sheet.paste(fitted, (left + inside[0], top + _LABEL + inside[1]))
    return sheet


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a sheet in the format that the name's ending says, one of `outputs.PICTURES`."""
    with whole(path) as partial:
        sheet.save(partial)


def make_grid(
    cells: Sequence[Sequence[Image.Image | None]],
    *,
    columns: Sequence[str],
    rows: Sequence[str],
    cell: tuple[int, int],
) -> Image.Image:
    """Rows of equally large pictures, labelled above and, upwards, at the left.

    Args:
        cells: one sequence a row; None leaves a place empty.
        columns: a label for each column.
        rows: a label for each row; where it is empty there is none.
        cell: width and height that every picture has, in pixels.
    """
    pitch = cell[0] + _GAP, cell[1] + _GAP
    left, top = (_LABEL if any(rows) else 0) + _GAP, _LABEL + _GAP
    size = left + len(columns) * pitch[0], top + len(rows) * pitch[1]
    grid = Image.new("RGB", size, _PAPER)
    for number, label in enumerate(columns):
        grid.paste(_label(label, cell[0]), (left + number * pitch[0], _GAP // 2))
    for number, label in enumerate(rows):
        upright = _label(label, cell[1]).transpose(Image.Transpose.ROTATE_90)
        if label:
            grid.paste(upright, (_GAP // 2, top + number * pitch[1]))
    empty = Image.new("RGB", cell, _EMPTY)
    for y, row in enumerate(cells):
        for x, picture in enumerate(row):
            grid.paste(picture or empty, (left + x * pitch[0], top + y * pitch[1]))
    return grid


def _label(text: str, width: int) -> Image.Image:
    """One centred line of text, smaller where it would not fit."""
    strip = Image.new("RGB", (width, _LABEL), _PAPER)
    draw, size = ImageDraw.Draw(strip), _FONT
    while size > 8 and draw.textlength(text, font=ImageFont.load_default(size)) > width:
        size -= 1
    middle = width / 2, _LABEL / 2
    draw.text(middle, text, fill=_INK, font=ImageFont.load_default(size), anchor="mm")
    return strip


def _fit(picture: Image.Image) -> Image.Image:
    scale = _CELL / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return images.resize(picture, size)


def on_checks(product: Image.Image) -> Image.Image:
    """The product over the grey checks that stand for transparency."""
    step = max(8, max(product.size) // 32)
    tile = Image.new("RGB", (2 * step, 2 * step), (205, 205, 205))
    for corner in ((0, 0), (step, step)):
        tile.paste((235, 235, 235), (*corner, corner[0] + step, corner[1] + step))
    ground = Image.new("RGB", product.size)
    for left in range(0, product.width, 2 * step):
        for top in range(0, product.height, 2 * step):
            ground.paste(tile, (left, top))
    if product.mode != "RGBA":
        return product
    ground.paste(product, mask=product.getchannel("A"))
    return ground
