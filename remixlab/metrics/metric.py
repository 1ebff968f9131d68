"""What every score has in common: a name, a unit, a direction, and one raw value a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from remixlab.request import RemixRequest, RemixResult

Better = Literal["higher", "lower", "neither"]
FILLED = "the product fills the whole picture: there is no background to score"


class DoesNotApply(ValueError):
    """A score means nothing for this picture; the message is the reason, as a report shows it."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One remix as the scores see it.

    `background` is RGB, before the composite; `mask` is L, 255 where the product is, of the same
    size. `image` is the finished RGB picture, `product` the RGBA cut-out.
    """

    background: Image.Image
    mask: Image.Image
    image: Image.Image | None = None
    product: Image.Image | None = None
    reference: Image.Image | None = None
    prompt: str = ""

    @classmethod
    def of(cls, request: RemixRequest, result: RemixResult) -> Picture:
        """The picture that a remix made; the product is cut out as the remix cut it."""
        return cls.made(request, result.mask, result.image, result.background)

    @classmethod
    def made(
        cls, request: RemixRequest, mask: Image.Image, image: Image.Image, background: Image.Image
    ) -> Picture:
        """The picture that was made of a request, its product cut out by `mask`."""
        product = request.product.convert("RGB")
        product.putalpha(mask)
        return cls(
            background=background,
            mask=mask,
            image=image,
            product=product,
            reference=request.reference,
            prompt=request.prompt,
        )

    def around(self, side: int) -> NDArray[np.bool_]:
        """(side, side): where there is no product, at a reduced size.

        Raises DoesNotApply where the product fills the picture: there is nothing to score.
        """
        free = np.asarray(self.mask.resize((side, side))) < 8
        if not free.any():
            raise DoesNotApply(FILLED)
        return free

    def needed(self, part: Literal["image", "product", "reference"]) -> Image.Image:
        """A part that a score cannot do without; DoesNotApply where it is missing."""
        found = getattr(self, part)
        if found is None:
            raise DoesNotApply(f"this score needs the {part}, and the picture has none")
        return found


class Metric(ABC):
    """A score of single pictures.

    Where it means nothing it raises `DoesNotApply` with the reason: the score of that picture is
    missing then, and all others are as they were.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    better: ClassVar[Better]

    @property
    def judge(self) -> str:
        """The network that gives the score, by the name that it was asked for; "" for none."""
        return ""

    @abstractmethod
    def of(self, picture: Picture) -> float:
        """The raw value of one picture."""

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """The raw values of many pictures, in their order."""
        return [self.of(picture) for picture in pictures]
