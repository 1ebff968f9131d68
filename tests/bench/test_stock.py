"""The stock pipeline paints what we paint, where both compute the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import remixlab.mini
from remixlab import Remixer, RemixRequest, images
from remixlab.bench.stock import StockRemixer
from remixlab.prepare import prepare_product
from tests.conftest import make_product, make_reference

WEIGHTS = Path(remixlab.mini.__file__).parent / "weights"


def remixer(*, hold: bool) -> Remixer:
    overrides = ["steps=3", "model.native_area=16384", f"hold_product={hold}"]
    return Remixer.from_config("mini", overrides=overrides)


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
    stock = StockRemixer(WEIGHTS, ours)
    for dials in ({}, {"style_fidelity": 0.3, "outline_fidelity": 1.5, "cfg_scale": 4}):
        asked = request(**dials)
        product = prepare_product(asked, (128, 128), ours.config)
        theirs = np.asarray(stock.background(asked, product)).astype(int)
        own = np.asarray(images.resize(ours.remix(asked).background, (128, 128)))
        assert np.abs(theirs - own).max() <= 1
        assert theirs.std() > 10  # and there is something to compare


def test_both_leave_the_product_as_it_is() -> None:
    ours = remixer(hold=True)
    asked = request()
    opaque = np.asarray(asked.product)[..., 3] == 255
    for picture in (StockRemixer(WEIGHTS, ours).remix(asked), ours.remix(asked).image):
        pixels = np.asarray(picture)
        assert np.array_equal(pixels[opaque], np.asarray(asked.product)[opaque][:, :3])


def test_a_product_that_is_not_held_is_painted_like_the_rest() -> None:
    red = Image.new("RGB", (128, 128), (200, 20, 30))
    red.putalpha(make_product(128, 128, 0).getchannel("A"))
    asked = replace(request(), product_image=red)
    opaque = np.asarray(asked.product)[..., 3] == 255
    away = []
    for hold in (True, False):
        painted = np.asarray(remixer(hold=hold).remix(asked).background).astype(int)
        away.append(np.abs(painted - np.asarray(asked.product)[..., :3])[opaque].mean())
    assert away[1] > 1.3 * away[0]
