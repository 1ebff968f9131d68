"""What the form holds, as one value: from it a request is built, and a history entry restored."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from PIL import Image

from remixlab import images
from remixlab.errors import InvalidRequest
from remixlab.request import DEFAULT_NEGATIVE_PROMPT, RemixRequest
from remixlab.serve.playground.placement import Placement, place


@dataclass(frozen=True)
class Settings:
    """The form's values under their names, in the order of its inputs; pictures by file name."""

    product_image: str | None = None
    ref_image: str | None = None
    prompt: str = RemixRequest.prompt
    negative_prompt: str = DEFAULT_NEGATIVE_PROMPT
    outline_fidelity: float = RemixRequest.outline_fidelity
    style_fidelity: float = RemixRequest.style_fidelity
    cfg_scale: float = RemixRequest.cfg_scale
    seed: Any = RemixRequest.seed
    size: str = Placement.size
    scale: float = Placement.scale
    padding: float = Placement.padding
    horizontal: float = Placement.horizontal
    vertical: float = Placement.vertical

    @classmethod
    def names(cls) -> list[str]:
        """The names, in order."""
        return [field.name for field in fields(cls)]

    def values(self) -> list[Any]:
        """The values, in order."""
        return [getattr(self, name) for name in self.names()]

    def with_seed(self, seed: int) -> Settings:
        """The same with the seed that was drawn."""
        return replace(self, seed=seed)

    @property
    def placement(self) -> Placement:
        """How the product is framed."""
        return Placement(self.size, self.scale, self.padding, self.horizontal, self.vertical)

    def framed_product(self, segmenter: str) -> Image.Image:
        """The product as the request gets it: in its frame, or as it is.

        Raises RemixError where there is no product or none that can be used.
        """
        if self.product_image is None:
            accepted = "a picture: drop one on the page or choose an example"
            raise InvalidRequest(field="product_image", value=None, accepted=accepted)
        picture = images.decode(self.product_image, field="product_image")
        return place(picture, self.placement, segmenter=segmenter)

    def request(self, segmenter: str = "alpha") -> RemixRequest:
        """The request, with its seed drawn; raises RemixError as it does."""
        return RemixRequest(
            product_image=self.framed_product(segmenter),
            ref_image=self.ref_image or None,
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            outline_fidelity=self.outline_fidelity,
            style_fidelity=self.style_fidelity,
            cfg_scale=self.cfg_scale,
            seed=self.seed,
        ).resolved()

    @property
    def product_name(self) -> str:
        """A file name for the product as the request gets it."""
        name = Path(self.product_image or "product.png")
        return f"{name.stem}_{self.size}.png" if self.size else name.name

    @property
    def reference_name(self) -> str | None:
        """A file name for the reference."""
        return Path(self.ref_image).name if self.ref_image else None
