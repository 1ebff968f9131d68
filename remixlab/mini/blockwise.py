"""A ControlNet's outline embedding for training: the same numbers, in shapes that suit a card.

Its first convolutions have three and four channels and go over every pixel. Most of a card's matrix
units idle at that, so that they took a third of a training step; over blocks of 2 x 2 pixels the
channels are four times as many and the places a fourth.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from torch import Tensor, nn

_NONE = 9  # the tap of a 3 x 3 kernel that weighs nothing


class BlockwiseEmbedding(ControlNetConditioningEmbedding):
    """diffusers' embedding, in blocks as far as its first stride. Sides have to be even."""

    _taps: Tensor
    _strided_taps: Tensor

    def forward(self, conditioning: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, H / 16, W / 16), if there are four strides."""
        fields = F.pixel_unshuffle(conditioning, 2)
        for layer, taps in (
            (self.conv_in, self._taps),
            (self.blocks[0], self._taps),
            (self.blocks[1], self._strided_taps),
        ):
            fields = F.silu(_in_blocks(layer, fields, taps))
        for block in self.blocks[2:]:
            fields = F.silu(block(fields))
        return self.conv_out(fields)


def embed_in_blocks(embedding: ControlNetConditioningEmbedding) -> None:
    """Make an embedding a `BlockwiseEmbedding`, in place; its weights stay as they are."""
    embedding.__class__ = BlockwiseEmbedding
    embedding.register_buffer("_taps", _taps((0, 1)), persistent=False)
    embedding.register_buffer("_strided_taps", _taps((0,)), persistent=False)


def _in_blocks(layer: nn.Module, fields: Tensor, taps: Tensor) -> Tensor:
    """A convolution of 3 x 3, from blocks (B, 4 I, H, W) to the places of each in `taps`."""
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    weights = F.pad(layer.weight.flatten(2), (0, 1))[:, :, taps]  # (O, I, places, 4, 3, 3)
    kernel = weights.transpose(1, 2).flatten(2, 3).flatten(0, 1)
    return F.conv2d(fields, kernel, layer.bias.repeat_interleave(len(taps)), padding=1)


def _taps(within: tuple[int, ...]) -> Tensor:
    """(places, 4, 3, 3): which tap joins a place in a block to one in a block around it."""
    return torch.tensor(
        [
            [[[_tap(2 * v + y - top, 2 * h + x - left) for h in (-1, 0, 1)] for v in (-1, 0, 1)]
             for y in (0, 1) for x in (0, 1)]
            for top in within for left in within
        ]
    )  # fmt: skip


def _tap(down: int, across: int) -> int:
    inside = -1 <= down <= 1 and -1 <= across <= 1
    return 3 * (down + 1) + across + 1 if inside else _NONE
