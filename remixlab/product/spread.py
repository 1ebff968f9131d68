"""Spreading colours into empty areas."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def push_pull(level: Floats, base: Floats) -> Floats:
    """(H, W, 4), colour times weight and weight in [0, 1] -> (H, W, 3) with every gap filled.

    Gaps take the colours around them and fade with distance to `base`, (1, 1, 3). Gortler et
    al., "The Lumigraph" (1996), section 3.4, with weights that saturate more slowly than
    theirs, which is what makes the colours fade.
    """
    height, width = level.shape[:2]
    behind = base
    if min(height, width) > 4:  # a quarter of the picture away, nothing is left of a colour
        half = ((width + 1) // 2, (height + 1) // 2)
        coarse = cv2.resize(level, half, interpolation=cv2.INTER_AREA)
        coarse *= planes(2 - cv2.extractChannel(coarse, 3), 4)  # w becomes 1 - (1 - w)^2
        filled = push_pull(coarse, base)
        behind = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    gaps = planes(1 - cv2.extractChannel(level, 3), 3)
    return np.asarray(cv2.cvtColor(level, cv2.COLOR_RGBA2RGB) + gaps * behind, np.float32)


def weighted(colour: NDArray[Any], weight: Floats) -> tuple[Floats, Floats]:
    """(H, W, 3) colours and (H, W) weights -> what `push_pull` takes: level and mean colour."""
    level = cv2.cvtColor(colour * planes(weight, 3), cv2.COLOR_RGB2RGBA)
    level = np.asarray(cv2.insertChannel(weight, level, 3), np.float32)
    *colours, total = cv2.sumElems(level)  # in float64
    return level, (np.array(colours, np.float32) / max(total, 1e-6)).reshape(1, 1, 3)


def planes(plane: Any, channels: int = 3) -> Floats:
    """(H, W) -> (H, W, channels): NumPy would go through the channels of each pixel in turn."""
    return np.asarray(cv2.merge([plane] * channels), np.float32)
