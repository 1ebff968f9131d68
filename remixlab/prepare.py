"""From requests to what the networks read: the left half of the flow in `remix.py`."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from remixlab import images
from remixlab.config import BranchesConfig, RemixConfig
from remixlab.denoise.conditioning import (
    Branches,
    Conditions,
    Dials,
    distinct,
    encode_texts,
    micro_conditioning,
    text_warnings,
)
from remixlab.denoise.keep import Keep, latent_freedom
from remixlab.models.suite import Suite
from remixlab.models.vae import encode_pixels
from remixlab.product import Product, cut_out, draw_control, draw_outline, prefill
from remixlab.reference import encode_references
from remixlab.request import RemixRequest
from remixlab.runtime import Clock


@dataclass(frozen=True)
class PreparedProduct:
    """A product as it was given (`whole`), at the background's size, and its outline there."""

    whole: Product
    native: Product
    outline: NDArray[np.uint8]


def picture_key(request: RemixRequest) -> tuple[Hashable, ...]:
    """What decides a picture: requests with equal keys get the same one.

    A branch that a dial leaves out reads nothing, so what it would have read does not count.
    """
    styled = request.reference is not None and request.style_fidelity > 0
    return (
        id(request.product),
        id(request.reference) if styled else None,
        request.style_fidelity if styled else 0,
        request.prompt,
        request.negative_prompt if request.cfg_scale > 1 else "",
        request.cfg_scale if request.cfg_scale > 1 else 1,
        request.outline_fidelity,
        request.seed,
    )


def prepare_products(
    suite: Suite, requests: Sequence[RemixRequest], size: tuple[int, int], config: RemixConfig
) -> list[PreparedProduct]:
    """The product of each request, prepared once for all that have the same picture."""
    pictures, index = distinct([id(request.product) for request in requests])
    firsts = [requests[index.index(number)] for number in range(len(pictures))]
    prepared = [prepare_product(suite, request, size, config) for request in firsts]
    return [prepared[number] for number in index]


def prepare_product(
    suite: Suite, request: RemixRequest, size: tuple[int, int], config: RemixConfig
) -> PreparedProduct:
    """Cut the product out, bring it to the background's (width, height) and draw its outline."""
    whole = cut_out(request.product, config.segmenter)
    native = whole.resized(size)
    kind, latent = config.outline.kind, suite.latent_factor
    return PreparedProduct(whole, native, draw_outline(native, size, kind=kind, latent=latent))


def prepare_conditions(
    suite: Suite,
    requests: Sequence[RemixRequest],
    products: Sequence[PreparedProduct],
    config: RemixConfig,
    clock: Clock,
) -> tuple[Conditions, list[list[str]]]:
    """Encode every distinct text, reference and outline once; and the warnings of each request."""
    dials = [_dials(suite, request) for request in requests]
    with clock.measure("text"):
        texts, kinds = distinct(
            [r.prompt for r in requests] + [r.negative_prompt for r in requests]
        )
        embedded, pooled = encode_texts(suite, texts)
        told = {text: text_warnings(suite, text) for text in texts}
    with clock.measure("reference"):
        references, reference = _references(suite, requests, dials, config.reference.fit)
    with clock.measure("outline"):
        outlines, outline = _outlines(suite, products, dials)
    width, height = products[0].native.size
    conditions = Conditions(
        texts=embedded,
        pooled=pooled,
        prompts=kinds[: len(requests)],
        negatives=kinds[len(requests) :],
        references=references,
        reference=reference,
        outlines=outlines,
        outline=outline,
        time_ids=micro_conditioning(width, height),
        dials=dials,
        noise=distinct([request.seed for request in requests])[1],
        branches=_branches(suite, config.branches),
    )
    pairs = zip(requests, products, strict=True)
    return conditions, [_warnings(request, product, told) for request, product in pairs]


def prepare_keep(suite: Suite, products: Sequence[PreparedProduct], noise: Tensor) -> Keep:
    """Encode the products, each on a background of its own colours, and where they are kept."""
    names, index = distinct([product.native.rgba.tobytes() for product in products])
    known = [products[index.index(number)].native for number in range(len(names))]
    pixels = [images.to_tensor(Image.fromarray(prefill(product))) for product in known]
    latents = [encode_pixels(suite.vae, part.to(suite.device)) for part in pixels]
    alphas = [torch.from_numpy(product.alpha.copy())[None, None] / 255 for product in known]
    freedom = latent_freedom(torch.cat(alphas), suite.latent_factor).to(suite.device)
    return Keep(torch.cat(latents)[index], freedom[index], noise)


def control_image(product: PreparedProduct, kind: str) -> Tensor:
    """(3, H, W): what a ControlNet of this kind is shown of a product."""
    return torch.from_numpy(draw_control(product.native, product.outline, kind)).permute(2, 0, 1)


def _dials(suite: Suite, request: RemixRequest) -> Dials:
    style = suite.spec.reference_scale(request.style_fidelity) if request.reference else 0.0
    outline = request.outline_fidelity * suite.spec.control_scale
    return Dials(request.cfg_scale, outline, style)


def _branches(suite: Suite, config: BranchesConfig) -> Branches:
    until = config.guidance_until
    return Branches(
        guidance=(config.guidance_from, suite.spec.guidance_until if until is None else until),
        outline=(config.outline_from, config.outline_until),
        outline_unconditional=config.outline_unconditional,
    )


def _references(
    suite: Suite, requests: Sequence[RemixRequest], dials: Sequence[Dials], fit: str
) -> tuple[Tensor | None, list[int]]:
    """Tokens of the references that somebody reads, number 0 being none, and who reads which."""
    pairs = zip(requests, dials, strict=True)
    names = [request.reference_sha256 if dial.style > 0 else None for request, dial in pairs]
    named = zip(names, requests, strict=True)
    pictures = {name: request.reference for name, request in named if name and request.reference}
    if not pictures:
        return None, [0] * len(requests)
    numbers = {None: 0, **{name: number for number, name in enumerate(pictures, start=1)}}
    tokens = encode_references(suite, list(pictures.values()), fit)
    return tokens, [numbers[name] for name in names]


def _outlines(
    suite: Suite, products: Sequence[PreparedProduct], dials: Sequence[Dials]
) -> tuple[Tensor | None, list[int]]:
    """Embedded control images and who reads which; nothing where no dial asks for an outline."""
    if suite.controlnet is None or not any(d.outline > 0 for d in dials):
        return None, [0] * len(products)
    kind = suite.spec.control
    shown = [(p.outline, p.native.rgba) if kind == "inpaint" else (p.outline,) for p in products]
    names, index = distinct([tuple(part.tobytes() for part in parts) for parts in shown])
    firsts = [products[index.index(number)] for number in range(len(names))]
    pixels = torch.stack([control_image(product, kind) for product in firsts])
    return suite.outline_embedding(pixels.to(suite.device, suite.dtype)), index


def _warnings(
    request: RemixRequest, product: PreparedProduct, told: dict[str, list[str]]
) -> list[str]:
    fields = (("prompt", request.prompt), ("negative_prompt", request.negative_prompt))
    found = [f"{field} {warning}" for field, text in fields for warning in told[text]]
    if request.outline_fidelity > 0 and not product.outline.any():
        found.append(
            "outline_fidelity has no outline to weigh: the product fills the picture, or all of "
            "it is thinner than what a ControlNet can tell apart"
        )
    return found
