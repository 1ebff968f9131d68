"""Control images: the outline in the form that each kind of ControlNet was trained on."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from remixlab.errors import InvalidConfig
from remixlab.product.mask import Product

Control = NDArray[np.float32]


def draw_control(product: Product, outline: NDArray[np.uint8], kind: str) -> Control:
    """What a ControlNet is shown of `product`, float32 (h, w, 3).

    "lines" is the outline, white on black, as Canny maps are. "softedge" is the outline as the
    edge detectors HED and PiDiNet show edges: bright on the line, fading beside it. "inpaint" is
    the product's pixels in 0..1, and -1 where the picture is to be filled. All three show nothing
    of what surrounds the product.

    Args:
        product: at the size of the picture.
        outline: (h, w), 255 on lines, see `draw_outline`; "inpaint" does not need it.
        kind: the ControlNet's `control`.

    Raises:
        InvalidConfig: there is no such kind.
    """
    if kind not in _KINDS:
        accepted = ", ".join(_KINDS)
        raise InvalidConfig(field="model.controlnet.control", value=kind, accepted=accepted)
    return _KINDS[kind](product, outline)


def _lines(_: Product, outline: NDArray[np.uint8]) -> Control:
    return np.repeat(np.divide(outline, 255, dtype=np.float32)[..., None], 3, axis=2)


def _softedge(product: Product, outline: NDArray[np.uint8]) -> Control:
    """1 on the lines, a Gaussian of the distance to them beside, 0 where the product ends.

    Half of a detector's edge lies on the background; ours may not, as nothing but the product
    is to be steered. The Gaussian's width is that of a line, 1/256 of the shorter side.
    """
    distance = cv2.distanceTransform(255 - outline, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    soft = np.exp(-0.5 * (distance / max(1.0, min(outline.shape) / 256)) ** 2)
    soft = np.where((product.alpha > 0) & ~product.surroundings, soft, 0)
    return np.repeat(soft[..., None].astype(np.float32), 3, axis=2)


def _inpaint(product: Product, _: NDArray[np.uint8]) -> Control:
    kept = (product.alpha > 127) & ~product.surroundings  # this ControlNet's masks are binary
    pixels = np.divide(product.foreground, 255, dtype=np.float32)
    return np.where(kept[..., None], pixels, np.float32(-1))


_KINDS: dict[str, Callable[[Product, NDArray[np.uint8]], Control]] = {
    "lines": _lines,
    "softedge": _softedge,
    "inpaint": _inpaint,
}
