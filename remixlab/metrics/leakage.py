"""What was copied from a reference rather than taken over as its style."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from remixlab import images
from remixlab.metrics.metric import Metric, Picture

_SIDE, _PATCH, _STRIDE = 128, 32, 4
_SAME = 0.85  # correlation from which two patches show the same thing
_STRUCTURE = 6.0  # standard deviation of grey levels, of 255, below which a patch shows nothing


class Leakage(Metric):
    """Share of the background that is covered by patches found again in the reference.

    Patches of 32 pixels of the background at 128 x 128 are sought in the reference, anywhere and
    mirrored too, by normalised cross-correlation (Lewis 1995, "Fast Normalized Cross-Correlation"),
    which sees structure and not colour or contrast. Patches without structure match everything and
    are left out; so are those that reach into the product.
    """

    name, unit, better = "leakage", "share of the background", "lower"

    def of(self, picture: Picture) -> float:
        """See `Metric`."""
        background = _grey(picture.background)
        reference = _grey(picture.needed("reference"))
        around = picture.around(_SIDE)
        covered = np.zeros_like(around)
        for top, left in _places(background, around):
            here = slice(top, top + _PATCH), slice(left, left + _PATCH)
            if _best_match(background[here], reference) > _SAME:
                covered[here] = True
        return float(covered[around].mean())


def _places(grey: NDArray[np.float32], around: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Corners of the patches that have structure and no product in them."""
    steps = range(0, _SIDE - _PATCH + 1, _STRIDE)
    return [
        (top, left)
        for top in steps
        for left in steps
        if around[top : top + _PATCH, left : left + _PATCH].all()
        and _structured(grey[top : top + _PATCH, left : left + _PATCH])
    ]


def _structured(patch: NDArray[np.float32]) -> bool:
    """More than a gradient, of which any two are alike."""
    rows, columns = np.mgrid[: patch.shape[0], : patch.shape[1]]
    plane = np.stack([rows.ravel(), columns.ravel(), np.ones(patch.size)], 1)
    fitted = plane @ np.linalg.lstsq(plane, patch.ravel(), rcond=None)[0]
    return float((patch.ravel() - fitted).std()) > _STRUCTURE


def _best_match(patch: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    matches = (
        cv2.matchTemplate(reference, np.ascontiguousarray(template), cv2.TM_CCOEFF_NORMED)
        for template in (patch, patch[:, ::-1])
    )
    return float(max(np.nan_to_num(match, posinf=0, neginf=0).max() for match in matches))


def _grey(picture: Image.Image) -> NDArray[np.float32]:
    return np.asarray(images.resize(picture, (_SIDE, _SIDE)).convert("L"), np.float32)
