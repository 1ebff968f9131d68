"""Cutting out: alpha, GrabCut, rembg, and the product's own colour at its edge."""

from __future__ import annotations

import sys
import types

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from remixlab.errors import InvalidConfig, InvalidRequest
from remixlab.product import SEGMENTERS, Product, cut_out
from remixlab.product import mask as module

GREEN, RED = (40, 120, 60), (220, 20, 20)


def soft_disc(side: int = 64, radius: float = 20, soft: float = 4) -> NDArray[np.float64]:
    """Alpha in [0, 1] of a disc whose edge is `soft` pixels wide."""
    y, x = np.mgrid[:side, :side] + 0.5
    return np.clip((radius - np.hypot(x - side / 2, y - side / 2)) / soft + 0.5, 0, 1)


def cut_from(background: tuple[int, int, int], alpha: NDArray[np.float64]) -> Image.Image:
    """A green thing photographed before `background`, with its true matte."""
    colour = alpha[..., None] * np.array(GREEN) + (1 - alpha[..., None]) * np.array(background)
    return Image.fromarray(np.dstack([colour, alpha * 255]).round().astype(np.uint8))


def test_alpha_is_taken_as_it_is():
    picture = cut_from(RED, soft_disc())
    product = cut_out(picture)
    assert product.size == (64, 64)
    assert product.rgba.tobytes() == picture.tobytes()
    assert product.alpha.tobytes() == picture.getchannel("A").tobytes()
    with pytest.raises(ValueError, match="read-only"):
        product.rgba[0, 0] = 0


def test_opaque_pictures_name_the_other_choices():
    for mode in ("RGB", "RGBA", "L"):
        with pytest.raises(InvalidRequest, match=r"grabcut.*rembg") as caught:
            cut_out(Image.new(mode, (8, 8), "white"))
        assert caught.value.field == "product_image"


@pytest.mark.parametrize("segmenter", ["alpha", "grabcut"])
def test_all_transparent_pictures_are_errors(segmenter: str):
    with pytest.raises(InvalidRequest, match="product_image"):
        cut_out(Image.new("RGBA", (64, 64), (9, 9, 9, 0)), segmenter)


def test_one_pixel():
    product = cut_out(Image.new("RGBA", (1, 1), (9, 8, 7, 128)))
    assert product.foreground.shape == (1, 1, 3)
    for segmenter in SEGMENTERS:
        with pytest.raises((InvalidRequest, InvalidConfig)):
            cut_out(Image.new("RGB", (1, 1)), segmenter)


def test_unknown_segmenters_list_the_choices():
    with pytest.raises(InvalidConfig, match="alpha, grabcut, rembg"):
        cut_out(Image.new("RGBA", (8, 8)), "magic")


def test_grabcut_finds_a_disc_and_softens_its_edge():
    truth = soft_disc(96, 30, 1) > 0.5
    noise = np.random.default_rng(0).integers(-8, 9, (96, 96, 3))
    colours = np.where(truth[..., None], GREEN, (200, 200, 210)) + noise
    picture = Image.fromarray(colours.astype(np.uint8))
    product = cut_out(picture, "grabcut")
    found = product.alpha > 127
    assert (found & truth).sum() / (found | truth).sum() > 0.95
    assert 0 < ((product.alpha > 0) & (product.alpha < 255)).sum() < 3 * 2 * np.pi * 30
    assert product.rgba[..., :3].tobytes() == picture.tobytes()
    assert cut_out(picture, "grabcut").alpha.tobytes() == product.alpha.tobytes()


def test_grabcut_works_small_on_large_pictures(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_GRABCUT_SIDE", 48)
    truth = soft_disc(96, 30, 1) > 0.5
    colours = np.where(truth[..., None], GREEN, (200, 200, 210)).astype(np.uint8)
    found = cut_out(Image.fromarray(colours), "grabcut").alpha > 127
    assert (found & truth).sum() / (found | truth).sum() > 0.9


def test_grabcut_without_a_product():
    for size in ((64, 64), (2, 2), (1, 64)):
        with pytest.raises(InvalidRequest, match="product_image"):
            cut_out(Image.new("RGB", size, "grey"), "grabcut")


Colour = tuple[int, int, int]
WHITE, GREY, BLUE = (246, 246, 246), (165, 165, 165), (150, 185, 215)


def photographed(
    product: Colour, ground: Colour, shadow: float
) -> tuple[Image.Image, NDArray[np.bool_]]:
    """A box with a label on a plain ground that darkens downward, and where the box is."""
    truth = np.zeros((160, 160))
    truth[40:120, 50:105] = 1
    cast = cv2.GaussianBlur(np.roll(truth, (8, 14), axis=(0, 1)), (0, 0), 6)
    behind = np.array(ground) * np.linspace(1, 0.92, 160)[:, None, None]
    behind = behind * (1 - shadow * cast[..., None])
    front = np.tile(np.array(product, float), (160, 160, 1))
    front[60:80, 62:92] = (170, 60, 50)
    picture = np.where(truth[..., None] > 0, front, behind)
    picture += np.random.default_rng(0).normal(0, 1.5, picture.shape)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8)), truth > 0


def overlap(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.parametrize("ground", [WHITE, GREY, BLUE])
@pytest.mark.parametrize("product", [GREEN, (45, 45, 48), (215, 160, 60)])
def test_grabcut_leaves_out_soft_shadows(product: Colour, ground: Colour):
    for shadow, least in ((0.5, 0.93), (0.0, 0.97)):
        picture, truth = photographed(product, ground, shadow)
        assert overlap(cut_out(picture, "grabcut").alpha > 127, truth) > least


@pytest.mark.parametrize(
    ("product", "ground"), [((128,) * 3, WHITE), ((90,) * 3, GREY), ((60,) * 3, WHITE)]
)
def test_grabcut_keeps_products_that_are_the_ground_but_darker(product: Colour, ground: Colour):
    picture, truth = photographed(product, ground, 0)
    with_search = cut_out(picture, "grabcut").alpha > 127
    assert overlap(with_search, truth) > 0.97
    grey_in_shadow, truth = photographed(product, ground, 0.5)
    found = cut_out(grey_in_shadow, "grabcut").alpha > 127
    assert (found & truth).sum() > 0.9 * truth.sum()


def test_shadows_are_not_looked_for_on_a_busy_ground(monkeypatch: pytest.MonkeyPatch):
    picture, _ = photographed(GREEN, WHITE, 0.5)
    noise = np.random.default_rng(1).normal(0, 40, (160, 160, 3))
    busy = Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))
    found = cut_out(busy, "grabcut").alpha
    nothing = np.zeros((160, 160), np.bool_)
    monkeypatch.setattr(module, "find_cast_shadow", lambda *_: nothing)
    assert (cut_out(busy, "grabcut").alpha == found).all()


def fake_rembg(monkeypatch: pytest.MonkeyPatch, mask: Image.Image) -> None:
    package = types.ModuleType("rembg")
    vars(package)["new_session"] = lambda: "session"
    vars(package)["remove"] = lambda picture, only_mask, session: mask
    monkeypatch.setitem(sys.modules, "rembg", package)
    module._rembg_session.cache_clear()


def test_rembg_and_a_given_alpha_both_count(monkeypatch: pytest.MonkeyPatch):
    fake_rembg(monkeypatch, Image.fromarray(np.array([[255, 255, 90, 0]], np.uint8)))
    alpha = np.array([[255, 40, 255, 255]], np.uint8)
    picture = np.dstack([np.full((1, 4, 3), 7, np.uint8), alpha])
    assert cut_out(Image.fromarray(picture), "rembg").alpha.tolist() == [[255, 40, 90, 0]]


def test_rembg_that_is_not_installed_says_how(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "rembg", None)
    with pytest.raises(InvalidConfig, match=r"pip install remixlab\[rembg\]"):
        cut_out(Image.new("RGB", (8, 8)), "rembg")


def test_foreground_is_freed_of_the_old_background():
    product = cut_out(cut_from(RED, soft_disc()))
    partial = (product.alpha > 0) & (product.alpha < 255)
    assert np.abs(product.rgba[partial][:, :3].astype(int) - GREEN).max() > 150
    assert np.abs(product.foreground[partial].astype(int) - GREEN).max() <= 2
    kept = ~partial
    assert (product.foreground[kept] == product.rgba[kept][:, :3]).all()
    assert product.foreground is product.foreground


@pytest.mark.parametrize("erased", [0, 255])
def test_foreground_when_the_file_lost_the_background(erased: int):
    pixels = np.array(cut_from(RED, soft_disc()))
    pixels[pixels[..., 3] == 0, :3] = erased
    product = cut_out(Image.fromarray(pixels))
    partial = (product.alpha > 0) & (product.alpha < 255)
    before = np.abs(pixels[partial][:, :3].astype(int) - GREEN).mean()
    after = np.abs(product.foreground[partial].astype(int) - GREEN).mean()
    assert after < before / 4


@pytest.mark.parametrize("erased", [0, 255])
def test_glass_keeps_its_colour_when_the_file_lost_the_background(erased: int):
    alpha = (soft_disc(128, 50, 2) * 128).round().astype(np.uint8)
    pixels = np.dstack([np.full((128, 128, 3), (100, 120, 130), np.uint8), alpha])
    pixels[alpha == 0, :3] = erased
    pixels[60:68, 60:68] = (200, 50, 50, 255)
    product = cut_out(Image.fromarray(pixels))
    glass = (alpha > 0) & (product.alpha < 255)
    assert (product.foreground[glass] == (100, 120, 130)).all()


def test_resized_carries_the_freed_colours():
    product = cut_out(cut_from(RED, soft_disc()))
    assert product.resized((64, 64)) is product
    small = product.resized((20, 30))
    assert small.size == (20, 30)
    assert (small.foreground == small.rgba[..., :3]).all()
    assert np.abs(small.rgba[small.alpha > 16][:, :3].astype(int) - GREEN).max() <= 12


@pytest.mark.parametrize("size", [(40, 30), (150, 260), (17, 190), (200, 21)])
@pytest.mark.parametrize(
    "box", [(0, 0, 90, 120), (0, 0, 9, 8), (88, 117, 90, 120), (40, 20, 55, 90)]
)
def test_resizing_is_pillows_over_the_whole_picture(
    size: tuple[int, int], box: tuple[int, int, int, int]
):
    left, top, right, bottom = box
    pixels = np.random.default_rng(1).integers(0, 256, (120, 90, 4)).astype(np.uint8)
    coverage = np.zeros((120, 90), np.uint8)
    coverage[top:bottom, left:right] = pixels[top:bottom, left:right, 3] | 1
    product = Product(np.dstack([pixels[..., :3], coverage]))
    assert product.box == (slice(top, bottom), slice(left, right))
    freed = Image.fromarray(np.dstack([product.foreground, coverage]))
    wanted, found = (
        np.asarray(picture.convert("RGBa")).astype(int)  # what is transparent has no colour
        for picture in (
            freed.resize(size, Image.Resampling.LANCZOS),
            Image.fromarray(product.resized(size).rgba),
        )
    )
    assert np.abs(found - wanted).max() <= 1  # single precision in Pillow's boxes


def test_a_product_is_rgba():
    for bad in (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 4), np.float32)):
        with pytest.raises(InvalidConfig, match="uint8"):
            Product(bad)  # pyright: ignore[reportArgumentType]
