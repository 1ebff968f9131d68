"""The product's outline: the only thing that the ControlNet ever sees."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from remixlab.errors import InvalidConfig
from remixlab.product.mask import Product
from remixlab.product.surroundings import disc

OUTLINES = ("silhouette", "edges")
_CANNY = 100, 200  # the thresholds that Canny ControlNets are commonly trained and shown with


def draw_outline(
    product: Product,
    size: tuple[int, int],
    *,
    kind: str = "silhouette",
    width: int | None = None,
    latent: int = 1,
) -> NDArray[np.uint8]:
    """Draw the outline at `size` = (w, h) -> (h, w) uint8, 255 on lines and 0 elsewhere.

    "silhouette" is the boundary of the product's mask, "edges" adds the Canny edges inside it.
    Every line lies on the product, where the composite covers it, never in the part that is
    generated; where the product leaves the picture there is no line along the border. `width`
    is in pixels, by default 1/256 of the shorter side and at least one. Soft shadows and glows
    that belong to the alpha are not the product (`find_surroundings`); a shadow with a hard edge
    all around is. Parts thinner than a latent of `latent` x `latent` pixels get no line, nor do
    handles and rings thinner than two: the ControlNet speaks in latents, and would take what lies
    between reeds, or is seen through a handle, for the product.

    Raises InvalidConfig on an unknown kind, a width below 1 or an empty size.
    """
    if kind not in OUTLINES:
        raise InvalidConfig(field="outline.kind", value=kind, accepted=", ".join(OUTLINES))
    if min(size) < 1:
        raise InvalidConfig(field="size", value=str(size), accepted="sides of at least 1 pixel")
    width = max(1, round(min(size) / 256)) if width is None else width
    if width < 1:
        raise InvalidConfig(field="outline.width", value=width, accepted="at least 1 pixel")
    small = product.resized(size)
    whole = _mask(small)
    mask = _without_handles(_opened(whole, (latent - 1) // 2), whole, latent)
    inner = _erode(mask, width)
    outline = mask - inner
    return outline | _edges(small, inner, width) if kind == "edges" else outline


def _mask(product: Product) -> NDArray[np.uint8]:
    """0/255, what covers at least a quarter of what the product covers at most, without gaps.

    Glass covers little where it is clear; what it encloses belongs to the product all the same.
    """
    alpha, proper = product.alpha, ~product.surroundings
    mask = np.where((alpha > int(alpha.max()) // 4) & proper, 255, 0).astype(np.uint8)
    reach = max(1, min(mask.shape) // 64)
    closed = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc(reach)), np.uint8)
    return np.where((alpha > 0) & proper, closed, mask).astype(np.uint8)


def _holes(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """0/255, what the mask encloses within the picture."""
    around = cv2.copyMakeBorder(255 - mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=255)
    cv2.floodFill(around, None, (0, 0), 0)
    return np.ascontiguousarray(around[1:-1, 1:-1], np.uint8)


def _without_handles(
    mask: NDArray[np.uint8], whole: NDArray[np.uint8], latent: int
) -> NDArray[np.uint8]:
    """Without what is thinner than two latents around holes of `whole` that a latent fits in.

    A part that is nowhere farther from its hole than three latents, such as a ring, goes whole:
    its outer line alone would be that of a disc.
    """
    holes = _opened(_holes(whole), (latent - 1) // 2)
    near = np.asarray(cv2.dilate(holes, disc(3 * latent))) > 0  # with a handle's outer corners
    left = np.where(near, _opened(mask, latent - 1), mask).astype(np.uint8)
    _, parts = cv2.connectedComponents(left)  # so do bulges of a handle that is gone
    return np.where(np.isin(parts, np.unique(parts[~near])), left, 0).astype(np.uint8)


def _opened(mask: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Without the parts that no disc of `radius` fits in; the picture's border cuts none off."""
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc(radius)), np.uint8)


def _erode(mask: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Shrink by `radius`; what is outside the picture counts as product (OpenCV's default)."""
    return np.asarray(cv2.erode(mask, disc(radius)), np.uint8)


def _edges(product: Product, inner: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Canny (1986) on the product, clear of its boundary, thickened to `width`."""
    grey = cv2.cvtColor(product.foreground, cv2.COLOR_RGB2GRAY)
    # What lies outside the mask is not the product: Canny must not see its edges, and its
    # 3x3 Sobel reaches one pixel over.
    clear = _erode(inner, 1)
    edges = np.asarray(cv2.Canny(grey, *_CANNY), np.uint8) & clear
    thick = cv2.dilate(edges, np.ones((width, width), np.uint8))
    return np.asarray(thick, np.uint8) & inner
