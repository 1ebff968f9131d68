"""How close a background is to its reference in the eyes of a CLIP."""

from __future__ import annotations

from collections.abc import Sequence

from remixlab.metrics.clip import Scorer
from remixlab.metrics.fill import without_product
from remixlab.metrics.metric import Metric, Picture


class ClipStyle(Metric):
    """100 x the cosine of background and reference; the product is filled from around it first.

    Raw cosines are inflated: any two photographs are alike. Compare them between settings, and
    read `reference_rank` for an absolute judgement.
    """

    name, unit, better = "clip_style", "100 x cosine", "higher"

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    def of(self, picture: Picture) -> float:
        """See `Metric`."""
        return self.score([picture])[0]

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """See `Metric`."""
        if not pictures:
            return []
        side = self.scorer.side
        made = self.scorer.images([without_product(p.background, p.mask, side) for p in pictures])
        wanted = self.scorer.images([p.needed("reference") for p in pictures])
        return (100 * (made * wanted).sum(1)).tolist()
