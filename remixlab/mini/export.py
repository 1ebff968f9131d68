"""Writing a trained mini suite as fp16 safetensors, in the layout that every suite is read from."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderDC, EulerDiscreteScheduler
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTokenizer

from remixlab.files import whole, write_whole
from remixlab.mini import architecture
from remixlab.mini.budget import averaged
from remixlab.mini.denoiser import MiniNetworks
from remixlab.models.attention import RowAttention, detach_processors

_CLASSES = {
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderDC"),
    "scheduler": ("diffusers", "EulerDiscreteScheduler"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
    "tokenizer": ("transformers", "CLIPTokenizer"),
    "tokenizer_2": ("transformers", "CLIPTokenizer"),
}


def load_autoencoder(checkpoint: Path) -> AutoencoderDC:
    """The averaged autoencoder of a training checkpoint; its scaling factor is still to be set."""
    model = AutoencoderDC(**architecture.VAE, scaling_factor=1.0)
    model.load_state_dict(averaged(torch.load(checkpoint, weights_only=True, map_location="cpu")))
    return model.eval().requires_grad_(False)


def export_suite(
    vae: AutoencoderDC, denoiser: Path, tokenizer: CLIPTokenizer, target: Path
) -> None:
    """Write the suite to `target` in diffusers' layout, ControlNet and IP-Adapter beside it.

    Args:
        vae: the autoencoder, with its scaling factor.
        denoiser: a training checkpoint of `MiniNetworks`.
        tokenizer: shared by both text encoders.
        target: the folder; files in it are overwritten.
    """
    networks = MiniNetworks()
    networks.load_state_dict(averaged(torch.load(denoiser, weights_only=True, map_location="cpu")))
    adapter = adapter_state(networks)  # before the processors that hold half of it are taken off
    detach_processors(networks.unet)
    detach_processors(networks.controlnet)
    tokenizer.backend_tokenizer.no_truncation()  # or it keeps how it was called last
    tokenizer.backend_tokenizer.no_padding()
    index = {"_class_name": "StableDiffusionXLPipeline", **_CLASSES}
    with whole(target) as partial:
        for name in ("unet", "controlnet", "text_encoder", "text_encoder_2"):
            getattr(networks, name).half().save_pretrained(partial / name)
        vae.half().save_pretrained(partial / "vae")
        vae.float()
        networks.image_encoder.half().save_pretrained(partial / "ip_adapter" / "image_encoder")
        save_file(adapter, partial / "ip_adapter" / "ip-adapter-plus_mini.safetensors")
        EulerDiscreteScheduler(**architecture.SCHEDULER).save_pretrained(partial / "scheduler")
        for name in ("tokenizer", "tokenizer_2"):
            tokenizer.save_pretrained(partial / name)
        write_whole(partial / "model_index.json", json.dumps(index, indent=2) + "\n")


def adapter_state(networks: MiniNetworks) -> dict[str, Tensor]:
    """The IP-Adapter's weights under the names that its authors publish them with."""
    state = {f"image_proj.{k}": v for k, v in published_names(networks.projection).items()}
    for number, attn in enumerate(networks.unet.attn_processors.values()):
        if isinstance(attn, RowAttention):
            for name, parameter in attn.named_parameters():
                state[f"ip_adapter.{number}.{name}"] = parameter
    return {name: tensor.detach().half().contiguous() for name, tensor in state.items()}


def published_names(projection: nn.Module) -> dict[str, Tensor]:
    """A resampler's weights, from diffusers' names to those of tencent-ailab/IP-Adapter."""
    state = projection.state_dict()
    names = {
        "ln0": "0.norm1", "ln1": "0.norm2", "attn.to_q": "0.to_q", "attn.to_out.0": "0.to_out",
        "ff.0": "1.0", "ff.1.net.0.proj": "1.1", "ff.1.net.2": "1.3",
    }  # fmt: skip
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        if not key.startswith("layers."):
            renamed[key] = value
            continue
        _, layer, rest = key.split(".", 2)
        part, kind = rest.rsplit(".", 1)
        if part == "attn.to_k":
            both = torch.cat([value, state[key.replace("to_k", "to_v")]])
            renamed[f"layers.{layer}.0.to_kv.{kind}"] = both
        elif part != "attn.to_v":
            renamed[f"layers.{layer}.{names[part]}.{kind}"] = value
    return renamed
