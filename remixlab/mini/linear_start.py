"""An autoencoder's first weights: the best linear one, of which training then finds what is left.

The best linear code of a picture's blocks are their principal components. Random weights take
longer to come near them than all the rest of the training takes, so the convolutions start as
these: block by block of 2 x 2, level by level, with residual blocks that add nothing yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderDC
from diffusers.models.autoencoders.autoencoder_dc import DCDownBlock2d, DCUpBlock2d, ResBlock
from torch import Tensor, nn

_STEADY = 16.0  # in idle channels, beside which a picture hardly moves the decoder's last norm


@dataclass(frozen=True)
class _Components:
    """Rows of `axes` (K, N) are principal components of vectors (N,) around `mean`."""

    axes: Tensor
    mean: Tensor
    variances: Tensor

    @classmethod
    def of(cls, fields: Tensor, count: int) -> _Components:
        """The first of (B, N, H, W) vectors; rows of zeros where there are fewer than `count`."""
        vectors = fields.transpose(0, 1).flatten(1)
        mean = vectors.mean(1)
        centred = vectors - mean[:, None]
        variances, axes = torch.linalg.eigh(centred @ centred.T / vectors.shape[1])
        order = variances.argsort(descending=True)[: min(count, _rank(variances))]
        rows = torch.zeros(count, len(mean))
        rows[: len(order)] = axes[:, order].T
        return cls(rows, mean, variances[order].clamp(min=0))

    def project(self, fields: Tensor) -> Tensor:
        """(B, N, H, W) -> (B, K, H, W)."""
        return torch.einsum("kn,bnhw->bkhw", self.axes, fields - self.mean[:, None, None])


@torch.no_grad()
def start_linear(model: AutoencoderDC, pictures: Tensor) -> None:
    """Set the weights of an autoencoder, in place, from (B, 3, H, W) pictures in -1..1.

    Its downsampling has to be by strided convolutions. Latents have unit variance in all, and each
    channel the square root of the standard deviation that its component has: of all linear codes of
    one power that one loses least to noise (Lee and Petersen 1976, "Optimal Linear Coding for
    Vector Channels").
    """
    for part in model.modules():
        if isinstance(part, ResBlock):
            norm: Any = part.norm
            nn.init.zeros_(norm.weight)
    downs = [part for part in model.encoder.modules() if isinstance(part, DCDownBlock2d)]
    ups = _inner_first(model)
    fields, levels = pictures, []
    for down in downs:
        blocks = F.pixel_unshuffle(fields, 2)
        components = _Components.of(blocks, down.conv.out_channels)
        _set_down(down, components)
        fields = components.project(blocks)
        levels.append(components)
    for up, components in zip(ups, levels[::-1], strict=True):
        _set_up(up, components)
    _set_latents(model, levels[-1].variances)
    _set_last(model, ups[-2].conv, levels[0].project(F.pixel_unshuffle(pictures, 2)))


def _rank(variances: Tensor) -> int:
    return int((variances > 1e-6 * variances.max()).sum())


def _inner_first(model: AutoencoderDC) -> list[DCUpBlock2d]:
    *inner, last = [part for part in model.decoder.modules() if isinstance(part, DCUpBlock2d)]
    return [*inner[::-1], last]


def _set_down(down: DCDownBlock2d, components: _Components) -> None:
    """A block's components, less what the shortcut already passes on."""
    axes = components.axes.clone()
    kernel = down.conv
    assert kernel.bias is not None
    kernel.bias.copy_(-components.axes @ components.mean)
    if down.shortcut:
        for row in range(len(axes)):
            axes[row, row * down.group_size : (row + 1) * down.group_size] -= 1 / down.group_size
    kernel.weight.zero_()
    kernel.weight[:, :, 1:, 1:] = axes.unflatten(1, (-1, 2, 2))


def _set_up(up: DCUpBlock2d, components: _Components) -> None:
    """Blocks from their components; channels that stand for nothing stay steady."""
    kernel = up.conv
    assert kernel.bias is not None
    block, width = kernel.out_channels, len(components.axes)
    rows = torch.zeros(block, kernel.in_channels)
    rows[:, :width] = components.axes.T
    kernel.bias.copy_(components.mean)
    if up.shortcut:
        rows[torch.arange(block), torch.arange(block) // up.repeats] -= 1
    kernel.weight.zero_()
    kernel.weight[:, :, 1, 1] = rows


def _set_latents(model: AutoencoderDC, variances: Tensor) -> None:
    encoder, decoder = model.encoder.conv_out, model.decoder.conv_in
    count = encoder.out_channels
    scales = variances[:count] ** -0.25
    scales = scales / (variances[:count] * scales.square()).mean().sqrt()
    group, repeats = (
        model.encoder.out_shortcut_average_group_size,
        model.decoder.in_shortcut_repeats,
    )
    there, back = torch.zeros(count, encoder.in_channels), torch.zeros(decoder.out_channels, count)
    for channel, scale in enumerate(scales.tolist()):
        there[channel, channel] = scale
        there[channel, channel * group : (channel + 1) * group] -= 1 / group
        back[channel, channel] = 1 / scale
        back[channel * repeats : (channel + 1) * repeats, channel] -= 1
    for kernel, centre in ((encoder, there), (decoder, back)):
        assert kernel.bias is not None
        kernel.weight.zero_()
        kernel.bias.zero_()
        kernel.weight[:, :, 1, 1] = centre


def _set_last(model: AutoencoderDC, before: nn.Conv2d, fields: Tensor) -> None:
    """Let the components of the pixels' blocks, `fields`, pass the decoder's last norm and ReLU.

    Channels that are idle hold `_STEADY`, so that the norm divides by nearly the same everywhere;
    and every other is lifted above zero, which the last convolution takes back.
    """
    last: Any = model.decoder.conv_out
    norm: Any = model.decoder.norm_out
    idle = fields.flatten(2).std((0, 2)) < 1e-6
    assert before.bias is not None
    before.bias.unflatten(0, (-1, 4))[idle] = _STEADY
    divisor = _STEADY * float(idle.float().mean()) ** 0.5
    lift = 1.2 * fields.abs().amax((0, 2, 3))
    norm.weight.fill_(divisor)
    norm.bias.copy_(lift)
    last.conv.bias.sub_(last.conv.weight[:, :, 1, 1] @ lift)
