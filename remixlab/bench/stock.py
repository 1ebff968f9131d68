"""The same remix through diffusers' own SDXL ControlNet inpainting pipeline, one call a picture.

What surrounds the pipeline (cutting out, outline, prefill, composite) is ours, so that both ways
answer the same request; nothing is shared between calls. The pipeline differs where its own
design does: it binarises the mask, and runs branches that a dial sets to 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from PIL import Image

from remixlab import images
from remixlab.bench.stock_pipeline import set_reference_scale, stock_pipeline
from remixlab.errors import InvalidConfig
from remixlab.prepare import PreparedProduct, control_image, prepare_product
from remixlab.product import composite, prefill
from remixlab.reference import fit_square
from remixlab.remix import Remixer
from remixlab.request import RemixRequest
from remixlab.runtime import draw_noise, seeded_generators


class StockRemixer:
    """Remixes with the weights and the settings of `remixer`, and diffusers' own modules."""

    def __init__(self, remixer: Remixer) -> None:
        """Raises InvalidConfig where the weights are not on the device throughout."""
        if remixer.config.runtime.offload:
            accepted = "false beside stock diffusers; benchmarks/latency.py: stock=false"
            raise InvalidConfig(field="runtime.offload", value=True, accepted=accepted)
        self.remixer = remixer
        # Any, for the pipeline's annotations know neither its result nor its schedulers.
        self.pipeline: Any = stock_pipeline(remixer.suite)

    def remix(self, request: RemixRequest) -> Image.Image:
        """One picture, as large as the product."""
        size = self.remixer.native_size(request)
        product = prepare_product(self.remixer.suite, request, size, self.remixer.config)
        background = self.background(request, product)
        return composite(product.whole, images.resize(background, product.whole.size))

    @torch.inference_mode()
    def background(self, request: RemixRequest, product: PreparedProduct) -> Image.Image:
        """The pipeline's picture at its native size, before the composite.

        Without `hold_product` both ways compute the same.
        """
        suite, config = self.remixer.suite, self.remixer.config
        width, height = product.native.size
        (generator,) = generators = seeded_generators([request.seed])
        shape = suite.latent_channels, height // suite.latent_factor, width // suite.latent_factor
        noise = draw_noise(generators, shape, suite.device).to(suite.dtype)
        scale = suite.spec.reference_scale(request.style_fidelity)
        set_reference_scale(self.pipeline.unet, suite, scale)
        self.pipeline.scheduler = suite.scheduler_factory()
        pixels = self.pipeline(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            image=Image.fromarray(prefill(product.native)),
            mask_image=_mask(product, config.hold_product),
            control_image=control_image(product, suite.spec.control)[None],
            ip_adapter_image=_squeezed(request, suite.image_size),
            width=width,
            height=height,
            strength=1.0,
            guidance_scale=request.cfg_scale,
            controlnet_conditioning_scale=request.outline_fidelity * suite.spec.control_scale,
            num_inference_steps=config.steps or suite.spec.steps,
            latents=noise,
            generator=generator,
            output_type="pt",
        ).images
        return images.to_image(pixels * 2 - 1)


def stock_remixers(remixer: Remixer) -> dict[str, StockRemixer]:
    """Stock pipelines by their precision: ours, and before it on a CPU that of diffusers' loaders.

    Those load float32 unless told otherwise, which on a CPU is usual.
    """
    ours = {str(remixer.suite.dtype).removeprefix("torch."): StockRemixer(remixer)}
    if "float32" in ours or remixer.suite.device.type != "cpu":
        return ours
    runtime = replace(remixer.config.runtime, dtype="float32", compile="none", quantize="none")
    plain = Remixer.from_settings(replace(remixer.config, runtime=runtime))
    return {"float32": StockRemixer(plain), **ours}


def _mask(product: PreparedProduct, hold: bool) -> Image.Image:
    """White where the pipeline may paint."""
    if not hold:
        return Image.new("L", product.native.size, 255)
    return Image.fromarray(255 - product.native.alpha)


def _squeezed(request: RemixRequest, side: int) -> Image.Image:
    """The whole reference in the encoder's square, as ours; grey where there is none."""
    if request.reference is None:
        return Image.new("RGB", (side, side), (128, 128, 128))
    return fit_square(request.reference, side, "resize")
