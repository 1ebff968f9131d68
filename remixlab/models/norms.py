"""Group normalisation of channels_last pictures, where PyTorch's own ways are slow on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RelaidGroupNorm(nn.GroupNorm):
    """`nn.GroupNorm` that norms half-precision pictures on a CPU in a way of its own.

    PyTorch's kernel for channels_last takes four times as long in bfloat16 as that for the usual
    layout with both copies, so they are laid out anew, there and back. Where the compiler writes
    the loops, these run over channels, which lie side by side, instead of over groups, which have
    too few to fill a register (benchmarks/LOG.md). Everywhere else it is the same as ever.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: D102
        half = input.device.type == "cpu" and input.dtype != torch.float32
        if not half or input.dim() != 4:
            return super().forward(input)
        if torch.compiler.is_compiling():
            return self._by_channel(input)
        return super().forward(input.contiguous()).contiguous(memory_format=torch.channels_last)

    def _by_channel(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W), normed by the sums and the sums of squares of its channels, in float32."""
        given, (rows, channels) = pictures.float(), pictures.shape[:2]
        count = given[0, 0].numel() * channels // self.num_groups
        sums = torch.stack([given.sum((2, 3)), given.square().sum((2, 3))])
        mean, square = sums.view(2, rows, self.num_groups, -1).sum(-1, keepdim=True) / count
        spread = (square - mean.square()).clamp(min=0)
        weight, bias = (part.view(self.num_groups, -1) for part in (self.weight, self.bias))
        scale = torch.rsqrt(spread + self.eps) * weight
        shift = bias - mean * scale
        scale, shift = (_stored(part.reshape(rows, channels, 1, 1)) for part in (scale, shift))
        return (given * scale + shift).to(pictures.dtype)


def _stored(values: Tensor) -> Tensor:
    """The same values, which the compiler else computes anew for every pixel."""
    return values.as_strided(values.shape, values.stride())


def relay_norms(network: nn.Module) -> None:
    """Make every `nn.GroupNorm` of a channels_last network a `RelaidGroupNorm`, in place."""
    for module in network.modules():
        if type(module) is nn.GroupNorm:
            module.__class__ = RelaidGroupNorm
