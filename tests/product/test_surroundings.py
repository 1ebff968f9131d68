"""Soft shadows, glows and steam in a product's alpha, and what only looks like them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from remixlab.product import Product, cut_out
from remixlab.product.surroundings import find_surroundings

PRODUCTS = sorted((Path(__file__).parents[2] / "examples/products").glob("*.png"))
Plane = NDArray[np.float64]


def shown(name: str) -> NDArray[np.uint8]:
    """The alpha of an example, a quarter of its size as for the mini suite."""
    product = cut_out(Image.open(PRODUCTS[0].with_name(name)))
    width, height = product.size
    return product.resized((width // 4, height // 4)).alpha


def over(alpha: NDArray[np.uint8], under: Plane) -> NDArray[np.uint8]:
    """Coverage of the product in front of something that covers a share of `under`."""
    return (alpha + (255 - alpha) * under).round().astype(np.uint8)


def shadow(alpha: NDArray[np.uint8], share: float, blur: float, down: int = 10) -> Plane:
    """A share of what the product covers, lower and blurred by `blur` pixels."""
    lower = np.roll(alpha, down, axis=0).astype(np.float64) / 255
    return share * blurred(lower, blur)


def blurred(coverage: Plane, sigma: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(coverage, (0, 0), sigma), np.float64)


def disc(radius: float, side: int = 256) -> Plane:
    """Coverage of a disc in the middle, 1 within and an edge of a pixel."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.clip(radius - np.hypot(x, y) + 0.5, 0, 1)


def bytes_of(coverage: Plane) -> NDArray[np.uint8]:
    return (coverage * 255).round().astype(np.uint8)


@pytest.mark.parametrize("name", [path.name for path in PRODUCTS])
@pytest.mark.parametrize(("share", "blur"), [(0.6, 4), (0.8, 4), (0.4, 8)])
def test_a_soft_shadow_is_around_the_product(name: str, share: float, blur: float):
    alpha = shown(name)
    found = find_surroundings(over(alpha, shadow(alpha, share, blur)))
    assert not found[alpha > 250].any()
    strong = (alpha < 2) & (shadow(alpha, share, blur) > share / 3)
    # Between reeds, and in the corners of glass, edges are too near to be told apart.
    assert found[strong].mean() > (0.7 if name == "diffuser.png" else 0.85)


@pytest.mark.parametrize("path", PRODUCTS, ids=lambda path: path.name)
def test_products_without_one_are_all_product(path: Path):
    product = cut_out(Image.open(path))
    assert not product.surroundings.any()
    assert not find_surroundings(shown(path.name)).any()


def test_a_glow_is_around_the_product():
    alpha = bytes_of(disc(60))
    lit = over(alpha, blurred(disc(70), 12))
    found = find_surroundings(lit)
    assert not found[disc(60) == 1].any()
    assert found[(disc(63) == 0) & (lit > 64)].all()


def bubble() -> Plane:
    return np.maximum(disc(80) - disc(77), 0.1 * disc(80))


def glass() -> Plane:
    return np.maximum(0.3 * disc(80), disc(30))


def lace() -> Plane:
    y, x = np.mgrid[:256, :256]
    return disc(90) * ((x % 8 < 3) | (y % 8 < 3))


def hair() -> Plane:
    strands = np.zeros((256, 256), np.uint8)
    for angle in np.random.default_rng(0).uniform(0, 2 * np.pi, 300):
        tip = 128 + 95 * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(strands, (128, 128), tuple(int(v) for v in tip), 150, 1, cv2.LINE_AA)
    return np.maximum(disc(60), strands / 255)


def steam() -> Plane:
    return blurred(disc(50), 20)


def hard_shadow() -> Plane:
    return np.maximum(disc(60), 0.6 * np.roll(disc(60), 30, axis=0))


@pytest.mark.parametrize("draw", [bubble, glass, lace, hair, steam, hard_shadow])
@pytest.mark.parametrize("value", [255, 128])
def test_steps_and_what_is_soft_all_over_are_product(draw: Callable[[], Plane], value: int):
    alpha = (draw() * value).round().astype(np.uint8)
    assert not (find_surroundings(alpha) & (alpha > alpha.max() // 4)).any()


def test_glass_keeps_its_place_in_its_own_shadow():
    alpha = bytes_of(glass())
    dark = shadow(alpha, 0.9, 5, 20)
    found = find_surroundings(over(alpha, dark))
    assert not found[disc(76) > 0].any()
    assert found[(disc(83) == 0) & (dark > 0.1)].mean() > 0.95


def test_the_size_does_not_matter_and_nothing_is_nothing():
    alpha = bytes_of(disc(60))
    soft = over(alpha, shadow(alpha, 0.6, 5, 20))
    large = np.asarray(cv2.resize(soft, (1024, 1024), interpolation=cv2.INTER_AREA), np.uint8)
    small = find_surroundings(large)[2::4, 2::4]
    assert (small != find_surroundings(soft)).mean() < 0.02
    for empty in (np.zeros((8, 8), np.uint8), np.full((8, 8), 200, np.uint8)):
        assert not find_surroundings(empty).any()
    assert not Product(np.zeros((1, 1, 4), np.uint8)).surroundings.any()
