"""diffusers' own pipeline from a folder: its loaders, its files, nothing of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import (
    AutoencoderDC,
    ControlNetModel,
    StableDiffusionXLControlNetInpaintPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPImageProcessor,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionModelWithProjection,
)

from remixlab.bench.stock_pipeline import PipelineAutoencoder
from remixlab.models.suite import Suite


def pipeline_from_folder(folder: Path, suite: Suite) -> StableDiffusionXLControlNetInpaintPipeline:
    """The pipeline as its own loaders read it from `folder`, of which `suite` was loaded too."""
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
    vae = PipelineAutoencoder.from_pretrained(folder / "vae", torch_dtype=suite.dtype)
    levels = suite.latent_factor.bit_length()  # the pipeline counts them to know the factor
    vae.register_to_config(block_out_channels=(0,) * levels, force_upcast=False)
    return vae.eval()
