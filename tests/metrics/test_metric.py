"""The picture that scores see of a remix."""

from __future__ import annotations

import numpy as np
from PIL import Image

from remixlab import Remixer, RemixRequest
from remixlab.metrics.metric import Picture
from remixlab.metrics.product import ProductDifference, ProductPSNR
from tests.conftest import make_product, make_reference


def test_a_remix_as_the_scores_see_it(tiny_remixer: Remixer) -> None:
    request = RemixRequest(
        product_image=make_product(64, 96), ref_image=make_reference(1), prompt="x"
    )
    result = tiny_remixer.remix(request)
    picture = Picture.of(request, result)
    assert picture.image == result.image and picture.background == result.background
    assert picture.reference == request.reference and picture.prompt == "x"
    assert picture.product is not None and picture.product.mode == "RGBA"
    assert np.array_equal(np.asarray(picture.product)[..., 3], np.asarray(result.mask))
    assert ProductDifference().score([picture, picture]) == [0, 0]
    assert ProductPSNR().of(picture) > 0


def test_around_is_where_no_product_is() -> None:
    mask = Image.new("L", (40, 20))
    mask.paste(255, (0, 0, 20, 20))
    free = Picture(Image.new("RGB", (40, 20)), mask).around(10)
    assert free[:, 6:].all() and not free[:, :4].any()
