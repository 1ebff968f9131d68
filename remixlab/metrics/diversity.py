"""How different the pictures of several seeds are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from skimage.color import rgb2lab

from remixlab import images
from remixlab.metrics.metric import Picture

_SIDE = 32


def diversity(pictures: Sequence[Picture]) -> float:
    """Mean over pairs of the mean CIELAB distance, pixel by pixel, at 32 x 32; in Delta E.

    The reduction leaves what one sees at a glance: the noise of fine textures would count as
    diversity otherwise. Where either shows its product is left out. ValueError for fewer than two.
    """
    if len(pictures) < 2:
        raise ValueError(f"diversity compares pictures: got {len(pictures)}, accepted: at least 2")
    labs = [rgb2lab(np.asarray(images.resize(p.background, (_SIDE, _SIDE)))) for p in pictures]
    free = [picture.around(_SIDE) for picture in pictures]
    distances = [
        np.linalg.norm(labs[a] - labs[b], axis=-1)[free[a] & free[b]].mean()
        for a, b in combinations(range(len(pictures)), 2)
    ]
    return float(np.mean(distances))
