"""What residual blocks add for the step, the text and the size, computed once for all steps.

Diffusers' networks embed these anew at every step, and every block projects the embedding for
itself. Nothing of it depends on the picture: `project_times` does it before the first step, and
the networks are given the rows of its result as `timestep_cond`.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn


class _Unread(Timesteps):
    """Embeds nothing, for nobody reads it."""

    def forward(self, timesteps: Tensor) -> Tensor:
        return timesteps


class _Given(TimestepEmbedding):
    """Passes on what the network was given; its own weights are for `project_times`.

    `blocks` are the residual blocks that take their shares of it, in the order of the shares.
    """

    blocks: tuple[Any, ...]

    def forward(self, sample: Tensor, condition: Any = None) -> Tensor:
        return condition


class _Share(nn.Linear):
    """Takes what this layer would have computed out of what the network was given."""

    start: int

    def forward(self, input: Tensor) -> Tensor:
        return input[:, self.start : self.start + self.out_features]


def expect_times(network: Any) -> None:
    """Have a UNet or ControlNet of SDXL's kind be given its times, in place.

    Its weights keep their names. Its config says from now on that it adds nothing to the time:
    what is added is in what it is given.
    """
    network.register_to_config(addition_embed_type=None)
    network.time_proj.__class__ = _Unread
    network.time_embedding.__class__ = _Given
    blocks: tuple[Any, ...] = tuple(m for m in network.modules() if isinstance(m, ResnetBlock2D))
    network.time_embedding.blocks = blocks  # a tuple, so that no weight has a second name
    start = 0
    for block in blocks:
        block.skip_time_act = True
        block.time_emb_proj.__class__ = _Share
        block.time_emb_proj.start = start
        start += block.time_emb_proj.out_features


def project_times(network: Any, times: Tensor, pooled: Tensor, time_ids: Tensor) -> Tensor:
    """Time, text and size as the residual blocks add them, those of all blocks side by side.

    Args:
        network: one that `expect_times` has seen.
        times: (S,) of the schedule.
        pooled: (U, P) pooled embeddings of the texts.
        time_ids: (6,) SDXL's micro-conditioning, in pixels.

    Returns:
        (S, U, all blocks' widths): `timestep_cond` for a row is what its step and its text have.
    """
    times, time_ids = (values.to(pooled.device) for values in (times, time_ids))
    sizes = network.add_time_proj(time_ids).to(pooled).flatten().expand(len(pooled), -1)
    added = network.add_embedding(torch.cat([pooled, sizes], -1))
    waves = Timesteps.forward(network.time_proj, times).to(pooled)
    steps = TimestepEmbedding.forward(network.time_embedding, waves)
    blocks = network.time_embedding.blocks
    embedded = blocks[0].nonlinearity(steps[:, None] + added)
    return torch.cat([nn.Linear.forward(b.time_emb_proj, embedded) for b in blocks], -1)
