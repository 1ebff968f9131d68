"""Laying the product over a background, and checking that nothing touched it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from remixlab.errors import InvalidImage, ProductAltered
from remixlab.product.mask import Product
from remixlab.product.spread import push_pull, weighted


def composite(product: Product, background: Image.Image) -> Image.Image:
    """Lay the product over an RGB background of the same size -> RGB.

    The product's pixels, bit for bit, where alpha is 255; the background's where it is 0; in
    between foreground * alpha + background * (1 - alpha), rounded to nearest.

    Raises InvalidImage when the background has another size or mode.
    """
    if background.size != product.size or background.mode != "RGB":
        accepted = f"an RGB image of {product.size[0]}x{product.size[1]}"
        raise InvalidImage(field="background", value=background, accepted=accepted)
    result = np.array(background)
    cropped, under = product.cropped, result[product.box]
    cv2.copyTo(cropped.foreground, cropped.opaque, under)
    soft = cropped.soft
    alpha = cropped.alpha[soft].astype(np.uint16)[:, None]
    blended = cropped.foreground[soft] * alpha + under[soft] * (255 - alpha)
    under[soft] = (blended + 127) // 255
    image = Image.fromarray(result)
    assert_untouched(product, image)
    return image


def assert_untouched(product: Product, image: Image.Image) -> None:
    """Raise ProductAltered unless `image` shows the product, bit for bit, where alpha is 255."""
    accepted = "the product's own pixels wherever its alpha is 255"
    if image.size != product.size or image.mode != "RGB":
        raise ProductAltered(field="image", value=image, accepted=accepted)
    rows, columns = product.box
    box = columns.start, rows.start, columns.stop, rows.stop
    cropped, shown = product.cropped, np.asarray(image.crop(box))
    given = cv2.cvtColor(cropped.rgba, cv2.COLOR_RGBA2RGB)
    if cv2.norm(shown, given, cv2.NORM_INF, cropped.opaque) == 0:
        return
    altered = int(((shown != given).any(axis=2) & (cropped.opaque > 0)).sum())
    raise ProductAltered(field="image", value=f"{altered} altered pixels", accepted=accepted)


def prefill(product: Product, colour: ArrayLike | None = None) -> NDArray[np.uint8]:
    """Fill the transparent area so that an autoencoder sees no hard edge -> (H, W, 3) uint8.

    The colours at the product's edge spread outward and fade to `colour`, (3,) in 0..255, by
    default the mean of the foreground; the product itself lies over them by its alpha.
    The spreading is `push_pull`.
    """
    alpha = np.divide(product.alpha, 255, dtype=np.float32)
    level, mean = weighted(product.foreground, alpha)
    base = mean if colour is None else np.asarray(colour, np.float32).reshape(1, 1, 3)
    return np.asarray(cv2.convertScaleAbs(push_pull(level, base)), np.uint8)
