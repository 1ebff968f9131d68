"""What the layers of a network are called in files of the original layout.

Original is the layout of the networks' first publications, which WebUIs and trainers still write:
`input_blocks.4.1` for diffusers' `down_blocks.1.attentions.0`. Names are derived from the network
itself, so they hold for any depth.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

# Where a part lies in a checkpoint of all parts; the first is SDXL's own.
PREFIXES: dict[str, tuple[str, ...]] = {
    "unet": ("model.diffusion_model.", "diffusion_model."),
    "vae": ("first_stage_model.", "vae."),
    "text_encoder": ("conditioner.embedders.0.transformer.",),
    "text_encoder_2": ("conditioner.embedders.1.model.",),
    "controlnet": ("control_model.",),
}
_HEADS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "controlnet_mid_block": "middle_block_out.0",
}
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_INNER = {
    "conv_shortcut": "nin_shortcut",
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
_OPEN_CLIP = {
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}


def original_names(part: str, network: nn.Module) -> dict[str, str]:
    """The original name of each layer of `network` that has one of its own, by diffusers' name.

    Args:
        part: `unet`, `controlnet` or `vae` (an AutoencoderKL's layout).
        network: in diffusers' layout.
    """
    places = dict(_vae_places(network) if part == "vae" else _unet_places(network))
    names = {}
    for layer in layers_with_weights(network):
        place, rest = layer, ""
        while place and place not in places:
            place, _, last = place.rpartition(".")
            rest = f"{last}.{rest}".rstrip(".")
        if place:
            inner = _VAE_INNER if part == "vae" else _RESNET if ".resnets." in place else {}
            names[layer] = f"{places[place]}.{inner.get(rest, rest)}".rstrip(".")
    return names


def open_clip_names(layers: int) -> dict[str, str]:
    """Keys of a text encoder of that many layers in transformers' layout -> in open_clip's.

    Without the prefix `text_model.`; queries, keys and values lie in one tensor there.
    """
    names = {
        "embeddings.token_embedding.weight": "token_embedding.weight",
        "embeddings.position_embedding.weight": "positional_embedding",
        "text_projection.weight": "text_projection",
    }
    for end in ("weight", "bias"):
        names[f"final_layer_norm.{end}"] = f"ln_final.{end}"
        for number in range(layers):
            for ours, theirs in _OPEN_CLIP.items():
                block = f"transformer.resblocks.{number}.{theirs}.{end}"
                names[f"encoder.layers.{number}.{ours}.{end}"] = block
    return names


def layers_with_weights(network: nn.Module) -> list[str]:
    """The names of the modules that hold parameters themselves."""
    return list(dict.fromkeys(name.rpartition(".")[0] for name, _ in network.named_parameters()))


def _unet_places(network: Any) -> Iterator[tuple[str, str]]:
    """Layers and blocks of a UNet or ControlNet: diffusers' place, original place."""
    yield from _HEADS.items()
    number = 1
    for index, block in enumerate(network.down_blocks):
        ours = f"down_blocks.{index}"
        for layer in range(len(block.resnets)):
            yield f"{ours}.resnets.{layer}", f"input_blocks.{number}.0"
            yield f"{ours}.attentions.{layer}", f"input_blocks.{number}.1"
            number += 1
        if block.downsamplers:
            yield f"{ours}.downsamplers.0.conv", f"input_blocks.{number}.0.op"
            number += 1
    for layer in range(len(network.mid_block.resnets)):
        yield f"mid_block.resnets.{layer}", f"middle_block.{2 * layer}"
        yield f"mid_block.attentions.{layer}", f"middle_block.{2 * layer + 1}"
    yield from _up_places(network) if hasattr(network, "up_blocks") else _control_places(network)


def _up_places(unet: Any) -> Iterator[tuple[str, str]]:
    number = 0
    for index, block in enumerate(unet.up_blocks):
        ours = f"up_blocks.{index}"
        for layer in range(len(block.resnets)):
            yield f"{ours}.resnets.{layer}", f"output_blocks.{number}.0"
            yield f"{ours}.attentions.{layer}", f"output_blocks.{number}.1"
            number += 1
        after = 2 if hasattr(block, "attentions") else 1
        yield f"{ours}.upsamplers.0.conv", f"output_blocks.{number - 1}.{after}.conv"


def _control_places(controlnet: Any) -> Iterator[tuple[str, str]]:
    for number in range(len(controlnet.controlnet_down_blocks)):
        yield f"controlnet_down_blocks.{number}", f"zero_convs.{number}.0"
    embedding = "controlnet_cond_embedding"
    blocks = len(getattr(controlnet.controlnet_cond_embedding, "blocks", ()))
    yield f"{embedding}.conv_in", "input_hint_block.0"
    for number in range(blocks):  # every other one of the original list is an activation
        yield f"{embedding}.blocks.{number}", f"input_hint_block.{2 * number + 2}"
    yield f"{embedding}.conv_out", f"input_hint_block.{2 * blocks + 2}"


def _vae_places(vae: Any) -> Iterator[tuple[str, str]]:
    for side, blocks in (("encoder", "down_blocks"), ("decoder", "up_blocks")):
        yield f"{side}.conv_norm_out", f"{side}.norm_out"
        for layer in range(2):
            yield f"{side}.mid_block.resnets.{layer}", f"{side}.mid.block_{layer + 1}"
        yield f"{side}.mid_block.attentions.0", f"{side}.mid.attn_1"
        levels = getattr(getattr(vae, side), blocks, ())
        for index in range(len(levels)):
            level = index if side == "encoder" else len(levels) - 1 - index
            ours, theirs = f"{side}.{blocks}.{index}", f"{side}.{blocks[:-7]}.{level}"
            for layer in range(len(getattr(levels[index], "resnets", ()))):
                yield f"{ours}.resnets.{layer}", f"{theirs}.block.{layer}"
            scale = f"{blocks[:-7]}sample"
            yield f"{ours}.{scale}rs.0.conv", f"{theirs}.{scale}.conv"
