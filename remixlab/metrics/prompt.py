"""How well a background shows what the prompt says, by a CLIP."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from remixlab.metrics.clip import Scorer
from remixlab.metrics.cosine import Cosine
from remixlab.metrics.fill import without_product
from remixlab.metrics.metric import Picture


class _PromptCosine(Cosine):
    """Something of a picture against its prompt."""

    unit, better = "100 x cosine", "higher"

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer


class PromptScore(_PromptCosine):
    """100 x the cosine of background and prompt (CLIPScore without its rescaling, Hessel et al.
    2021, arXiv:2104.08718); the product is filled from its surroundings first, for it would
    decide the score otherwise.
    """

    name = "prompt_score"

    def compared(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """See `Cosine`."""
        side = self.scorer.side
        seen = self.scorer.images([without_product(p.background, p.mask, side) for p in pictures])
        return seen, self.scorer.texts([p.prompt for p in pictures])


class WholePromptScore(_PromptCosine):
    """The same on the finished picture, product and all."""

    name = "whole_prompt_score"

    def compared(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """See `Cosine`."""
        seen = self.scorer.images([p.needed("image") for p in pictures])
        return seen, self.scorer.texts([p.prompt for p in pictures])
