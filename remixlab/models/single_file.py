"""Weights in one safetensors file: whole checkpoints as WebUIs use them, or one part.

The configurations come from the suite's architecture folder, so nothing is fetched to learn a
shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import nn

from remixlab.models.foreign import foreign_kinds
from remixlab.models.original_names import PREFIXES, open_clip_names, original_names
from remixlab.models.parts import empty_network
from remixlab.models.state import State, fill, read_state, refusal

SINGLE_FILE_PARTS = ("unet", "vae", "controlnet")
CHECKPOINT_PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")
# Trainers' leftovers in checkpoints, which say nothing about a picture: averages beside the
# weights, the noise schedule's tables, the temperature and the logits of contrastive training.
_LEFTOVERS = re.compile(
    r"model_ema\.|denoiser\.|(cond_stage_)?(embedding_manager|scale_factor)|"
    r"(alphas|betas|sqrt_|log_one_minus_|posterior_|logvar)\w*$|loss\.|"
    r"conditioner\.embedders\.\d\.(model\.)?(logit_scale$|logit_bias$)|"
    r"first_stage_model\.(loss|model_ema)\."
)
_TEXT = "text_model."
_WRAPPER = "module."  # what distributed training puts before every key


def read_single(part: str, path: Path, architecture: Path, dtype: torch.dtype) -> nn.Module:
    """One part (of `SINGLE_FILE_PARTS`) out of a file, in diffusers' or the original key names.

    Of a checkpoint of several parts, the others are left alone, for this one is asked for.

    Raises:
        ValueError: the file does not fill the part, or holds more than the part takes.
        OSError, SafetensorError: it cannot be read.
    """
    state = read_state(path)
    if all(key.startswith(_WRAPPER) for key in state):
        state = {key.removeprefix(_WRAPPER): value for key, value in state.items()}
    total, parts = len(state), split_parts(state)
    rest = parts.pop("", {})
    own = parts.pop(part, None)
    if own is None:  # a file of this part alone needs no prefix
        own, rest = rest, {}
    _check_rest(rest, total)
    if not own:
        raise ValueError(f"the file holds no {part}, but {', '.join(parts)}")
    return _network(part, own, architecture, dtype)


def read_checkpoint(
    path: Path, architecture: Path, dtypes: Mapping[str, torch.dtype]
) -> dict[str, nn.Module]:
    """The parts named in `dtypes`, each in its own, of an SDXL checkpoint in original key names.

    Raises:
        ValueError: a part is not in the file, incomplete or not known whole, or the file holds
            what belongs to no part.
        OSError, SafetensorError: the file cannot be read.
    """
    state = read_state(path)
    parts = split_parts(state)
    # A ControlNet in a checkpoint is for the UNet beside it, and no part that a base gives.
    _check_rest(parts.pop("", {}) | parts.pop("controlnet", {}), len(state))
    absent = [part for part in dtypes if part not in parts]
    if absent:
        raise ValueError(f"the file holds no {absent[0]} under {PREFIXES[absent[0]][0]}*")
    return {
        part: _network(part, parts[part], architecture, dtype) for part, dtype in dtypes.items()
    }


def split_parts(state: State) -> dict[str, State]:
    """A checkpoint's tensors by part, without the part's prefix; `""` has those of no part."""
    parts: dict[str, State] = {}
    for key, value in state.items():
        if _LEFTOVERS.match(key):
            continue
        part, prefix = _part_of(key)
        parts.setdefault(part, {})[key.removeprefix(prefix)] = value
    return parts


def _part_of(key: str) -> tuple[str, str]:
    for part, prefixes in PREFIXES.items():
        for prefix in prefixes:
            if key.startswith(prefix):
                return part, prefix
    return "", ""


def _check_rest(rest: State, total: int) -> None:
    if rest:
        raise refusal(foreign_kinds(rest), total)


def _network(part: str, state: State, architecture: Path, dtype: torch.dtype) -> nn.Module:
    network = empty_network(part, architecture / part)
    if part.startswith("text_encoder"):
        state = _from_text_layout(state, network)
    elif part != "vae" or isinstance(network, AutoencoderKL):
        state = _from_original(state, part, network)
    return fill(network, state, dtype)


def _from_original(state: State, part: str, network: nn.Module) -> State:
    """Original keys in diffusers' names; what is no original key stays as it is."""
    ours = {theirs: layer for layer, theirs in original_names(part, network).items()}
    wanted = network.state_dict().keys()
    renamed: State = {}
    for key, value in state.items():
        layer, _, end = key.rpartition(".")
        known = key in wanted or layer not in ours
        renamed[key if known else f"{ours[layer]}.{end}"] = value
    return _same_number(renamed, state)


def _from_text_layout(state: State, network: nn.Module) -> State:
    """Transformers' older or open_clip's keys in this version's names.

    CLIPTextModel has lost the prefix `text_model.` in some version, the other class has not.
    """
    keys = {key.removeprefix(_TEXT): key for key in network.state_dict()}
    layers: Any = network.config
    names = open_clip_names(layers.num_hidden_layers)
    ours = {theirs: name for name, theirs in names.items()}
    renamed: State = {}
    for key, value in state.items():
        if joint := re.fullmatch(r"transformer\.resblocks\.(\d+)\.attn\.in_proj_(\w+)", key):
            for name, third in zip("qkv", value.chunk(3), strict=True):
                plain = f"encoder.layers.{joint[1]}.self_attn.{name}_proj.{joint[2]}"
                renamed[keys.get(plain, plain)] = third
            continue
        plain = ours.get(key, key.removeprefix(_TEXT))
        turned = value.T if key == "text_projection" else value
        renamed[keys.get(plain, key)] = turned.contiguous()
    return renamed


def _same_number(renamed: State, state: State) -> State:
    if len(renamed) < len(state):
        raise ValueError(f"the file holds {len(state) - len(renamed)} tensors under two names")
    return renamed
