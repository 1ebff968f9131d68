"""`torch.compile` for the networks of a suite, once for all sizes, dials and batches.

What varies between remixes varies as data: rows, sizes, indices and scales are inputs of the
compiled graphs, and their shapes are symbols. A graph is made anew only where a branch comes or
goes: the first remix with or without guidance, a reference, an outline.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.fx.experimental import _config as symbolic

from remixlab.errors import InvalidConfig
from remixlab.models.suite import Suite

_GRAPHS = 64  # of one network before torch gives up: three branches, and one row or several


def compile_suite(suite: Suite, how: str, *, cuda_graphs: bool = False) -> None:
    """Have UNet, ControlNet and the VAE's decoder compiled when they are first called.

    Args:
        suite: changed in place; its modules stay the objects that they are.
        how: "none"; "regional", the transformer blocks alone (one graph for all blocks of a
            shape, so that the first remix waits less); "whole", every network in one graph.
        cuda_graphs: replay each graph's kernels without Python (CUDA only).

    Raises:
        InvalidConfig: CUDA graphs without a card.
    """
    if cuda_graphs and suite.device.type != "cuda":
        raise InvalidConfig(
            field="runtime.cuda_graphs", value=True, accepted="false, where there is no CUDA card"
        )
    if how == "none":
        return
    # Else a batch of two that reads two texts makes a graph that only fits two and two.
    symbolic.use_duck_shape = False
    torch._dynamo.config.recompile_limit = max(_GRAPHS, torch._dynamo.config.recompile_limit)
    options = {"triton.cudagraphs": cuda_graphs} if suite.device.type == "cuda" else {}
    settings = {"fullgraph": True, "dynamic": True, "options": options}
    for network in _regions(suite) if how == "regional" else _networks(suite):
        network.compile(**settings)


def _networks(suite: Suite) -> list[nn.Module]:
    vae: Any = suite.vae  # the stubs of diffusers' three kinds do not agree
    return [suite.unet, suite.controlnet, vae.decoder]


def _regions(suite: Suite) -> list[nn.Module]:
    kinds = suite.unet._repeated_blocks
    networks = (suite.unet, suite.controlnet)
    return [
        module
        for network in networks
        for module in network.modules()
        if type(module).__name__ in kinds
    ]
