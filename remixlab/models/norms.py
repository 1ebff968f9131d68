"""Group normalisation of channels_last pictures, where PyTorch's own kernel for them is slow."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RelaidGroupNorm(nn.GroupNorm):
    """`nn.GroupNorm` that lays half-precision pictures out anew for a CPU, there and back.

    PyTorch's kernel for channels_last takes four times as long in bfloat16 as that for the usual
    layout with both copies (benchmarks/LOG.md). In float32, on a card and where the compiler
    writes the kernel it is the same as ever.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: D102
        half = input.device.type == "cpu" and input.dtype != torch.float32
        if not half or input.dim() != 4 or torch.compiler.is_compiling():
            return super().forward(input)
        return super().forward(input.contiguous()).contiguous(memory_format=torch.channels_last)


def relay_norms(network: nn.Module) -> None:
    """Make every `nn.GroupNorm` of a channels_last network a `RelaidGroupNorm`, in place."""
    for module in network.modules():
        if type(module) is nn.GroupNorm:
            module.__class__ = RelaidGroupNorm
