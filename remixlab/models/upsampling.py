"""Upsampling of channels_last pictures, where the compiler's loops are slow on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_dc import DCUpBlock2d
from torch import Tensor, nn
from torch.nn import functional as F


class RelaidUpBlock(DCUpBlock2d):
    """`DCUpBlock2d`, whose convolution gives its channels in the order in which pixels lie.

    A pixel shuffle picks every fourth channel for each pixel of the larger picture, which the
    compiler does number by number (benchmarks/LOG.md). With the kernel's rows in another order
    the channels of a pixel lie side by side; frozen weights are sorted once. Where nothing is
    compiled for a CPU it is the same as ever.
    """

    def forward(self, hidden_states: Tensor) -> Tensor:  # noqa: D102
        compiled = torch.compiler.is_compiling() and hidden_states.device.type == "cpu"
        if self.interpolate or not compiled:
            return super().forward(hidden_states)
        kernel: Any = self.conv
        weight, bias = self._by_pixel(kernel.weight, 0), self._by_pixel(kernel.bias, 0)
        larger = F.conv2d(hidden_states, weight, bias, padding=1)
        if self.shortcut:
            repeated = hidden_states.repeat_interleave(self.repeats, dim=1)
            larger = larger + self._by_pixel(repeated, 1)
        rows = larger.permute(0, 2, 3, 1).unflatten(-1, (self.factor, self.factor, -1))
        return rows.transpose(2, 3).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)

    def _by_pixel(self, values: Tensor, dim: int) -> Tensor:
        """The channels in `dim`, those of one pixel of the larger picture after another."""
        apart = values.unflatten(dim, (-1, self.factor**2))
        return apart.transpose(dim, dim + 1).flatten(dim, dim + 1)


def relay_upsampling(network: nn.Module) -> None:
    """Make every `DCUpBlock2d` of a channels_last network a `RelaidUpBlock`, in place."""
    for module in network.modules():
        if type(module) is DCUpBlock2d:
            module.__class__ = RelaidUpBlock
