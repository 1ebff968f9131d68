"""Reference-guided product photography: a toolkit and a benchmark.

>>> from remixlab import Remixer, RemixRequest
>>> request = RemixRequest(product_image="product.png", ref_image="reference.jpg", prompt="...")
>>> Remixer.from_config("mini").remix(request).save("remix.png")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from remixlab.request import (
    SIZES,
    ImageTooLarge,
    InvalidConfig,
    InvalidImage,
    InvalidRequest,
    MissingWeights,
    ProductAltered,
    RemixError,
    RemixRequest,
    RemixResult,
)

if TYPE_CHECKING:
    from remixlab.client import RemixClient
    from remixlab.remix import Remixer

__all__ = [
    "SIZES",
    "ImageTooLarge",
    "InvalidConfig",
    "InvalidImage",
    "InvalidRequest",
    "MissingWeights",
    "ProductAltered",
    "RemixClient",
    "RemixError",
    "RemixRequest",
    "RemixResult",
    "Remixer",
]


def __getattr__(name: str) -> Any:
    # diffusers takes seconds to import, and building or checking requests does not need it.
    if name == "Remixer":
        from remixlab.remix import Remixer

        return Remixer
    if name == "RemixClient":  # its HTTP library is an extra
        from remixlab.client import RemixClient

        return RemixClient
    raise AttributeError(f"module 'remixlab' has no attribute {name!r}")
