"""Whose weights the keys of a LoRA file are, in every layout that trainers write.

Kohya's `lora_unet_down_blocks_1_....lora_down.weight` (blocks in diffusers' or the original
names), diffusers' `unet.down_blocks.1....lora_A.weight` and its older `..._lora.down.weight`,
PEFT's `base_model.model....lora_A.weight`. Kohya turns dots into underscores, and nothing tells
which; so all names are compared with underscores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from remixlab.models.foreign import foreign_kinds
from remixlab.models.original_names import layers_with_weights, original_names
from remixlab.models.state import State, refusal

_PARTS = (
    ("lora_unet_", "unet"),
    ("lora_te1_", "text_encoder"),
    ("lora_te2_", "text_encoder_2"),
    ("lora_te_", "text_encoder"),
    ("unet.", "unet"),
    ("text_encoder.", "text_encoder"),
    ("text_encoder_2.", "text_encoder_2"),
    ("model.diffusion_model.", "unet"),
    ("diffusion_model.", "unet"),
)
_PEFT = "base_model.model."
# What a file may say of a layer, by the ends of the keys; PEFT names adapters, ours is `default`.
_ENDS = {
    "down": r"\.lora_down\.weight|\.lora_A(?:\.default)?\.weight|[._]lora\.down\.weight"
    r"|\.lora_linear_layer\.down\.weight",
    "up": r"\.lora_up\.weight|\.lora_B(?:\.default)?\.weight|[._]lora\.up\.weight"
    r"|\.lora_linear_layer\.up\.weight",
    "alpha": r"\.alpha",
    "magnitude": r"\.lora_magnitude_vector(?:\.default)?(?:\.weight)?",
    "dora_scale": r"\.dora_scale",
}
_END = re.compile(
    "(?:{})$".format("|".join(f"(?P<{what}>{pattern})" for what, pattern in _ENDS.items()))
)
# Diffusers' older names of layers in attention: `attn1.processor.to_out`, `self_attn.to_q`.
_OLDER = (
    (re.compile(r"(attn\d)_processor_"), r"\1_"),
    (re.compile(r"(attn\d_to_out)$"), r"\1_0"),
    (re.compile(r"self_attn_to_([qkv]|out)$"), r"self_attn_\1_proj"),
)


@dataclass
class LayerKeys:
    """What a file says of one layer.

    Attributes:
        part: `unet`, `text_encoder` or `text_encoder_2`.
        layer: the layer's name in that network.
        tensors: `down` (r, in, ...), `up` (out, r, ...), and maybe `alpha` (), and PEFT's
            `magnitude` or LyCORIS' `dora_scale`.
        keys: the tensors' names in the file.
    """

    part: str
    layer: str
    tensors: dict[str, Tensor] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)


def sort_keys(state: State, networks: Mapping[str, nn.Module]) -> list[LayerKeys]:
    """Every tensor of a file at its layer.

    Raises:
        ValueError: tensors are of another kind, belong to layers that the networks have not, are
            there twice, or lack their other half.
    """
    names = {part: _flat_names(part, networks[part]) for part in dict(_PARTS).values()}
    found: dict[tuple[str, str], LayerKeys] = {}
    lost: dict[str, list[str]] = {}
    for key, value in state.items():
        end = _END.search(key)
        if end is None:
            lost.setdefault(next(iter(foreign_kinds([key]))), []).append(key)
            continue
        part, flat = _place(key[: end.start()])
        layer, what = names[part].get(flat), str(end.lastgroup)
        if layer is None:
            lost.setdefault(f"layers that the {part} has not", []).append(key)
            continue
        entry = found.setdefault((part, layer), LayerKeys(part, layer))
        if what in entry.tensors and not torch.equal(entry.tensors[what], value):
            lost.setdefault("layers that are there twice", []).append(key)
        entry.tensors[what] = value
        entry.keys.append(key)
    halves = [entry.keys for entry in found.values() if not {"down", "up"} <= {*entry.tensors}]
    if halves:
        lost["halves of pairs"] = [key for keys in halves for key in keys]
    if lost:
        raise refusal(lost, len(state))
    return list(found.values())


def _place(stem: str) -> tuple[str, str]:
    """Part and flat name of what a key says before its end; a UNet's where it names no part."""
    part, rest = "unet", stem.removeprefix(_PEFT)
    for prefix, named in _PARTS:
        if rest.startswith(prefix):
            part, rest = named, rest.removeprefix(prefix).removeprefix(_PEFT)
            break
    flat = rest.replace(".", "_").removeprefix("text_model_")
    for pattern, newer in _OLDER:
        flat = pattern.sub(newer, flat)
    return part, flat


def _flat_names(part: str, network: nn.Module) -> dict[str, str]:
    """Layers that a LoRA can change, by their names in either layout with underscores."""
    original = original_names(part, network) if part == "unet" else {}
    flat = {}
    for name in layers_with_weights(network):
        if isinstance(network.get_submodule(name), (nn.Linear, nn.Conv2d)):
            flat[name.removeprefix("text_model.").replace(".", "_")] = name
            flat[original.get(name, name).replace(".", "_")] = name
    return flat
