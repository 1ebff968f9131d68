"""Lab distance on pictures whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage.color import rgb2lab

from remixlab.metrics.style import lab_distance

EMPTY = Image.new("L", (64, 64))


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.new("RGB", size, colour)


def test_zero_for_itself_whatever_the_layout() -> None:
    halves = plain((200, 30, 30))
    halves.paste((30, 30, 200), (0, 32, 64, 64))
    assert lab_distance(halves, EMPTY, halves.transpose(Image.Transpose.ROTATE_90)) < 0.5


def test_is_the_cie76_difference_of_plain_colours() -> None:
    a, b = (120, 60, 200), (40, 160, 90)
    labs = [rgb2lab(np.array([[c]], dtype=np.uint8))[0, 0] for c in (a, b)]
    expected = float(np.linalg.norm(labs[0] - labs[1]))
    assert lab_distance(plain(a), EMPTY, plain(b, (90, 30))) == pytest.approx(expected, abs=0.01)


def test_the_product_does_not_count() -> None:
    background, mask = plain((90, 140, 60)), EMPTY.copy()
    for picture, colour in ((background, (255, 0, 255)), (mask, 255)):
        ImageDraw.Draw(picture).rectangle((20, 20, 44, 44), fill=colour)
    assert lab_distance(background, mask, plain((90, 140, 60))) < 0.5
    assert lab_distance(background, EMPTY, plain((90, 140, 60))) > 5


def test_nothing_to_score() -> None:
    with pytest.raises(ValueError, match="no background"):
        lab_distance(plain((0, 0, 0)), Image.new("L", (64, 64), 255), plain((0, 0, 0)))
