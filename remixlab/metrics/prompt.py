"""How well a background shows what the prompt says, by a CLIP."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from remixlab.metrics.clip import ClipCosine
from remixlab.metrics.fill import without_product
from remixlab.metrics.metric import Picture


class PromptScore(ClipCosine):
    """100 x the cosine of background and prompt (CLIPScore without its rescaling, Hessel et al.
    2021, arXiv:2104.08718); the product is filled from its surroundings first, for it would
    decide the score otherwise.
    """

    name, unit, better = "prompt_score", "100 x cosine", "higher"

    def compared(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """See `ClipCosine`."""
        side = self.scorer.side
        seen = self.scorer.images([without_product(p.background, p.mask, side) for p in pictures])
        return seen, self.scorer.texts([p.prompt for p in pictures])


class WholePromptScore(ClipCosine):
    """The same on the finished picture, product and all."""

    name, unit, better = "whole_prompt_score", "100 x cosine", "higher"

    def compared(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """See `ClipCosine`."""
        seen = self.scorer.images([p.needed("image") for p in pictures])
        return seen, self.scorer.texts([p.prompt for p in pictures])
