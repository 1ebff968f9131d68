"""LoRA over a base: fused into the weights, so that a step costs what it cost before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import StableDiffusionXLPipeline
from torch import nn
from transformers import CLIPTokenizer

from remixlab.errors import InvalidConfig


def fuse_lora(
    networks: dict[str, nn.Module],
    tokenizers: tuple[CLIPTokenizer, CLIPTokenizer],
    scheduler: Any,
    *,
    path: Path,
    scale: float,
) -> None:
    """Add `scale * up @ down` to the UNet's and text encoders' weights, in place.

    Diffusers' own loader reads the file (diffusers, PEFT and kohya key names); nothing of PEFT is
    left in the networks.

    Raises:
        InvalidConfig: no key of the file belongs to this suite.
    """
    parts: dict[str, Any] = {
        part: networks[part] for part in ("unet", "vae", "text_encoder", "text_encoder_2")
    }
    pipeline = StableDiffusionXLPipeline(
        **parts,
        tokenizer=tokenizers[0],
        tokenizer_2=tokenizers[1],
        scheduler=scheduler,
        add_watermarker=False,
    )
    pipeline.load_lora_weights(
        str(path.parent), weight_name=path.name, local_files_only=True, use_safetensors=True
    )
    adapted = list(pipeline.get_list_adapters())
    if not adapted:
        raise InvalidConfig(
            field="model.lora", value=path.name, accepted="a LoRA for this suite's UNet"
        )
    pipeline.fuse_lora(components=adapted, lora_scale=scale)
    pipeline.unload_lora_weights()
