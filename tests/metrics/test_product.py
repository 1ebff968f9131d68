"""Whether changes of the product are found, and changes elsewhere are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from remixlab.metrics.metric import Picture
from remixlab.metrics.product import ProductDifference, ProductPSNR, ProductSSIM
from tests.metrics.conftest import noise, plain

Make = Callable[..., Picture]


def shifted(image: Image.Image | None, by: int, at: tuple[slice, slice]) -> Image.Image:
    assert image is not None
    pixels = np.array(image)
    pixels[at] = pixels[at] + by
    return Image.fromarray(pixels)


MIDDLE, CORNER = (slice(128, 129), slice(128, 129)), (slice(0, 40), slice(0, 40))


def test_an_untouched_product_differs_by_nothing(picture: Make) -> None:
    assert ProductDifference().of(picture(noise(0))) == 0


def test_one_changed_pixel_is_found_and_the_background_is_not(picture: Make) -> None:
    good = picture(plain((90, 120, 60)))
    inside = replace(good, image=shifted(good.image, 3, MIDDLE))
    outside = replace(good, image=shifted(good.image, 90, CORNER))
    assert ProductDifference().of(inside) == 3
    assert ProductDifference().of(outside) == 0


def test_quality_before_the_composite(picture: Make, disc: Image.Image) -> None:
    good = picture(plain((90, 120, 60)))
    whole = (slice(None), slice(None))
    worse = replace(good, background=shifted(good.background, 10, whole))
    assert ProductPSNR().of(worse) == pytest.approx(20 * np.log10(255 / 10), abs=0.01)
    assert ProductSSIM().of(good) == pytest.approx(1)
    ruined = replace(good, background=Image.composite(noise(1), good.background, disc))
    assert ProductSSIM().of(ruined) < 0.3
    assert ProductSSIM().of(replace(good, background=good.background)) > 0.99


def test_what_is_missing_is_named(picture: Make) -> None:
    with pytest.raises(ValueError, match="needs the product"):
        ProductPSNR().of(replace(picture(plain((0, 0, 0))), product=None))
    with pytest.raises(ValueError, match="opaque"):
        ProductPSNR().of(replace(picture(plain((0, 0, 0))), product=Image.new("RGBA", (256, 256))))


def test_an_equal_product_has_a_psnr_that_can_be_averaged(picture: Make) -> None:
    good = picture(plain((90, 120, 60)))
    assert ProductPSNR().of(good) == 100
    one_pixel = replace(good, background=shifted(good.background, 1, MIDDLE))
    assert 70 < ProductPSNR().of(one_pixel) < 100
