"""Pictures whose scores are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from remixlab.metrics.metric import Picture

SIDE = 256
Colour = tuple[int, int, int]


def plain(colour: Colour, side: int = SIDE) -> Image.Image:
    """One colour all over."""
    return Image.new("RGB", (side, side), colour)


def stripes(a: Colour, b: Colour, width: int) -> Image.Image:
    """Vertical stripes, `width` pixels each."""
    across = (np.arange(SIDE) // width % 2).astype(bool)
    row = np.where(across[:, None], np.array(a, np.uint8), np.array(b, np.uint8))
    return Image.fromarray(np.broadcast_to(row, (SIDE, SIDE, 3)).copy())


def noise(seed: int, low: int = 0, high: int = 256) -> Image.Image:
    """Independent random pixels."""
    random = np.random.default_rng(seed)
    return Image.fromarray(random.integers(low, high, (SIDE, SIDE, 3), dtype=np.uint8))


@pytest.fixture
def disc() -> Image.Image:
    """The mask of a round product in the middle."""
    mask = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(mask).ellipse((78, 78, 178, 178), fill=255)
    return mask


@pytest.fixture
def picture(disc: Image.Image) -> Callable[..., Picture]:
    """A red disc on whatever background is given."""

    def make(background: Image.Image, reference: Image.Image | None = None) -> Picture:
        painted = Image.composite(plain((200, 30, 40)), background, disc)
        product = plain((200, 30, 40)).convert("RGBA")
        product.putalpha(disc)
        return Picture(painted, disc, image=painted, product=product, reference=reference)

    return make
