"""What a remix is asked for and what it answers: the one place where input is validated.

Python, command line, HTTP, sweeps and replays all build a `RemixRequest`. The errors and the
seven recommended sizes are exported here too.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from PIL import Image

from remixlab import images
from remixlab.errors import (
    ImageTooLarge,
    InvalidConfig,
    InvalidImage,
    InvalidRequest,
    MissingWeights,
    ProductAltered,
    RemixError,
)
from remixlab.fields import LARGEST, MAX_SEED, clean_number, clean_seed, clean_text, image_bytes
from remixlab.files import write_whole
from remixlab.images import ImageSource
from remixlab.outputs import check_ending

__all__ = [
    "DEFAULT_NEGATIVE_PROMPT",
    "SIZES",
    "ImageTooLarge",
    "InvalidConfig",
    "InvalidImage",
    "InvalidRequest",
    "MissingWeights",
    "ProductAltered",
    "RemixError",
    "RemixRequest",
    "RemixResult",
    "Size",
]

DEFAULT_NEGATIVE_PROMPT = (
    "worst quality, low quality, illustration, 3d, 2d, painting, cartoons, sketch"
)
SIDES = (64, 8192)  # pixels of a product's side, inclusive
BOTH_IMAGES = 8192 * 8192 + 4096 * 4096  # pixels that product and reference may have together


@dataclass(frozen=True)
class Size:
    """A recommended size: width and height in pixels, ratio as people call it ("4:3")."""

    tag: str
    name: str
    ratio: str
    width: int
    height: int


SIZES: dict[str, Size] = {
    size.tag: size
    for size in (
        Size("fullscreen", "Fullscreen", "4:3", 1152, 896),
        Size("widescreen", "Widescreen", "16:9", 1344, 768),
        Size("ultrawide", "Ultrawide", "21:9", 1536, 640),
        Size("landscape", "Mobile landscape", "3:2", 1216, 832),
        Size("square", "Square", "1:1", 1024, 1024),
        Size("portrait", "Mobile portrait", "2:3", 832, 1216),
        Size("tall", "Tall", "9:16", 768, 1344),
    )
}


@dataclass(frozen=True, kw_only=True)
class RemixRequest:
    """One remix, validated and normalised when it is built.

    Images are given as path, bytes or PIL image and read back, decoded, as `product` (RGB or
    RGBA) and `reference` (RGB, transparency over white, or None). Numbers may also be given as
    text, as forms send them; a blank or None seed means -1, "draw one". An empty negative
    prompt means the default; a single space is the way to have none. `max_pixels` caps product
    and reference together; it is no field.

    Raises:
        InvalidRequest: a field has the wrong type or value, or a product side is not 64 to 8192.
        InvalidImage: an image cannot be decoded (`ImageTooLarge`: it is over the limits).
    """

    product_image: ImageSource
    prompt: str = ""
    ref_image: ImageSource | None = None
    negative_prompt: str = DEFAULT_NEGATIVE_PROMPT
    seed: int = -1
    cfg_scale: float = 1.75
    outline_fidelity: float = 1.0
    style_fidelity: float = 0.7
    max_pixels: InitVar[int] = BOTH_IMAGES

    def __post_init__(self, max_pixels: int) -> None:
        # The cheap fields first: nothing is decoded for a request that is refused anyway.
        negative = clean_text("negative_prompt", self.negative_prompt)
        clean: dict[str, object] = {
            "prompt": clean_text("prompt", self.prompt),
            "negative_prompt": negative or DEFAULT_NEGATIVE_PROMPT,
            "seed": clean_seed(self.seed),
        }
        for name, largest in LARGEST.items():
            clean[name] = clean_number(name, getattr(self, name), largest)
        clean["product_image"] = product = _product(self.product_image, max_pixels)
        left = max_pixels - product.width * product.height
        clean["ref_image"] = _reference(self.ref_image, left)
        for name, value in clean.items():
            object.__setattr__(self, name, value)

    @property
    def product(self) -> Image.Image:
        """The decoded product picture, RGB or RGBA."""
        return cast(Image.Image, self.product_image)

    @property
    def reference(self) -> Image.Image | None:
        """The decoded reference, RGB, or None."""
        return cast("Image.Image | None", self.ref_image)

    @cached_property
    def product_sha256(self) -> str:
        """The product's identity, see `images.sha256`."""
        return images.sha256(self.product)

    @cached_property
    def reference_sha256(self) -> str | None:
        """The reference's identity; None without one."""
        return images.sha256(self.reference) if self.reference else None

    def resolved(self) -> RemixRequest:
        """A copy whose seed is drawn (1 to 2^32 inclusive) if it was -1; images are shared."""
        drawn = secrets.randbelow(MAX_SEED) + 1 if self.seed == -1 else self.seed
        return replace(self, seed=drawn)

    @classmethod
    def from_body(
        cls,
        body: Mapping[str, Any],
        *,
        max_bytes: int = images.DEFAULT_LIMITS.bytes,
        max_pixels: int = BOTH_IMAGES,
    ) -> RemixRequest:
        """Build a request from the JSON body of the HTTP API.

        `product_image` and `ref_image`, both required, are standard base64 (white space is
        fine) or a data URL of it. A fetcher that has resolved a URL puts the bytes in its
        place. `max_bytes` caps each image, `max_pixels` both, before they are decoded.

        Raises what the constructor raises, and InvalidRequest for keys it does not know.
        """
        names = [entry.name for entry in fields(cls)]
        if not isinstance(body, Mapping):
            raise InvalidRequest(field="body", value=body, accepted="a JSON object")
        unknown = [key for key in body if key not in names]
        if unknown:
            raise InvalidRequest(field="body", value=unknown[0], accepted=", ".join(names))
        values = dict(body)
        for name in ("product_image", "ref_image"):
            values[name] = image_bytes(name, values.get(name), max_bytes)
        return cls(**values, max_pixels=max_pixels)


@dataclass(kw_only=True)
class RemixResult:
    """What a remix gives back.

    `image` is RGB and as large as the product; `background` is the picture before the
    composite; `seed` is the one really used; `timings` are seconds by stage.
    """

    image: Image.Image
    seed: int
    mask: Image.Image
    outline: Image.Image
    background: Image.Image
    timings: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | os.PathLike[str], metadata: bool = True) -> None:
        """Write `image` as a PNG; `metadata` adds the provenance (JSON) as its text "remixlab".

        The file is written whole or not at all, and missing folders are made. Raises
        InvalidConfig when the name does not end in .png: metadata would not survive.
        """
        target = Path(path)
        check_ending("path", target, (".png",))
        text = self.png_text() if metadata else None
        write_whole(target, images.encode_png(self.image, text))

    def png_text(self) -> dict[str, str]:
        """The provenance as a PNG's text: its one key is "remixlab", its value JSON."""
        return {"remixlab": json.dumps(self.provenance, sort_keys=True)}


def _product(source: ImageSource, pixels: int) -> Image.Image:
    limits = images.Limits(pixels=min(images.DEFAULT_LIMITS.pixels, pixels))
    product = images.decode(source, field="product_image", limits=limits)
    low, high = SIDES
    if not (low <= min(product.size) and max(product.size) <= high):
        sides = f"sides from {low} to {high} pixels"
        raise InvalidRequest(field="product_image", value=product, accepted=sides)
    return product


def _reference(source: ImageSource | None, pixels: int) -> Image.Image | None:
    if source is None:
        return None
    limits = images.Limits(pixels=min(images.DEFAULT_LIMITS.pixels, pixels))
    return images.flatten(images.decode(source, field="ref_image", limits=limits))
