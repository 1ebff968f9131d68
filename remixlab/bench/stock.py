"""The same remix through diffusers' own SDXL ControlNet inpainting pipeline, one call a picture.

What surrounds the pipeline (cutting out, outline, prefill, composite) is ours, so that both ways
answer the same request; nothing is shared between calls. The pipeline differs where its own
design does: it binarises the mask, and runs branches that a dial sets to 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderDC,
    ControlNetModel,
    StableDiffusionXLControlNetInpaintPipeline,
    UNet2DConditionModel,
)
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKLOutput
from PIL import Image
from torch import Tensor
from transformers import (
    CLIPImageProcessor,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionModelWithProjection,
)

from remixlab import images
from remixlab.models.suite import Suite
from remixlab.prepare import PreparedProduct, control_image, prepare_product
from remixlab.product import composite, prefill
from remixlab.reference import fit_square
from remixlab.remix import Remixer
from remixlab.request import RemixRequest
from remixlab.runtime import draw_noise, seeded_generators


class StockRemixer:
    """Remixes with the weights in `folder` (diffusers' layout) and the settings of `remixer`."""

    def __init__(self, folder: Path, remixer: Remixer) -> None:
        self.remixer = remixer
        # Any, for the pipeline's annotations know neither its result nor its schedulers.
        self.pipeline: Any = stock_pipeline(folder, remixer.suite)

    def remix(self, request: RemixRequest) -> Image.Image:
        """One picture, as large as the product."""
        size = self.remixer.native_size(request)
        product = prepare_product(request, size, self.remixer.config)
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
        self.pipeline.set_ip_adapter_scale(suite.spec.reference_scale(request.style_fidelity))
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


class _PipelineAutoencoder(AutoencoderDC):
    """An AutoencoderDC with the answers that the pipeline expects of an AutoencoderKL."""

    def encode(self, x: Tensor, return_dict: bool = True) -> Any:
        """The latents as a distribution without spread."""
        latents = super().encode(x, return_dict=False)[0]
        return AutoencoderKLOutput(latent_dist=_Certain(latents))  # pyright: ignore[reportArgumentType]


class _Certain:
    """A distribution that has one value."""

    def __init__(self, value: Tensor) -> None:
        self.value = value

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """That value."""
        return self.value


def stock_pipeline(folder: Path, suite: Suite) -> StableDiffusionXLControlNetInpaintPipeline:
    """The pipeline with the weights in `folder`, of which `suite` was loaded too."""
    kind: dict[str, Any] = {"use_safetensors": True, "dtype": suite.dtype}
    side = suite.image_size
    scheduler: Any = suite.scheduler_factory()
    pipeline = StableDiffusionXLControlNetInpaintPipeline(
        vae=_autoencoder(folder, suite),
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder", **kind),
        text_encoder_2=CLIPTextModelWithProjection.from_pretrained(
            folder / "text_encoder_2", **kind
        ),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        tokenizer_2=CLIPTokenizer.from_pretrained(folder / "tokenizer_2"),
        unet=_unet(folder, suite),
        controlnet=ControlNetModel.from_pretrained(folder / "controlnet", torch_dtype=suite.dtype),
        scheduler=scheduler,
        image_encoder=CLIPVisionModelWithProjection.from_pretrained(
            folder / "ip_adapter" / "image_encoder", **kind
        ),
        feature_extractor=CLIPImageProcessor(
            size={"height": side, "width": side}, do_center_crop=False
        ),
    )
    adapter = next((folder / "ip_adapter").glob("*.safetensors"))
    pipeline.load_ip_adapter(
        str(folder), subfolder="ip_adapter", weight_name=adapter.name, image_encoder_folder=None
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(suite.device)


def _unet(folder: Path, suite: Suite) -> UNet2DConditionModel:
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=suite.dtype)
    # 4 is how the pipeline tells a plain UNet from one for inpainting; it asks nothing else.
    unet.register_to_config(in_channels=4)
    return unet


def _autoencoder(folder: Path, suite: Suite) -> Any:
    if not isinstance(suite.vae, AutoencoderDC):
        return suite.vae
    vae = _PipelineAutoencoder.from_pretrained(folder / "vae", torch_dtype=suite.dtype)
    levels = suite.latent_factor.bit_length()  # the pipeline counts them to know the factor
    vae.register_to_config(block_out_channels=(0,) * levels, force_upcast=False)
    return vae.eval()


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
