"""A loaded suite: the networks, tokenizers and sampler that a remix runs on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from diffusers.models.embeddings import ImageProjection
from torch import nn
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionModelWithProjection,
)

from remixlab.models.schedulers import Scheduler
from remixlab.models.sources import Origin
from remixlab.models.spec import SuiteSpec
from remixlab.models.vae import Autoencoder


@dataclass(frozen=True)
class Suite:
    """The parts of one suite on one device, in evaluation mode and without gradients.

    Attributes:
        tokenizers: for `text_encoders[0]` and `[1]`, in SDXL's order.
        unet: attention goes through `RowAttention`, with the IP-Adapter's keys and values; its
            `timestep_cond` are rows of `project_times`.
        vae: may be wider than `dtype` (see `load_suite`); ask `vae.dtype`.
        controlnet: as the UNet; expects an outline that is embedded already.
        outline_embedding: (B, 3, H, W) control image -> (B, C, H/f, W/f), C the UNet's first
            width and f `latent_factor`; the ControlNet's own, so that a picture needs it once.
        image_projection: the image encoder's output -> (B, T, D) tokens of the reference.
        scheduler_factory: makes a fresh diffusers scheduler; schedulers keep state.
        origins: where each part came from.
    """

    spec: SuiteSpec
    tokenizers: tuple[CLIPTokenizer, CLIPTokenizer]
    text_encoders: tuple[CLIPTextModel, CLIPTextModelWithProjection]
    unet: UNet2DConditionModel
    vae: Autoencoder
    controlnet: ControlNetModel
    outline_embedding: nn.Module
    image_encoder: CLIPVisionModelWithProjection
    image_projection: nn.Module
    scheduler_factory: Callable[[], Scheduler]
    device: torch.device
    dtype: torch.dtype
    origins: Mapping[str, Origin]

    @property
    def latent_factor(self) -> int:
        """Pixels per latent along one side."""
        ratio = getattr(self.vae, "spatial_compression_ratio", None)
        return ratio or 2 ** (len(self.vae.config["block_out_channels"]) - 1)

    @property
    def latent_channels(self) -> int:
        """Channels of a latent."""
        return self.vae.config["latent_channels"]

    @property
    def image_size(self) -> int:
        """Side of the square that the image encoder sees, in pixels."""
        side: Any = self.image_encoder.config.image_size
        return side

    @property
    def reads_hidden_states(self) -> bool:
        """What `image_projection` takes.

        True (IP-Adapter Plus): the encoder's last hidden state but one, (B, P, W). False (plain):
        its projected embedding, (B, E).
        """
        return not isinstance(self.image_projection, ImageProjection)

    @cached_property
    def provenance(self) -> dict[str, str]:
        """Each part's repository and commit, or folder and SHA-256 of its files.

        Hashed on first use: a large suite takes seconds.
        """
        return {part: origin.identity() for part, origin in self.origins.items()}
