"""What PEFT and diffusers say of a LoRA beside its tensors: by how much it counts.

PEFT writes `adapter_config.json` beside `adapter_model.safetensors`; diffusers puts the same
settings, by part, into the header of its file.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open

CONFIG = "adapter_config.json"
PEFT_FILE = "adapter_model.safetensors"
_HEADER = "lora_adapter_metadata"
# Of these the initial weights are what the trained network was started with; others change the
# base as well, so that the tensors alone are not what was trained.
_STARTS = (None, True, False, "gaussian", "eva", "orthogonal")


def with_settings(path: Path) -> list[Path]:
    """A file of weights, and the settings beside it where it is PEFT's."""
    beside = path.with_name(CONFIG)
    return [path, beside] if path.name == PEFT_FILE and beside.is_file() else [path]


def read_settings(path: Path) -> dict[str, dict[str, Any]]:
    """PEFT's settings by part (`unet`, ...); under `""` those of all parts.

    Raises:
        ValueError: they ask for what is not done here.
    """
    with safe_open(path, "pt") as file:
        header = (file.metadata() or {}).get(_HEADER)
    beside = with_settings(path)[1:]
    told: dict[str, dict[str, Any]] = {}
    if header is not None:
        for key, value in json.loads(header).items():
            part, _, name = key.partition(".")
            told.setdefault(part, {})[name] = value
    elif beside:
        told[""] = json.loads(beside[0].read_text())
    for settings in told.values():
        _check(settings)
    return told


def strength(settings: Mapping[str, Any], layer: str, rank: int) -> float:
    """The factor of `up @ down` for a layer: alpha / rank, or alpha / sqrt(rank) where so trained.

    Rank-stabilised: Kalajdzievski 2023, arXiv:2312.03732. Without settings it is 1.
    """
    alpha = settings.get("lora_alpha", rank)
    for pattern, value in (settings.get("alpha_pattern") or {}).items():
        if re.fullmatch(rf"(.*\.)?({pattern})", layer):
            alpha = value
            break
    return alpha / (math.sqrt(rank) if settings.get("use_rslora") else rank)


def _check(settings: Mapping[str, Any]) -> None:
    kind = settings.get("peft_type", "LORA")
    if kind != "LORA":
        raise ValueError(f"its settings say peft_type {kind}, not LORA")
    if settings.get("init_lora_weights") not in _STARTS:
        start = settings["init_lora_weights"]
        raise ValueError(f"its settings say init_lora_weights {start}, which changes the base too")
    for key in ("fan_in_fan_out", "modules_to_save", "trainable_token_indices"):
        if settings.get(key):
            raise ValueError(f"its settings say {key}, which is not read")
