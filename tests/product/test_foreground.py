"""Colours at soft alpha: the product's own stay, and what was behind it goes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from remixlab.product.evidence import share_of_mixture, shows_background
from remixlab.product.foreground import estimate_foreground

PRODUCTS = sorted((Path(__file__).parents[2] / "examples" / "products").glob("*.png"))
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
BLUE, SIDE = (60, 110, 180), 160


def disc(soft: float = 1.5, radius: float = 40) -> Floats:
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    return np.clip((radius - np.hypot(x - SIDE / 2, y - SIDE / 2)) / soft + 0.5, 0, 1)


def under(rgba: Pixels, colour: tuple[int, int, int], layer: Floats) -> Pixels:
    """The product over a layer of one colour, in straight alpha; black under alpha 0."""
    above = rgba[..., 3] / 255
    below = np.round(layer * 255) / 255 * (1 - above)
    total = np.round((above + below) * 255)
    mixed = rgba[..., :3] * above[..., None] + np.array(colour) * below[..., None]
    mixed = mixed / np.maximum(above + below, 1e-9)[..., None]
    return np.dstack([np.where(total[..., None] > 0, mixed, 0), total]).round().astype(np.uint8)


def blurred(alpha: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), sigma), np.float64)


def solid(soft: float = 1.5) -> Pixels:
    return np.dstack([np.full((SIDE, SIDE, 3), BLUE), disc(soft) * 255]).round().astype(np.uint8)


def photographed(old: Floats, soft: float = 2.5) -> Pixels:
    """A blue disc before `old`, with its true matte and `old` under alpha 0."""
    alpha = disc(soft)
    cover = np.round(alpha * 255)[..., None] / 255
    return np.dstack([cover * BLUE + (1 - cover) * old, alpha * 255]).round().astype(np.uint8)


def change(rgba: Pixels, truth: Floats | Pixels) -> Floats:
    """What composites are off by, of 255, at soft pixels."""
    soft = (rgba[..., 3] > 0) & (rgba[..., 3] < 255)
    off = np.abs(estimate_foreground(rgba)[soft].astype(float) - truth[soft]).max(axis=1)
    return off * rgba[..., 3][soft] / 255


@pytest.mark.parametrize("path", PRODUCTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("offset", [(0, 0), (12, 20)])
def test_a_shadow_under_a_product_keeps_its_colours(path: Path, offset: tuple[int, int]):
    with Image.open(path) as picture:
        small = picture.resize((picture.width // 2, picture.height // 2))
    product = np.asarray(small)
    cast = np.roll(product[..., 3] / 255, offset, axis=(1, 0))
    rgba = under(product, (0, 0, 0), 0.6 * blurred(cast, 16))
    assert change(rgba, rgba[..., :3]).max() <= 3


@pytest.mark.parametrize("path", PRODUCTS, ids=lambda path: path.stem)
def test_straight_alpha_is_hardly_touched(path: Path):
    with Image.open(path) as picture:
        rgba = np.asarray(picture)
    off = change(rgba, rgba[..., :3])
    assert off.mean() < 0.1
    assert off.max() < 12


@pytest.mark.parametrize("colour", [(255, 220, 60), (250, 250, 255), (0, 0, 0), (200, 30, 30)])
@pytest.mark.parametrize("sigma", [3, 6, 16])
def test_a_layer_behind_keeps_its_colour(colour: tuple[int, int, int], sigma: float):
    rgba = under(solid(), colour, 0.7 * blurred(disc(radius=46), sigma))
    assert change(rgba, rgba[..., :3]).max() <= 3


@pytest.mark.parametrize("hidden", ["kept", "black", "white"])
@pytest.mark.parametrize("colour", [(20, 220, 40), (255, 255, 255)])
@pytest.mark.parametrize("soft", [1.5, 4, 8])
def test_fringes_of_a_plain_background_go(hidden: str, colour: tuple[int, int, int], soft: float):
    rgba = photographed(np.broadcast_to(np.array(colour, float), (SIDE, SIDE, 3)), soft)
    if hidden != "kept":
        rgba[rgba[..., 3] == 0, :3] = 0 if hidden == "black" else 255
    off = change(rgba, np.broadcast_to(np.array(BLUE), (SIDE, SIDE, 3)))
    soft_pixels = (rgba[..., 3] > 0) & (rgba[..., 3] < 255)
    given = np.abs(rgba[soft_pixels][:, :3].astype(float) - BLUE).max(axis=1)
    assert off.max() <= 12
    assert off.mean() < (given * rgba[..., 3][soft_pixels] / 255).mean() / 5


def test_premultiplied_files_are_divided_by_alpha():
    alpha = disc(8) * (0.4 + 0.6 * disc(30, 60))
    colour = np.full((SIDE, SIDE, 3), (230.0, 240.0, 250.0))
    cover = np.round(alpha * 255)[..., None] / 255
    rgba = np.dstack([colour * cover, alpha * 255]).round().astype(np.uint8)
    assert change(rgba, colour).max() <= 1


def test_a_glass_cut_from_a_known_background_is_estimated():
    alpha = disc(2, 60) * 0.5
    cover = np.round(alpha * 255)[..., None] / 255
    tint, old = np.array((40.0, 160.0, 90.0)), np.full((SIDE, SIDE, 3), (240.0, 235.0, 230.0))
    mixed = cover * tint + (1 - cover) * old
    rgba = np.dstack([mixed, alpha * 255]).round().astype(np.uint8)
    assert change(rgba, np.broadcast_to(tint, mixed.shape)).mean() < 10


def test_black_over_black_says_nothing_of_a_background():
    rgba = under(solid(), (0, 0, 0), 0.6 * blurred(disc(radius=46), 8)).astype(np.float32) / 255
    assert not shows_background(rgba[..., :3], rgba[..., 3])
    rgba = photographed(np.full((SIDE, SIDE, 3), 200.0)).astype(np.float32) / 255
    assert shows_background(rgba[..., :3], rgba[..., 3])


@pytest.mark.parametrize("tone", [(0, 0, 0), (250, 210, 60)])
def test_estimates_fade_in_without_a_seam(tone: tuple[int, int, int]):
    """Cut from white, with a faint spot of another layer on the right that is straight."""
    cut = photographed(np.full((SIDE, SIDE, 3), 255.0))
    cut[cut[..., 3] == 0, :3] = 0
    spot = np.zeros((SIDE, SIDE))
    spot[60:100, 115:130] = 0.2
    rgba = under(cut, tone, blurred(spot, 3)) / np.float32(255)
    share = share_of_mixture(rgba[..., :3], rgba[..., 3])
    soft = (rgba[..., 3] > 0) & (rgba[..., 3] < 1)
    assert share[:, :60][soft[:, :60]].min() > 0.9
    assert share[75:85, 118:126].max() < 0.05
    for axis, pairs in ((1, soft[:, 1:] & soft[:, :-1]), (0, soft[1:] & soft[:-1])):
        assert np.abs(np.diff(share, axis=axis))[pairs].max() < 0.35
