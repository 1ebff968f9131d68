"""Weights in one safetensors file: whole checkpoints as WebUIs use them, or one part.

Diffusers maps the original key names; the configurations come from the suite's architecture
folder, so nothing is fetched to learn a shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionXLPipeline
from diffusers.loaders.single_file_utils import SingleFileComponentError
from safetensors import safe_open
from torch import nn
from transformers import CLIPTokenizer

from remixlab.models.parts import part_class

SINGLE_FILE_PARTS = ("unet", "vae", "controlnet")
CHECKPOINT_PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")


def read_single(part: str, path: Path, architecture: Path, dtype: torch.dtype) -> nn.Module:
    """One part (of `SINGLE_FILE_PARTS`) out of a file, in diffusers' or the original key names.

    Raises:
        ValueError: the file does not fill the part.
        OSError, SafetensorError: it cannot be read.
    """
    _check_format(part, path)
    kind = part_class(part, architecture / part)
    try:
        network = kind.from_single_file(
            str(path),
            config=str(architecture),
            subfolder=part,
            local_files_only=True,
            dtype=dtype,
        )
    except SingleFileComponentError as error:
        raise ValueError(str(error)) from error
    return _whole(network)


def read_checkpoint(
    path: Path,
    architecture: Path,
    tokenizers: tuple[CLIPTokenizer, CLIPTokenizer],
    *,
    dtype: torch.dtype,
    vae_dtype: torch.dtype,
    leave_out: Sequence[str] = (),
) -> dict[str, nn.Module]:
    """UNet, VAE and both text encoders of an SDXL checkpoint in the original key names.

    `leave_out` (`unet`, `vae`) names parts that the suite takes from elsewhere.

    Raises:
        ValueError: a part is not in the file or incomplete.
        OSError, SafetensorError: the file cannot be read.
    """
    _check_format("base", path)
    given: dict[str, Any] = {"tokenizer": tokenizers[0], "tokenizer_2": tokenizers[1]}
    for part, kind in (("unet", dtype), ("vae", vae_dtype)):
        # Diffusers reads no part that it is given, but insists on being given something.
        given[part] = None if part in leave_out else read_single(part, path, architecture, kind)
    try:
        pipeline: Any = StableDiffusionXLPipeline.from_single_file(
            str(path),
            config=str(architecture),
            local_files_only=True,
            dtype=dtype,
            add_watermarker=False,
            **given,
        )
    except SingleFileComponentError as error:
        raise ValueError(str(error)) from error
    networks = {part: getattr(pipeline, part) for part in CHECKPOINT_PARTS}
    return {part: _whole(network) for part, network in networks.items() if network is not None}


def _check_format(part: str, path: Path) -> None:
    # Diffusers would unpickle what is not safetensors.
    if path.suffix != ".safetensors":
        raise ValueError(f"{part}: only .safetensors files are read, not {path.name}")
    with safe_open(path, "pt") as file:
        file.keys()


def _whole(network: nn.Module) -> nn.Module:
    """`network`, unless diffusers left a parameter without data, which it does not report."""
    missing = [name for name, value in network.named_parameters() if value.is_meta]
    if missing:
        raise ValueError(f"{len(missing)} weights are missing, among them {missing[0]}")
    return network
