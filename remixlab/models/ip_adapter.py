"""IP-Adapter weights in the layout that h94 publishes, into our attention processors.

`image_proj.*` turns the image encoder's output into tokens; `ip_adapter.N.to_k_ip.weight` and
`to_v_ip` are keys and values of the cross-attention layers, N counting all attention layers of
the UNet in diffusers' order (so 1, 3, 5, ... where self- and cross-attention take turns).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPVisionModelWithProjection

from remixlab.errors import InvalidConfig
from remixlab.models.attention import RowAttention, attention_layers
from remixlab.models.foreign import foreign_kinds
from remixlab.models.state import read_state

PROJECTION, ATTENTION = "image_proj.", "ip_adapter."
# InstantStyle (Wang et al. 2024, arXiv:2404.02733): the blocks that carry style and layout.
_STYLE, _LAYOUT = "up_blocks.0.attentions.1.", "down_blocks.2.attentions.1."
REFERENCE_LAYERS: dict[str, tuple[str, ...]] = {
    "all": ("",),
    "style": (_STYLE,),
    "layout": (_LAYOUT,),
    "style+layout": (_STYLE, _LAYOUT),
}


@dataclass(frozen=True)
class AdapterWeights:
    """The two halves of an IP-Adapter file, keys without their prefix."""

    projection: dict[str, Tensor]
    attention: dict[str, Tensor]


def read_adapter(path: Path) -> AdapterWeights:
    """Read a safetensors file.

    Raises:
        InvalidConfig: it holds keys of neither half.
        ValueError, OSError, SafetensorError: as `remixlab.models.state.read_state`.
    """
    state = read_state(path)
    strangers = [key for key in state if not key.startswith((PROJECTION, ATTENTION))]
    if strangers:
        raise _wrong_keys(f"a file of {', '.join(foreign_kinds(strangers))}: unexpected", strangers)
    return AdapterWeights(_under(state, PROJECTION), _under(state, ATTENTION))


def make_projection(
    unet: UNet2DConditionModel,
    image_encoder: CLIPVisionModelWithProjection,
    weights: AdapterWeights,
) -> nn.Module:
    """The module from the encoder's output to tokens: plain (4 tokens) or Plus (a resampler).

    Raises:
        InvalidConfig: another kind of adapter, or one for another image encoder or UNet.
    """
    state = weights.projection
    if "proj.weight" in state:
        reads, writes = state["proj.weight"].shape[1], state["proj.weight"].shape[0] // 4
        encoder_width = image_encoder.config.projection_dim
    elif "latents" in state and "proj_in.weight" in state and "proj_out.weight" in state:
        reads, writes = state["proj_in.weight"].shape[1], state["proj_out.weight"].shape[0]
        encoder_width = image_encoder.config.hidden_size
    else:
        raise _wrong_keys("neither plain (proj.weight) nor Plus (latents) in", sorted(state)[:5])
    _same_width("image encoder", reads, encoder_width)
    _same_width("UNet", writes, unet.config["cross_attention_dim"])
    try:
        return unet._convert_ip_adapter_image_proj_to_diffusers(state, low_cpu_mem_usage=False)
    except (KeyError, RuntimeError) as error:
        what = str(error).partition("\n\t")[2] or str(error)  # below torch's headline
        raise _wrong_keys("in image_proj:", [what]) from error


def fill_processors(
    unet: UNet2DConditionModel, processors: Mapping[str, RowAttention], weights: AdapterWeights
) -> None:
    """Copy keys and values into the processors of the cross-attention layers.

    Raises:
        InvalidConfig: keys are missing, left over or of another shape.
    """
    rest = dict(weights.attention)
    for key, target in attention_parameters(unet, processors):
        if key not in rest:
            raise _wrong_keys("missing", [ATTENTION + key])
        value = rest.pop(key)
        if value.shape != target.shape:
            raise _wrong_keys(f"of shape {tuple(value.shape)} for {tuple(target.shape)}:", [key])
        with torch.no_grad():
            target.copy_(value)
    if rest:
        raise _wrong_keys("unexpected", [ATTENTION + key for key in rest])


def attention_parameters(
    unet: UNet2DConditionModel, processors: Mapping[str, RowAttention]
) -> list[tuple[str, nn.Parameter]]:
    """Published key (without `ip_adapter.`) and parameter, in order, of all layers that read."""
    pairs = []
    for index, (name, _) in enumerate(attention_layers(unet)):
        for key, parameter in processors[name].named_parameters():
            pairs.append((f"{index}.{key}", parameter))
    return pairs


def restrict_references(processors: Mapping[str, RowAttention], mode: str) -> None:
    """Let only the layers of a reference mode read the reference; the others skip the branch.

    Raises:
        InvalidConfig: the UNet has no layer in a block that the mode names.
    """
    readers = {name: layer for name, layer in processors.items() if layer.reference_enabled}
    prefixes = REFERENCE_LAYERS[mode]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in readers):
            raise InvalidConfig(
                field="model.reference_mode",
                value=mode,
                accepted=f"a mode whose blocks this UNet has (no layer under {prefix[:-1]})",
            )
    for name, layer in readers.items():
        layer.reference_enabled = name.startswith(prefixes)


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}


def _same_width(what: str, adapter: int, network: int) -> None:
    if adapter != network:
        raise InvalidConfig(
            field="model.ip_adapter",
            value=adapter,
            accepted=f"an adapter made for this {what}, whose width is {network} "
            "(sdxl_vit-h adapters go with models/image_encoder of h94/IP-Adapter)",
        )


def _wrong_keys(problem: str, keys: Sequence[str]) -> InvalidConfig:
    shown = ", ".join(keys[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
    return InvalidConfig(
        field="model.ip_adapter",
        value=f"{problem} {shown}",
        accepted="a plain or Plus IP-Adapter for this UNet, in safetensors, with the keys "
        "image_proj.* and ip_adapter.N.to_k_ip.weight, ip_adapter.N.to_v_ip.weight",
    )
