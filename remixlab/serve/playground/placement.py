"""Framing a product: cut to what is seen of it and put on a transparent canvas of a chosen size."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from remixlab import images
from remixlab.errors import InvalidRequest
from remixlab.fields import clean_number
from remixlab.product import cut_out
from remixlab.request import SIZES

LARGEST_PADDING = 0.45
_SEEN = 7  # alpha; segmenters leave a haze below it that nobody sees and that has no end


@dataclass(frozen=True)
class Placement:
    """Where a product stands in its frame.

    Attributes:
        size: a tag of `SIZES`, or "" for the product as it is.
        scale: of the largest product that fits inside the padding, above 0 to 1.
        padding: free border, as a share of the frame's shorter side, 0 to 0.45.
        horizontal: 0 is left, 1 is right, inside the padding.
        vertical: 0 is top, 1 is bottom.
    """

    size: str = ""
    scale: float = 0.8
    padding: float = 0.05
    horizontal: float = 0.5
    vertical: float = 0.5

    def __post_init__(self) -> None:
        if self.size and self.size not in SIZES:
            accepted = ", ".join(SIZES) + ", or nothing for the product as it is"
            raise InvalidRequest(field="size", value=self.size, accepted=accepted)
        clean_number("padding", self.padding, LARGEST_PADDING)
        for name in ("scale", "horizontal", "vertical"):
            clean_number(name, getattr(self, name), 1)
        if self.scale == 0:
            raise InvalidRequest(field="scale", value=0, accepted="a number above 0, up to 1")


def place(picture: Image.Image, placement: Placement, *, segmenter: str = "alpha") -> Image.Image:
    """The product of `picture` in its frame, RGBA; without a size the picture as it is.

    Raises:
        InvalidRequest: `segmenter` finds no product in the picture.
    """
    if not placement.size:
        return picture
    product = Image.fromarray(cut_out(picture, segmenter).rgba)
    product = product.crop(_seen(product))
    frame = SIZES[placement.size].width, SIZES[placement.size].height
    left, top, right, bottom = placed_box(product.size, frame, placement)
    canvas = Image.new("RGBA", frame)
    canvas.paste(images.resize(product, (right - left, bottom - top)), (left, top))
    return canvas


def placed_box(
    product: tuple[int, int], frame: tuple[int, int], placement: Placement
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom, in pixels of the frame, of a product of `product` pixels."""
    border = placement.padding * min(frame)
    room = [side - 2 * border for side in frame]
    ratio = placement.scale * min(r / side for r, side in zip(room, product, strict=True))
    width, height = (max(1, round(side * ratio)) for side in product)
    left = round(border + (room[0] - width) * placement.horizontal)
    top = round(border + (room[1] - height) * placement.vertical)
    return left, top, left + width, top + height


def _seen(product: Image.Image) -> tuple[int, int, int, int] | None:
    alpha = product.getchannel("A")
    seen = alpha.point([0] * (_SEEN + 1) + [255] * (255 - _SEEN))
    return seen.getbbox() or alpha.getbbox()
