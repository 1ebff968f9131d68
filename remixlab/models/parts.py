"""One part of a suite, read from a folder in diffusers' layout."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import (
    AutoencoderDC,
    AutoencoderKL,
    AutoencoderTiny,
    ControlNetModel,
    UNet2DConditionModel,
)
from torch import nn
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionModelWithProjection,
)

from remixlab.errors import InvalidConfig
from remixlab.models.attention import RowAttention
from remixlab.models.folder_checks import check_folder
from remixlab.models.foreign import foreign_kinds
from remixlab.models.sources import Located, Origin
from remixlab.models.state import TABLES, check_missing, refusal

Tokenizers = tuple[CLIPTokenizer, CLIPTokenizer]
AUTOENCODERS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (AutoencoderKL, AutoencoderTiny, AutoencoderDC)
}
CLASSES: dict[str, type[Any]] = {
    "unet": UNet2DConditionModel,
    "controlnet": ControlNetModel,
    "text_encoder": CLIPTextModel,
    "text_encoder_2": CLIPTextModelWithProjection,
    "image_encoder": CLIPVisionModelWithProjection,
}
# Where a part lies in a suite's folder; the others lie under their own name.
FOLDERS = {"image_encoder": "ip_adapter/image_encoder"}


@dataclass(frozen=True)
class Parts:
    """What reading gives, before the parts are wired together.

    Attributes:
        networks: by part: those of `CLASSES`, and `vae`.
        scheduler_config: the suite's scheduler_config.json.
        origins: where each part came from.
        add_references: fills the processors' keys and values; returns the image projection.
    """

    networks: dict[str, Any]
    tokenizers: Tokenizers
    scheduler_config: dict[str, Any]
    origins: dict[str, Origin]
    add_references: Callable[[dict[str, Any], dict[str, RowAttention]], nn.Module]


def part_class(part: str, folder: Path) -> type[Any]:
    """The class of a part; a VAE is whatever its config.json says.

    Raises:
        InvalidConfig: the VAE's class is none that the flow can use.
    """
    if part != "vae":
        return CLASSES[part]
    name = json.loads((folder / "config.json").read_text()).get("_class_name")
    if name not in AUTOENCODERS:
        raise InvalidConfig(
            field="model.vae", value=name, accepted=f"a VAE of {', '.join(AUTOENCODERS)}"
        )
    return AUTOENCODERS[name]


def empty_network(part: str, folder: Path) -> nn.Module:
    """The network that a folder's configuration describes, its weights on the meta device."""
    kind = part_class(part, folder)
    # Buffers are made for real: they are tables, no weights, and nothing would fill them.
    with init_empty_weights(include_buffers=False):
        if _is_diffusers(kind):
            return kind.from_config(kind.load_config(str(folder))).eval()
        return kind(kind.config_class.from_pretrained(str(folder))).eval()


def read_part(part: str, located: Located, dtype: torch.dtype) -> nn.Module:
    """The network of `part` on the CPU in `dtype`, from safetensors only.

    Raises:
        OSError: a file is not there.
        ValueError: the weights do not fill the network, are more than it takes, or the folder
            asks for what `remixlab.models.folder_checks` refuses.
    """
    kind = part_class(part, located.folder)
    check_folder(located.folder, kind.__name__ if _is_diffusers(kind) else None)
    network, report = kind.from_pretrained(
        str(located.folder),
        variant=located.variant,
        use_safetensors=True,
        local_files_only=True,
        dtype=dtype,
        output_loading_info=True,
    )
    # Libraries only warn here: they leave what is missing at random, and drop what is left over.
    check_missing(report["missing_keys"])
    left_over = [key for key in report["unexpected_keys"] if not key.endswith(TABLES)]
    if left_over:
        raise refusal(foreign_kinds(left_over), len(network.state_dict()) + len(left_over))
    return network


def _is_diffusers(kind: type[Any]) -> bool:
    return hasattr(kind, "load_config")


def read_tokenizer(folder: Path) -> CLIPTokenizer:
    """A tokenizer from its folder.

    Raises:
        FileNotFoundError: there are no tokenizer files; transformers makes an empty one then.
    """
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise FileNotFoundError(f"no tokenizer.json or vocab.json in {folder.name}")
    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def read_scheduler_config(folder: Path) -> dict[str, Any]:
    """A suite's scheduler_config.json, which says what noise its UNet was trained on."""
    return json.loads((folder / "scheduler_config.json").read_text())
