"""How different the pictures of several seeds are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from skimage.color import rgb2lab

from remixlab import images
from remixlab.metrics.metric import FILLED, DoesNotApply, Picture

_SIDE = 32


class SeedDiversity:
    """Mean CIELAB distance of a picture to those of the other seeds, all else being equal."""

    name, unit, better = "diversity", "Delta E", "neither"
    judge = ""  # no network

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """The value of each picture among all of them.

        Distances are taken pixel by pixel at 32 x 32, which leaves what one sees at a glance: the
        noise of fine textures would count as diversity otherwise. Where either shows its product
        is left out. DoesNotApply for fewer than two pictures, or where nothing else is shown.
        """
        count = len(pictures)
        if count < 2:
            raise DoesNotApply(f"diversity compares two seeds or more, and there are {count}")
        small = [np.asarray(images.resize(p.background, (_SIDE, _SIDE))) for p in pictures]
        labs = [rgb2lab(pixels) for pixels in small]
        free = [picture.around(_SIDE) for picture in pictures]
        distances = np.zeros((count, count))
        for a, b in combinations(range(count), 2):
            both = free[a] & free[b]
            if not both.any():
                raise DoesNotApply(FILLED)
            apart = np.linalg.norm(labs[a] - labs[b], axis=-1)[both].mean()
            distances[a, b] = distances[b, a] = apart
        return (distances.sum(1) / (count - 1)).tolist()


def diversity(pictures: Sequence[Picture]) -> float:
    """Mean over all pairs of pictures, see `SeedDiversity`."""
    return float(np.mean(SeedDiversity().score(pictures)))
