"""How close a background is to its reference in the eyes of a network.

Raw cosines are inflated: any two photographs are alike. Compare them between settings, and read
`reference_rank` for an absolute judgement.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from remixlab.metrics.clip import Scorer
from remixlab.metrics.cosine import Cosine
from remixlab.metrics.embedders import ImageEmbedder
from remixlab.metrics.fill import without_product
from remixlab.metrics.metric import Picture


class _StyleCosine(Cosine):
    """Background against reference; the product is filled from around it first."""

    unit, better = "100 x cosine", "higher"

    def __init__(self, eyes: Scorer | ImageEmbedder) -> None:
        self.eyes = eyes

    @property
    def judge(self) -> str:
        """See `Metric`."""
        return self.eyes.name

    def compared(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """See `Cosine`."""
        side, references = self.eyes.side, [p.needed("reference") for p in pictures]
        made = self.eyes.images([without_product(p.background, p.mask, side) for p in pictures])
        return made, self.eyes.images(references)


class ClipStyle(_StyleCosine):
    """100 x the cosine of background and reference, as CLIP sees them."""

    name = "clip_style"


class DinoStyle(_StyleCosine):
    """100 x the cosine of background and reference, as DINOv2 sees them: what is there, and how."""

    name = "dino_style"


class CsdStyle(_StyleCosine):
    """100 x the cosine of background and reference, as Contrastive Style Descriptors see them."""

    name = "csd_style"
