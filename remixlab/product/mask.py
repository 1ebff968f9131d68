"""Cutting the product out: its alpha as given, GrabCut, or rembg.

The product's pixels are never changed here; only the alpha is decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from remixlab import images
from remixlab.errors import InvalidConfig, InvalidRequest
from remixlab.product.cast_shadow import find_cast_shadow
from remixlab.product.foreground import bounds, estimate_foreground
from remixlab.product.surroundings import find_surroundings

_GRABCUT_SIDE = 1024  # pixels; above it GrabCut takes minutes and segments no better
_GRABCUT_STEPS = 5


@dataclass(frozen=True, eq=False)
class Product:
    """A cut-out product: `rgba` is (H, W, 4) uint8, straight alpha, made read-only."""

    rgba: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.rgba.ndim != 3 or self.rgba.shape[2] != 4 or self.rgba.dtype != np.uint8:
            shown = f"{self.rgba.shape} {self.rgba.dtype}"
            raise InvalidConfig(field="rgba", value=shown, accepted="(H, W, 4) uint8")
        self.rgba.flags.writeable = False

    @cached_property
    def alpha(self) -> NDArray[np.uint8]:
        """(H, W) uint8: 255 is product, 0 is to be filled."""
        plane = np.asarray(cv2.extractChannel(self.rgba, 3), np.uint8)
        plane.flags.writeable = False
        return plane

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.rgba.shape[1], self.rgba.shape[0]

    @cached_property
    def opaque(self) -> NDArray[np.uint8]:
        """(H, W): 255 where alpha is 255 and 0 elsewhere, the kind of mask that OpenCV takes."""
        return np.asarray(cv2.inRange(self.alpha, 255, 255), np.uint8)

    @cached_property
    def soft(self) -> tuple[NDArray[np.intp], ...]:
        """Rows and columns of the pixels with 0 < alpha < 255."""
        return np.nonzero(cv2.inRange(self.alpha, 1, 254) > 0)

    @cached_property
    def foreground(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8: the product's own colour, freed of the background it was cut from.

        See `estimate_foreground`: only pixels with 0 < alpha < 255 differ from `rgba`.
        """
        result = estimate_foreground(self.rgba)
        result.flags.writeable = False
        return result

    @cached_property
    def surroundings(self) -> NDArray[np.bool_]:
        """(H, W): where alpha is that of a soft shadow or a glow, see `find_surroundings`."""
        result = find_surroundings(self.alpha)
        result.flags.writeable = False
        return result

    @cached_property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the smallest box that holds it all: outside, alpha is 0."""
        return bounds(self.alpha)

    @cached_property
    def cropped(self) -> Product:
        """What is in `box`, with the same colours."""
        return _freed(self.rgba[self.box], self.foreground[self.box])

    def resized(self, size: tuple[int, int]) -> Product:
        """The product at `size` = (width, height), with the freed colours at its edge."""
        if size == self.size:
            return self
        # Nothing is computed where the filter only sees what is transparent.
        rows, lines, (top, bottom) = images.seen(self.box[0], self.size[1], size[1])
        columns, places, (left, right) = images.seen(self.box[1], self.size[0], size[0])
        freed = cv2.cvtColor(self.foreground[rows, columns], cv2.COLOR_RGB2RGBA)
        picture = Image.fromarray(cv2.insertChannel(self.alpha[rows, columns], freed, 3))
        rgba = np.zeros((size[1], size[0], 4), np.uint8)
        target = rgba[lines, places]
        shape, box = (target.shape[1], target.shape[0]), (left, top, right, bottom)
        target[:] = np.asarray(picture.resize(shape, Image.Resampling.LANCZOS, box))
        return _freed(rgba, rgba[..., :3])


def _freed(rgba: NDArray[np.uint8], foreground: NDArray[np.uint8]) -> Product:
    """A product whose foreground is known: estimating it would cost time and accuracy."""
    product = Product(rgba)
    vars(product)["foreground"] = foreground
    return product


def _from_alpha(picture: Image.Image) -> NDArray[np.uint8]:
    alpha = np.asarray(picture.convert("RGBA").getchannel("A"))
    if alpha.min() == 255:
        accepted = (
            "a picture with a transparent background; this one is opaque, "
            'so choose segmenter "grabcut" or "rembg" to cut the product out'
        )
        raise InvalidRequest(field="product_image", value=picture, accepted=accepted)
    return alpha


def _from_grabcut(picture: Image.Image) -> NDArray[np.uint8]:
    """Rother, Kolmogorov, Blake, "GrabCut" (2004), from a rectangle just inside the border.

    It takes the shadow on a plain background for product too; see `find_cast_shadow`.
    """
    width, height = images.reduced(picture.size, _GRABCUT_SIDE)
    rgb = np.asarray(images.flatten(picture))
    # By area: Lanczos rings, and around flat colours GrabCut's models take that for a colour.
    small = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    inset = max(1, round(min(width, height) / 50))
    box = (inset, inset, width - 2 * inset, height - 2 * inset)
    labels = np.zeros((height, width), np.uint8)
    cv2.setRNGSeed(0)  # the mixture models start from k-means
    try:
        bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(bgr, labels, box, *models, _GRABCUT_STEPS, cv2.GC_INIT_WITH_RECT)
    except cv2.error as error:
        accepted = "a picture in which GrabCut can tell the product from its border"
        raise InvalidRequest(field="product_image", value=picture, accepted=accepted) from error
    found = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    rim = np.ones(found.shape, np.bool_)
    rim[inset:-inset, inset:-inset] = False
    mask = np.where(found & ~find_cast_shadow(small, rim, found), 255, 0).astype(np.uint8)
    full = np.asarray(cv2.resize(mask, picture.size, interpolation=cv2.INTER_LINEAR))
    soft = cv2.blur(np.where(full > 127, 255, 0).astype(np.uint8), (3, 3))  # about a pixel
    return np.asarray(soft, np.uint8)


@cache
def _rembg_session() -> object:
    from rembg import new_session  # pyright: ignore[reportMissingImports]

    return new_session()


def _from_rembg(picture: Image.Image) -> NDArray[np.uint8]:
    try:
        from rembg import remove  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        accepted = '"alpha" or "grabcut"; for "rembg" first: pip install remixlab[rembg]'
        raise InvalidConfig(field="segmenter", value="rembg", accepted=accepted) from error
    mask = remove(images.flatten(picture), only_mask=True, session=_rembg_session())
    return np.array(mask.convert("L"))


SEGMENTERS: dict[str, Callable[[Image.Image], NDArray[np.uint8]]] = {
    "alpha": _from_alpha,
    "grabcut": _from_grabcut,
    "rembg": _from_rembg,
}


def cut_out(image: Image.Image, segmenter: str = "alpha") -> Product:
    """Cut the product out of a picture of any mode; its colours are kept as they are.

    "alpha" takes the picture's alpha; "grabcut" (OpenCV, no weights) and "rembg" (optional
    extra) find the product and can only take away from an alpha that is already there.

    Raises:
        InvalidConfig: an unknown segmenter, or rembg without its package.
        InvalidRequest: the picture is opaque ("alpha"), or nothing of it is left.
    """
    if segmenter not in SEGMENTERS:
        accepted = ", ".join(SEGMENTERS)
        raise InvalidConfig(field="segmenter", value=segmenter, accepted=accepted)
    picture = images.decode(image, field="product_image")
    rgba = np.asarray(picture.convert("RGBA"))
    given = np.asarray(cv2.extractChannel(rgba, 3), np.uint8)
    alpha = np.minimum(given, SEGMENTERS[segmenter](picture))
    if not alpha.any():
        accepted = f'a picture in which segmenter "{segmenter}" leaves something of the product'
        raise InvalidRequest(field="product_image", value=picture, accepted=accepted)
    if not np.array_equal(alpha, given):
        rgba = np.asarray(cv2.insertChannel(alpha, rgba.copy(), 3), np.uint8)
    return Product(rgba)
