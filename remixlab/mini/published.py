"""What training goes on from: a denoiser's checkpoint, or a published suite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderDC, UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor

from remixlab.mini.budget import averaged
from remixlab.models.ip_adapter import read_adapter

_FOLDERS = {
    "unet": "unet",
    "controlnet": "controlnet",
    "text_encoder": "text_encoder",
    "text_encoder_2": "text_encoder_2",
    "image_encoder": "ip_adapter/image_encoder",
}


def published_autoencoder(folder: Path) -> AutoencoderDC:
    """A suite's autoencoder, with its scaling factor, in float32."""
    config = json.loads((folder / "vae" / "config.json").read_text())
    vae: Any = AutoencoderDC.from_config(config)
    (path,) = (folder / "vae").glob("*.safetensors")
    vae.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return vae.eval().requires_grad_(False)


def starting_state(start: Path, unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """Weights under the names of `MiniNetworks`: a checkpoint's average, or a folder's suite.

    `unet` has the attention layers that the suite's IP-Adapter numbers.
    """
    if start.is_dir():
        return _published(start, unet)
    return averaged(torch.load(start, weights_only=True, map_location="cpu"))


def _published(folder: Path, unet: UNet2DConditionModel) -> dict[str, Tensor]:
    state = {
        f"{part}.{name}": value
        for part, place in _FOLDERS.items()
        for path in sorted((folder / place).glob("*.safetensors"))
        for name, value in load_file(path).items()
    }
    (path,) = (folder / "ip_adapter").glob("*.safetensors")
    adapter = read_adapter(path)
    layers = list(unet.attn_processors)
    for name, value in adapter.attention.items():
        number, rest = name.split(".", 1)
        state[f"unet.{layers[int(number)]}.{rest}"] = value
    projection: Any = unet._convert_ip_adapter_image_proj_to_diffusers(
        adapter.projection, low_cpu_mem_usage=False
    )
    state |= {f"projection.{name}": value for name, value in projection.state_dict().items()}
    return {name: value.float() for name, value in state.items() if value.is_floating_point()}
