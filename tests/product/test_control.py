"""Control images: what each kind of ControlNet is shown, and that it is the product alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from remixlab.config import CONTROLS
from remixlab.errors import InvalidConfig
from remixlab.product import Product, draw_control, draw_outline


def box(background: int = 0) -> Product:
    """A red box in the middle half of a picture of 256 pixels a side; a ring of it is glass."""
    pixels = np.full((256, 256, 4), background, np.uint8)
    pixels[..., 3] = 0
    pixels[60:196, 60:196] = (200, 30, 40, 90)
    pixels[64:192, 64:192] = (200, 30, 40, 255)
    return Product(pixels)


def control(kind: str, product: Product) -> NDArray[np.float32]:
    return draw_control(product, draw_outline(product, product.size), kind)


@pytest.mark.parametrize("kind", CONTROLS)
def test_what_surrounds_the_product_does_not_show(kind: str) -> None:
    shown = control(kind, box())
    assert (shown.shape, shown.dtype) == ((256, 256, 3), np.float32)
    assert (shown == control(kind, box(background=99))).all()
    outside = shown[box().alpha == 0]
    assert (outside == (-1 if kind == "inpaint" else 0)).all()
    assert shown.max() <= 1


def test_lines_are_the_outline() -> None:
    outline = draw_outline(box(), (256, 256))
    shown = control("lines", box())
    assert set(np.unique(shown)) == {0.0, 1.0}
    assert all((shown[..., channel] * 255 == outline).all() for channel in range(3))


def test_soft_edges_are_brightest_on_the_line_and_fade() -> None:
    outline = draw_outline(box(), (256, 256))
    row = control("softedge", box())[128, :, 0]
    peak = int(row[:128].argmax())
    assert outline[128, peak] == 255 and row[peak] == 1
    inward = row[peak : peak + 5]
    assert (np.diff(inward) <= 0).all() and 0 < inward[1] < 1 and inward[4] < 0.01
    empty = Product(np.zeros((8, 8, 4), np.uint8))
    assert not control("softedge", empty).any()


def test_inpaint_shows_the_pixels_and_minus_one() -> None:
    shown = control("inpaint", box())
    assert np.allclose(shown[128, 128], np.array([200, 30, 40]) / 255)
    assert (shown[61, 128] == -1).all()  # covered by less than half: to be filled
    assert set(np.unique(shown[..., 0])) == {np.float32(-1), np.float32(200 / 255)}


def test_unknown_kinds_are_named() -> None:
    with pytest.raises(InvalidConfig, match="lines, softedge, inpaint"):
        control("depth", box())


@pytest.mark.parametrize("kind", CONTROLS)
def test_a_soft_shadow_does_not_show(kind: str) -> None:
    pixels = box().rgba.copy()
    pixels[60:196, 60:196] = (200, 30, 40, 255)
    shadow = np.roll(pixels[..., 3], 24, axis=0) * np.float32(0.7)
    shadow = np.asarray(cv2.GaussianBlur(shadow, (0, 0), 6)).round().astype(np.uint8)
    shadowed = pixels.copy()
    shadowed[..., 3] = np.maximum(pixels[..., 3], shadow)
    assert (shadowed[198:204, 128, 3] > 127).all()
    shown = control(kind, Product(shadowed))
    assert np.abs(shown - control(kind, Product(pixels))).max() < 0.01
