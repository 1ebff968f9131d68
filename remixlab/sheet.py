"""A contact sheet of one remix: what went in, what the networks saw, and what came out."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from remixlab import images
from remixlab.request import RemixRequest, RemixResult

_CELL, _GAP, _LABEL = 480, 16, 36
_PAPER, _INK = (245, 245, 245), (40, 40, 40)


def make_sheet(request: RemixRequest, result: RemixResult) -> Image.Image:
    """Product, mask, outline, reference, background before the composite, and result, labelled."""
    empty = Image.new("RGB", (_CELL, _CELL), (225, 225, 225))
    cells = [
        ("product", _on_checks(request.product)),
        ("mask", result.mask.convert("RGB")),
        ("outline", result.outline.convert("RGB")),
        ("reference", request.reference or empty),
        ("background before the composite", result.background),
        (f"result, seed {result.seed}", result.image),
    ]
    pitch = _CELL + _GAP
    sheet = Image.new("RGB", (3 * pitch + _GAP, 2 * (pitch + _LABEL) + _GAP), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(22)
    for number, (label, picture) in enumerate(cells):
        left = _GAP + number % 3 * pitch
        top = _GAP + number // 3 * (pitch + _LABEL)
        draw.text((left, top), label, fill=_INK, font=font)
        fitted = _fit(picture)
        inside = ((_CELL - fitted.width) // 2, (_CELL - fitted.height) // 2)
        sheet.paste(fitted, (left + inside[0], top + _LABEL + inside[1]))
    return sheet


def _fit(picture: Image.Image) -> Image.Image:
    scale = _CELL / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return images.resize(picture, size)


def _on_checks(product: Image.Image) -> Image.Image:
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
