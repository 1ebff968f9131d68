"""The outline: where its lines are, and where none may be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from remixlab.errors import InvalidConfig
from remixlab.product import OUTLINES, Product, draw_outline


def boxed(alpha: int = 255, side: int = 64) -> NDArray[np.uint8]:
    """A flat box in the middle half of a noisy picture."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 4), np.uint8)
    pixels[..., 3] = 0
    pixels[side // 4 : -side // 4, side // 4 : -side // 4] = (90, 90, 90, alpha)
    return pixels


def test_silhouette_is_the_boundary_one_pixel_wide():
    outline = draw_outline(Product(boxed()), (64, 64))
    expected = np.zeros((64, 64), np.uint8)
    expected[16:48, 16:48] = 255
    expected[17:47, 17:47] = 0
    assert (outline == expected).all()


@pytest.mark.parametrize(("side", "width"), [(64, 1), (256, 1), (512, 2), (1024, 4)])
def test_width_follows_the_shorter_side(side: int, width: int):
    outline = draw_outline(Product(boxed()), (side * 2, side))
    middle = outline[side // 2, :side].astype(bool)
    assert abs(int(middle.sum()) - width) <= 1
    assert draw_outline(Product(boxed()), (64, 64), width=3)[32, :32].sum() == 3 * 255


def test_the_border_of_the_picture_gets_no_line():
    pixels = np.full((32, 32, 4), 255, np.uint8)
    pixels[:, 16:, 3] = 0
    for kind in OUTLINES:
        outline = draw_outline(Product(pixels.copy()), (32, 32), kind=kind)
        assert (outline[:, 15] == 255).all()
        assert not outline[:, :15].any()
    full = np.full((32, 32, 4), 200, np.uint8)
    assert not draw_outline(Product(full), (32, 32)).any()


def test_edges_are_the_products_own():
    pixels = boxed()
    silhouette = draw_outline(Product(pixels.copy()), (64, 64))
    # The background is noise, and none of it may show.
    assert (draw_outline(Product(pixels.copy()), (64, 64), kind="edges") == silhouette).all()
    pixels[28:36, 28:36, :3] = 250
    edges = draw_outline(Product(pixels), (64, 64), kind="edges")
    assert (edges[silhouette == 255] == 255).all()
    assert edges[26:38, 26:38].any()


def test_glass_and_nothing():
    assert (draw_outline(Product(boxed(60)), (64, 64)) == 255).sum() == 4 * 31
    assert not draw_outline(Product(np.zeros((8, 8, 4), np.uint8)), (8, 8), kind="edges").any()


@pytest.mark.parametrize("kind", OUTLINES)
def test_what_is_thinner_than_a_latent_gets_no_line(kind: str):
    pixels = boxed(side=96)
    alone = draw_outline(Product(pixels.copy()), (96, 96), kind=kind, latent=16)
    exact = draw_outline(Product(pixels.copy()), (96, 96), kind=kind)
    corners = np.zeros((96, 96), bool)
    for top in (24, 64):
        for left in (24, 64):
            corners[top : top + 8, left : left + 8] = True
    assert not (alone != exact)[~corners].any()  # these are rounded off
    reeds = pixels.copy()
    for left in (28, 44, 60):
        reeds[:24, left : left + 8] = (120, 90, 60, 255)  # up to the border of the picture
    assert draw_outline(Product(reeds.copy()), (96, 96), kind=kind)[:20].any()
    outline = draw_outline(Product(reeds.copy()), (96, 96), kind=kind, latent=16)
    assert not outline[:22].any()
    assert (outline != alone).sum() < 100
    # What is thin in large latents is not in small ones.
    assert draw_outline(Product(reeds), (96, 96), kind=kind, latent=8)[:20].any()
    for width, drawn in ((14, False), (16, True)):
        handle = pixels.copy()
        handle[:24, 40 : 40 + width] = (120, 90, 60, 255)
        outline = draw_outline(Product(handle), (96, 96), kind=kind, latent=16)
        assert outline[:15].any() == drawn


@pytest.mark.parametrize("kind", OUTLINES)
def test_a_soft_shadow_gets_no_line(kind: str):
    pixels = boxed(side=256)
    shadow = np.roll(pixels[..., 3], 16, axis=0)
    shadow = np.asarray(cv2.GaussianBlur(shadow, (0, 0), 5)) * 0.6
    shadowed = pixels.copy()
    shadowed[pixels[..., 3] == 0, :3] = 0
    shadowed[..., 3] = np.maximum(pixels[..., 3], shadow.round().astype(np.uint8))
    assert (shadowed[200:206, 128, 3] > 64).all()  # it counts for as much as glass
    alone = draw_outline(Product(pixels), (256, 256), kind=kind)
    assert (draw_outline(Product(shadowed), (256, 256), kind=kind) == alone).all()


def handled(thick: int, bore: int = 48) -> NDArray[np.uint8]:
    """A box with a square handle of `thick` pixels on top, around a hole of `bore` pixels."""
    pixels = boxed(side=256)
    left, right = 128 - bore // 2 - thick, 128 + bore // 2 + thick
    pixels[64 - bore - thick : 64, left:right] = (90, 90, 90, 255)
    pixels[64 - bore : 64, left + thick : right - thick, 3] = 0
    return pixels


@pytest.mark.parametrize("kind", OUTLINES)
@pytest.mark.parametrize("thick", [6, 12, 14])
def test_a_handle_that_one_can_see_through_gets_no_line(kind: str, thick: int):
    outline = draw_outline(Product(handled(thick)), (256, 256), kind=kind, latent=8)
    assert not outline[:56].any()
    assert outline[64, 110:146].all()  # where the body ends in the hole
    alone = draw_outline(Product(boxed(side=256)), (256, 256), kind=kind, latent=8)
    assert (outline != alone).sum() < 100  # corners are rounded more near the hole


def test_thick_handles_and_small_holes_keep_their_lines():
    thick = draw_outline(Product(handled(17, 40)), (256, 256), latent=8)
    assert (thick[10:60] > 0).sum() > 200
    pierced = boxed(side=256)
    pierced[70:76, 68:188:8, 3] = 0  # finer than a latent, and as near to the edge
    exact = draw_outline(Product(pierced.copy()), (256, 256))
    assert (draw_outline(Product(pierced), (256, 256), latent=2) == exact).mean() > 0.99


@pytest.mark.parametrize(("thick", "drawn"), [(6, False), (12, False), (16, False), (30, True)])
def test_a_ring_gets_lines_where_it_is_more_than_the_rim_of_a_hole(thick: int, drawn: bool):
    pixels = boxed(side=256)
    pixels[64 + thick : 192 - thick, 64 + thick : 192 - thick, 3] = 0
    assert draw_outline(Product(pixels.copy()), (256, 256), latent=8).any() == drawn
    assert draw_outline(Product(pixels), (256, 256)).any()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 2**16),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(OUTLINES),
    st.sampled_from([1, 8, 16]),
)
def test_lines_lie_on_the_product(seed: int, width: int, height: int, kind: str, latent: int):
    noise = np.random.default_rng(seed).integers(0, 256, (24, 24, 4)).astype(np.uint8)
    noise[..., 3] = np.where(cv2.blur(noise[..., 3], (7, 7)) > 127, 255, 0)
    product = Product(noise)
    outline = draw_outline(product, (width, height), kind=kind, latent=latent)
    assert (outline.shape, outline.dtype) == ((height, width), np.uint8)
    assert set(np.unique(outline)) <= {0, 255}
    assert (product.resized((width, height)).alpha[outline == 255] > 0).all()


def test_wrong_settings():
    product = Product(boxed())
    with pytest.raises(InvalidConfig, match="silhouette, edges"):
        draw_outline(product, (8, 8), kind="canny")
    with pytest.raises(InvalidConfig, match=r"outline\.width"):
        draw_outline(product, (8, 8), width=0)
    with pytest.raises(InvalidConfig, match="size"):
        draw_outline(product, (0, 8))
