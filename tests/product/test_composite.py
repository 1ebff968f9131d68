"""The product is sacred: bit for bit where it is opaque, without a halo where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from remixlab.errors import InvalidImage, ProductAltered
from remixlab.product import Product, assert_untouched, composite, cut_out, prefill


def noise(seed: int, *shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def product_with(alpha: NDArray[np.uint8], seed: int = 0) -> Product:
    return Product(np.dstack([noise(seed, *alpha.shape, 3), alpha]))


def disc(side: int = 64, radius: float = 20, soft: float = 4) -> NDArray[np.float64]:
    y, x = np.mgrid[:side, :side] + 0.5
    return np.clip((radius - np.hypot(x - side / 2, y - side / 2)) / soft + 0.5, 0, 1)


def test_every_alpha_against_the_formula():
    product = product_with(np.arange(256, dtype=np.uint8).reshape(16, 16))
    background = noise(1, 16, 16, 3)
    out = np.asarray(composite(product, Image.fromarray(background)))
    alpha = product.alpha[..., None] / 255
    exact = product.foreground * alpha + background * (1 - alpha)
    assert np.abs(out - exact).max() <= 0.5 + 1e-9
    assert (out[0, 0] == background[0, 0]).all()
    assert (out[15, 15] == product.rgba[15, 15, :3]).all()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1), st.integers(1, 24), st.integers(1, 24), st.booleans())
def test_exact_at_both_ends_for_any_alpha(seed: int, width: int, height: int, hard: bool):
    alpha = noise(seed, height, width)
    if hard:
        alpha = np.where(alpha > 127, 255, 0).astype(np.uint8)
    product = product_with(alpha, seed + 1)
    background = noise(seed + 2, height, width, 3)
    image = composite(product, Image.fromarray(background))
    out = np.asarray(image)
    assert (out[alpha == 255] == product.rgba[alpha == 255][:, :3]).all()
    assert (out[alpha == 0] == background[alpha == 0]).all()
    assert (image.mode, image.size) == ("RGB", (width, height))
    filled = prefill(product)
    assert (filled[alpha == 255] == product.rgba[alpha == 255][:, :3]).all()


def test_the_background_is_left_alone_and_must_fit():
    product = product_with(np.full((4, 6), 255, np.uint8))
    background = Image.new("RGB", (6, 4), "red")
    composite(product, background)
    assert background.getcolors() == [(24, (255, 0, 0))]
    for wrong in (Image.new("RGB", (4, 6)), Image.new("RGBA", (6, 4)), Image.new("L", (6, 4))):
        with pytest.raises(InvalidImage, match="RGB image of 6x4"):
            composite(product, wrong)


def test_one_altered_bit_is_found():
    alpha = np.full((4, 4), 255, np.uint8)
    alpha[0] = 254
    product = product_with(alpha)
    out = np.array(composite(product, Image.new("RGB", (4, 4))))
    out[0] ^= 1  # not opaque: anything may happen here
    assert_untouched(product, Image.fromarray(out))
    out[3, 3, 2] ^= 1
    with pytest.raises(ProductAltered, match="1 altered pixels"):
        assert_untouched(product, Image.fromarray(out))
    for wrong in (Image.new("RGB", (5, 4)), Image.new("RGBA", (4, 4))):
        with pytest.raises(ProductAltered):
            assert_untouched(product, wrong)


@pytest.mark.parametrize("soft", [1, 2, 4, 8])
def test_no_red_halo_on_white(soft: float):
    alpha, green, red = disc(soft=soft)[..., None], np.array((40, 120, 60)), np.array((220, 20, 20))
    photo = np.dstack([alpha * green + (1 - alpha) * red, alpha * 255])
    product = cut_out(Image.fromarray(photo.round().astype(np.uint8)))
    white = Image.new("RGB", product.size, "white")
    out = np.asarray(composite(product, white)).astype(int)
    # Green on white never has more red than green; the old background would show as just that.
    assert (out[..., 0] <= out[..., 1]).all()
    ideal = alpha * green + (1 - alpha) * 255
    assert np.abs(out - ideal).max() <= 3


def test_prefill_continues_the_product_and_fades():
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[24:40, 24:40] = (200, 100, 40, 255)
    pixels[pixels[..., 3] == 0, :3] = (0, 255, 0)  # hidden, and never to be seen
    product = Product(pixels)
    assert np.abs(prefill(product).astype(int) - (200, 100, 40)).max() <= 1
    row = prefill(product, (0, 0, 200))[32].astype(int)
    assert np.abs(row[23] - row[24]).max() < 60
    assert row[0, 0] < row[16, 0] < row[23, 0]
    assert row[0, 2] > 150
    assert np.abs(np.diff(row[:24], axis=0)).max() < 40


def test_prefill_smallest():
    product = Product(np.array([[[10, 20, 30, 128]]], np.uint8))
    assert prefill(product, (10, 20, 30)).tolist() == [[[10, 20, 30]]]
    assert prefill(product).tolist() == [[product.foreground[0, 0].tolist()]]
