"""What the scores of embeddings have in common: a cosine a picture, many embedded at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor

from remixlab.metrics.metric import Metric, Picture


class Cosine(Metric):
    """100 x the cosine of two things about a picture, as a network sees them."""

    def of(self, picture: Picture) -> float:
        """See `Metric`."""
        return self.score([picture])[0]

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """See `Metric`."""
        if not pictures:
            return []
        one, other = self.compared(pictures)
        return (100 * (one * other).sum(1)).tolist()

    @abstractmethod
    def compared(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """Two (N, D) sets of unit vectors, a row a picture."""
