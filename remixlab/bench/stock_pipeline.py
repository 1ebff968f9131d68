"""diffusers' own pipeline around the weights of a loaded suite.

Its modules are built anew from their configs, as diffusers builds them: nothing that was compiled,
replaced or laid out for the suite is in them. The weights themselves are shared where their
memory layout is the usual one.
"""

from __future__ import annotations

from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import (
    AutoencoderDC,
    ControlNetModel,
    StableDiffusionXLControlNetInpaintPipeline,
    UNet2DConditionModel,
)
from diffusers.models.attention_processor import AttnProcessor2_0, IPAdapterAttnProcessor2_0
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKLOutput
from diffusers.models.embeddings import MultiIPAdapterImageProjection
from torch import Tensor, nn
from transformers import CLIPImageProcessor

from remixlab.models.attention import attention_layers
from remixlab.models.suite import Suite

_EMBEDS = "text_time"  # SDXL's, which `expect_times` does in advance


class PipelineAutoencoder(AutoencoderDC):
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


def stock_pipeline(suite: Suite) -> StableDiffusionXLControlNetInpaintPipeline:
    """The pipeline that makes what `suite` makes."""
    side = suite.image_size
    scheduler: Any = suite.scheduler_factory()
    pipeline = StableDiffusionXLControlNetInpaintPipeline(
        vae=_autoencoder(suite),
        text_encoder=suite.text_encoders[0],
        text_encoder_2=suite.text_encoders[1],
        tokenizer=suite.tokenizers[0],
        tokenizer_2=suite.tokenizers[1],
        unet=_unet(suite),
        controlnet=_controlnet(suite),
        scheduler=scheduler,
        image_encoder=suite.image_encoder,
        feature_extractor=CLIPImageProcessor(
            size={"height": side, "width": side}, do_center_crop=False
        ),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def set_reference_scale(unet: UNet2DConditionModel, suite: Suite, scale: float) -> None:
    """Weigh the IP-Adapter in every layer that reads the reference in the suite's mode."""
    for name, attn in attention_layers(suite.unet):
        processor: Any = unet.get_submodule(name).processor
        if hasattr(processor, "scale"):
            processor.scale = [scale if attn.processor.reference_enabled else 0.0]


def _autoencoder(suite: Suite) -> Any:
    if not isinstance(suite.vae, AutoencoderDC):
        vae = _copy(type(suite.vae), suite.vae)
        # As a pipeline is loaded: it widens what overflows in half precision by itself.
        return vae if vae.dtype == suite.dtype else vae.to(suite.dtype)
    vae = _copy(PipelineAutoencoder, suite.vae)
    levels = suite.latent_factor.bit_length()  # the pipeline counts them to know the factor
    vae.register_to_config(block_out_channels=(0,) * levels, force_upcast=False)
    return vae


def _controlnet(suite: Suite) -> Any:
    """With its outline embedding put back, which the suite runs apart."""
    embedding = suite.outline_embedding.state_dict(prefix="controlnet_cond_embedding.")
    return _copy(ControlNetModel, suite.controlnet, embedding, addition_embed_type=_EMBEDS)


def _unet(suite: Suite) -> UNet2DConditionModel:
    unet: Any = _copy(UNet2DConditionModel, suite.unet, addition_embed_type=_EMBEDS)
    # 4 is how the pipeline tells a plain UNet from one for inpainting; it asks nothing else.
    unet.register_to_config(in_channels=4, encoder_hid_dim_type="ip_image_proj")
    tokens = _tokens(suite.image_projection)
    for name, attn in attention_layers(suite.unet):
        unet.get_submodule(name).set_processor(_processor(attn, tokens))
    unet.encoder_hid_proj = MultiIPAdapterImageProjection([suite.image_projection])
    return unet


def _processor(attn: Any, tokens: int) -> nn.Module | AttnProcessor2_0:
    """What `load_ip_adapter` would have put there."""
    ours = attn.processor
    if not hasattr(ours, "to_k_ip"):
        return AttnProcessor2_0()
    width, reads = ours.to_k_ip.weight.shape
    with init_empty_weights():
        theirs = IPAdapterAttnProcessor2_0(width, reads, num_tokens=(tokens,))
    weights = {"to_k_ip.0.weight": ours.to_k_ip.weight, "to_v_ip.0.weight": ours.to_v_ip.weight}
    theirs.load_state_dict(weights, assign=True)
    return theirs


def _tokens(projection: Any) -> int:
    """How many tokens a reference becomes: plain adapters say it, Plus has a latent for each."""
    plain = getattr(projection, "num_image_text_embeds", None)
    return plain or projection.latents.shape[1]


def _copy(kind: Any, network: Any, more: dict[str, Tensor] | None = None, **config: Any) -> Any:
    with init_empty_weights(include_buffers=False):
        fresh = kind.from_config(dict(network.config), **config)
    state = {k: v for k, v in network.state_dict().items() if ".processor." not in k}
    weights = {key: value.contiguous() for key, value in {**state, **(more or {})}.items()}
    fresh.load_state_dict(weights, assign=True)
    return fresh.eval().requires_grad_(False).to(network.device)
