"""How close a background is to its reference in the eyes of a CLIP."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from remixlab.metrics.clip import ClipCosine
from remixlab.metrics.fill import without_product
from remixlab.metrics.metric import Picture


class ClipStyle(ClipCosine):
    """100 x the cosine of background and reference; the product is filled from around it first.

    Raw cosines are inflated: any two photographs are alike. Compare them between settings, and
    read `reference_rank` for an absolute judgement.
    """

    name, unit, better = "clip_style", "100 x cosine", "higher"

    def compared(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """See `ClipCosine`."""
        side = self.scorer.side
        made = self.scorer.images([without_product(p.background, p.mask, side) for p in pictures])
        return made, self.scorer.images([p.needed("reference") for p in pictures])
