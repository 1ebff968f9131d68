"""The part of the mini suite that sees a reference: an IP-Adapter's encoder and projection."""

from __future__ import annotations

import torch
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from remixlab.mini import architecture

_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class ReferenceEncoder(nn.Module):
    """Image encoder and projection, which have these names wherever they are trained."""

    def __init__(self) -> None:
        super().__init__()
        self.image_encoder = CLIPVisionModelWithProjection(
            CLIPVisionConfig(**architecture.IMAGE_ENCODER)
        )
        self.projection = IPAdapterPlusImageProjection(**architecture.REFERENCE_PROJECTION)

    def encode_reference(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, S, S) -> reference tokens (B, T, D)."""
        hidden = self.image_encoder(pixels, output_hidden_states=True).hidden_states[-2]
        return self.projection(hidden)


def normalised(pictures: Tensor) -> Tensor:
    """(B, 3, S, S) in 0..1 as CLIP's image encoders want them."""
    channels = zip(pictures.unbind(1), _CLIP_MEAN, _CLIP_STD, strict=True)
    return torch.stack([(channel - mean) / std for channel, mean, std in channels], 1)
