"""How well a background shows what the prompt says, by a CLIP."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from remixlab.metrics.clip import Scorer
from remixlab.metrics.cosine import Cosine
from remixlab.metrics.fill import without_product
from remixlab.metrics.metric import DoesNotApply, Picture


class _PromptCosine(Cosine):
    """Something of a picture against its prompt."""

    unit, better = "100 x cosine", "higher"

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    @property
    def judge(self) -> str:
        """See `Metric`."""
        return self.scorer.name

    def prompts(self, pictures: Sequence[Picture]) -> Tensor:
        """What the prompts say, (N, D); DoesNotApply where one says nothing."""
        if not all(picture.prompt.strip() for picture in pictures):
            raise DoesNotApply("there is no prompt to compare with")
        return self.scorer.texts([picture.prompt for picture in pictures])


class PromptScore(_PromptCosine):
    """100 x the cosine of background and prompt (CLIPScore without its rescaling, Hessel et al.
    2021, arXiv:2104.08718); the product is filled from its surroundings first, for it would
    decide the score otherwise.
    """

    name = "prompt_score"

    def compared(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """See `Cosine`."""
        said, side = self.prompts(pictures), self.scorer.side
        return self.scorer.images(
            [without_product(p.background, p.mask, side) for p in pictures]
        ), said


class WholePromptScore(_PromptCosine):
    """The same on the finished picture, product and all."""

    name = "whole_prompt_score"

    def compared(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """See `Cosine`."""
        said = self.prompts(pictures)
        return self.scorer.images([p.needed("image") for p in pictures]), said
