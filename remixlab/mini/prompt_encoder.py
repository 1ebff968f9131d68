"""The part of the mini suite that reads a prompt: SDXL's two text encoders, and what they give."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from remixlab.mini import architecture


class PromptEncoder(nn.Module):
    """Both text encoders, which have these names wherever they are trained."""

    def __init__(self) -> None:
        super().__init__()
        self.text_encoder = CLIPTextModel(CLIPTextConfig(**architecture.TEXT_ENCODER))
        self.text_encoder_2 = CLIPTextModelWithProjection(
            CLIPTextConfig(**architecture.TEXT_ENCODER_2)
        )

    def encode_text(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids (B, 77) -> embeddings (B, 77, D) and pooled (B, P), the way SDXL does it."""
        first = self.text_encoder(ids, output_hidden_states=True).hidden_states[-2]
        second = self.text_encoder_2(ids, output_hidden_states=True)
        return torch.cat([first, second.hidden_states[-2]], -1), second.text_embeds


def token_ids(
    tokenizer: CLIPTokenizer, prompts: list[str], length: int = architecture.TEXT_LENGTH
) -> Tensor:
    """(B, `length`) ids: prompts cut or padded to what the encoders read."""
    return tokenizer(
        prompts, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
    ).input_ids


class TokenTable:
    """`token_ids` of prompts that come again: each is cut into tokens once.

    For the batches that a card learns from, cutting takes half as long as learning.
    """

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, Tensor] = {}

    def ids(self, prompts: list[str]) -> Tensor:
        """(B, 77) ids."""
        new = list({prompt for prompt in prompts if prompt not in self._known})
        if new:
            self._known |= zip(new, token_ids(self._tokenizer, new), strict=True)
        return torch.stack([self._known[prompt] for prompt in prompts])
