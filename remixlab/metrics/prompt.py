"""How well a background shows what the prompt says, by a CLIP."""

from __future__ import annotations

from collections.abc import Sequence

from remixlab.metrics.clip import Scorer
from remixlab.metrics.fill import without_product
from remixlab.metrics.metric import Metric, Picture


class PromptScore(Metric):
    """100 x the cosine of background and prompt (CLIPScore without its rescaling, Hessel et al.
    2021, arXiv:2104.08718); the product is filled from its surroundings first, for it would
    decide the score otherwise.
    """

    name, unit, better = "prompt_score", "100 x cosine", "higher"

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    def of(self, picture: Picture) -> float:
        """See `Metric`."""
        return self.score([picture])[0]

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """See `Metric`."""
        if not pictures:
            return []
        seen = self.scorer.images(
            [without_product(p.background, p.mask, self.scorer.side) for p in pictures]
        )
        said = self.scorer.texts([p.prompt for p in pictures])
        return (100 * (seen * said).sum(1)).tolist()


class WholePromptScore(PromptScore):
    """The same on the finished picture, product and all."""

    name = "whole_prompt_score"

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """See `Metric`."""
        if not pictures:
            return []
        seen = self.scorer.images([p.needed("image") for p in pictures])
        return (100 * (seen * self.scorer.texts([p.prompt for p in pictures])).sum(1)).tolist()
