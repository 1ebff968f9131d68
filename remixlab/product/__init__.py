"""The product: its mask, its outline, and laying it, untouched, over a background."""

from remixlab.product.composite import assert_untouched, composite, prefill
from remixlab.product.control import draw_control
from remixlab.product.mask import SEGMENTERS, Product, cut_out
from remixlab.product.outline import OUTLINES, draw_outline

__all__ = [
    "OUTLINES",
    "SEGMENTERS",
    "Product",
    "assert_untouched",
    "composite",
    "cut_out",
    "draw_control",
    "draw_outline",
    "prefill",
]
