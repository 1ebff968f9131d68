"""Diffusers' key names turned back into those of original SDXL checkpoints, for tests."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

UNET_HEADS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
OPEN_CLIP = {
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.final_layer_norm.": "ln_final.",
    "text_model.encoder.layers.": "transformer.resblocks.",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    ".mlp.fc1.": ".mlp.c_fc.",
    ".mlp.fc2.": ".mlp.c_proj.",
    ".self_attn.": ".attn.",
}


def ldm_checkpoint(
    unet: Any, vae: nn.Module, text_encoder: nn.Module, text_encoder_2: nn.Module
) -> dict[str, Tensor]:
    """All parts of an SDXL checkpoint in one state dict, under the original names."""
    state = _renamed(unet, lambda key: "model.diffusion_model." + ldm_unet_key(key, unet))
    state |= _renamed(vae, lambda key: "first_stage_model." + ldm_vae_key(key))
    for key in state:
        # The original VAE's attention is made of 1 x 1 convolutions.
        if re.search(r"first_stage_model.*attn_1\.(q|k|v|proj_out)\.weight", key):
            state[key] = state[key][:, :, None, None]
    clip = "conditioner.embedders.0.transformer."
    state |= _renamed(text_encoder, lambda key: clip + old_clip_key(key))
    state |= _open_clip(text_encoder_2.state_dict())
    return {key: value.contiguous().clone() for key, value in state.items()}


def ldm_unet_key(key: str, unet: Any) -> str:
    """`down_blocks.1.resnets.0.norm1.weight` -> `input_blocks.4.0.in_layers.0.weight`."""
    for ours, theirs in UNET_HEADS.items():
        if key.startswith(ours + "."):
            return theirs + key.removeprefix(ours)
    side, block, kind, layer, rest = _split(key)
    if side == "mid_block":
        number = 1 if kind == "attentions" else 2 * layer
        return f"middle_block.{number}.{_inner(kind, rest)}"
    per_block = unet.config.layers_per_block + 1
    first = 1 if side == "down_blocks" else 0
    if kind in ("downsamplers", "upsamplers"):
        layer = per_block - 1
    place = f"{'input' if first else 'output'}_blocks.{first + block * per_block + layer}"
    if kind == "downsamplers":
        return f"{place}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":
        with_attention = hasattr(unet.up_blocks[block], "attentions")
        return f"{place}.{2 if with_attention else 1}.{rest}"
    return f"{place}.{0 if kind == 'resnets' else 1}.{_inner(kind, rest)}"


def ldm_vae_key(key: str) -> str:
    """`decoder.up_blocks.0.resnets.1.conv1.weight` -> `decoder.up.3.block.1.conv1.weight`."""
    key = key.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    if ".mid_block.attentions.0." in key:
        head, tail = key.split("mid_block.attentions.0.")
        for ours, theirs in VAE_ATTENTION.items():
            tail = re.sub(rf"^{re.escape(ours)}\.", theirs + ".", tail)
        return f"{head}mid.attn_1.{tail}"
    key = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", key)
    key = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", key)
    key = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{3 - int(m[1])}.block", key)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", key)


def old_clip_key(key: str) -> str:
    """The name that published files use, whatever this version of transformers uses."""
    return "text_model." + key.removeprefix("text_model.")


def _open_clip(state: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix, renamed = "conditioner.embedders.1.model.", {}
    for key, value in state.items():
        for ours, theirs in OPEN_CLIP.items():
            key = key.replace(ours, theirs)
        renamed[key] = value
    renamed["text_projection"] = renamed.pop("text_projection.weight").T
    for key in [key for key in renamed if ".attn.q_proj." in key]:
        three = [renamed.pop(key.replace("q_proj", f"{name}_proj")) for name in "qkv"]
        renamed[key.replace(".q_proj.", ".in_proj_")] = torch.cat(three)
    return {prefix + key: value for key, value in renamed.items()}


def _split(key: str) -> tuple[str, int, str, int, str]:
    parts = key.split(".")
    if parts[0] == "mid_block":
        return parts[0], 0, parts[1], int(parts[2]), ".".join(parts[3:])
    return parts[0], int(parts[1]), parts[2], int(parts[3]), ".".join(parts[4:])


def _inner(kind: str, rest: str) -> str:
    if kind == "attentions":
        return rest
    name, _, tail = rest.partition(".")
    return f"{RESNET[name]}.{tail}"


def _renamed(network: nn.Module, rename: Callable[[str], str]) -> dict[str, Tensor]:
    return {rename(key): value for key, value in network.state_dict().items()}
