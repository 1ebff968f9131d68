"""The stock pipeline paints what we paint, where both compute the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import remixlab.mini
from remixlab import Remixer, RemixRequest, images
from remixlab.bench.stock import StockRemixer, stock_remixers
from remixlab.models.attention import attention_layers
from remixlab.prepare import prepare_product
from tests.conftest import make_product, make_reference
from tests.stock_folder import pipeline_from_folder

WEIGHTS = Path(remixlab.mini.__file__).parent / "weights"


def remixer(*, hold: bool, area: int = 128 * 128) -> Remixer:
    overrides = [f"model.native_area={area}", f"hold_product={hold}", "branches.guidance_until=1"]
    return Remixer.from_config("mini", overrides=["steps=3", *overrides])


def request(**dials: float) -> RemixRequest:
    return RemixRequest(
        product_image=make_product(128, 128, 0),
        ref_image=make_reference(0),
        prompt="product photograph of a jar, on marble",
        negative_prompt="painting",
        seed=5,
        **dials,  # pyright: ignore[reportArgumentType]
    )


def test_backgrounds_are_equal_with_nothing_held() -> None:
    ours = remixer(hold=False)
    stock = StockRemixer(ours)
    for dials in ({}, {"style_fidelity": 0.3, "outline_fidelity": 1.5, "cfg_scale": 4}):
        asked = request(**dials)
        product = prepare_product(ours.suite, asked, (128, 128), ours.config)
        theirs = np.asarray(stock.background(asked, product)).astype(int)
        own = np.asarray(images.resize(ours.remix(asked).background, (128, 128)))
        assert np.abs(theirs - own).max() <= 1
        assert theirs.std() > 10  # and there is something to compare


def test_modules_are_built_as_the_loaders_of_diffusers_build_them() -> None:
    """The pipeline that is timed is the one that people load from files."""
    ours = remixer(hold=False)
    stock, asked = StockRemixer(ours), request()
    product = prepare_product(ours.suite, asked, (128, 128), ours.config)
    shared = np.asarray(stock.background(asked, product)).astype(int)
    stock.pipeline = pipeline_from_folder(WEIGHTS, ours.suite)
    assert np.abs(np.asarray(stock.background(asked, product)) - shared).max() <= 1
    kinds = [type(layer) for layer in stock.pipeline.unet.attn_processors.values()]
    built = StockRemixer(ours).pipeline.unet
    assert [type(layer) for layer in built.attn_processors.values()] == kinds
    assert built.conv_in.weight.is_contiguous()


def test_layers_that_skip_the_reference_skip_it_there_too() -> None:
    ours, asked = remixer(hold=False), request(style_fidelity=1.0)
    product = prepare_product(ours.suite, asked, (128, 128), ours.config)
    everywhere = ours.remix(asked).background
    readers = [p for _, p in processors(ours) if p.reference_enabled]
    for processor in readers[1:]:
        processor.reference_enabled = False
    own = np.asarray(ours.remix(asked).background).astype(int)
    theirs = np.asarray(StockRemixer(ours).background(asked, product)).astype(int)
    assert len(readers) > 1 and np.abs(theirs - own).max() <= 1
    assert np.abs(own - np.asarray(everywhere)).max() > 1


def test_random_weights_of_sdxls_shape_need_no_files(tiny_remixer: Remixer) -> None:
    config = replace(tiny_remixer.config, hold_product=False)
    config.model = replace(config.model, weights="random")
    ours, asked = Remixer.from_settings(config), request()
    product = prepare_product(ours.suite, asked, ours.native_size(asked), ours.config)
    theirs = np.asarray(StockRemixer(ours).background(asked, product)).astype(int)
    own = np.asarray(images.resize(ours.remix(asked).background, product.native.size))
    assert np.abs(theirs - own).max() <= 2 and theirs.std() > 1


def processors(ours: Remixer) -> list[tuple[str, Any]]:
    return [(name, attn.processor) for name, attn in attention_layers(ours.suite.unet)]


def test_both_leave_the_product_as_it_is() -> None:
    ours = remixer(hold=True)
    asked = request()
    opaque = np.asarray(asked.product)[..., 3] == 255
    for picture in (StockRemixer(ours).remix(asked), ours.remix(asked).image):
        pixels = np.asarray(picture)
        assert np.array_equal(pixels[opaque], np.asarray(asked.product)[opaque][:, :3])


def test_a_product_that_is_not_held_is_painted_like_the_rest() -> None:
    red = Image.new("RGB", (128, 128), (200, 20, 30))
    red.putalpha(make_product(128, 128, 0).getchannel("A"))
    asked = replace(request(), product_image=red)
    opaque = np.asarray(asked.product)[..., 3] == 255
    away = []
    for hold in (True, False):
        # Only latents with no background around them are held: at 128 x 128 those are very few.
        ours = remixer(hold=hold, area=256 * 256)
        painted = np.asarray(ours.remix(asked).background).astype(int)
        away.append(np.abs(painted - np.asarray(asked.product)[..., :3])[opaque].mean())
    assert away[1] > 2 * away[0]


def test_half_precision_is_held_against_float32_too() -> None:
    half = Remixer.from_config("mini", overrides=["runtime.dtype=bfloat16", "steps=1"])
    found = stock_remixers(half)
    assert {name: str(stock.pipeline.unet.dtype) for name, stock in found.items()} == {
        "float32": "torch.float32", "bfloat16": "torch.bfloat16"
    }  # fmt: skip
    assert half.suite.unet.dtype == torch.bfloat16  # ours is left as it is
    plain = remixer(hold=True)
    assert list(stock_remixers(plain)) == ["float32"]
