"""`torch.compile` for the networks of a suite, once for all sizes, dials and batches, or for each.

What varies between remixes varies as data: rows, sizes, indices and scales are inputs of the
compiled graphs, and their shapes are symbols. A graph is made anew only where a branch comes or
goes: the first remix with or without guidance, a reference, an outline. "static" gives up the
symbols: every size and every number of rows has a graph of its own, which is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import torch
from torch import nn
from torch._dynamo.types import GuardFilterEntry
from torch._inductor import config as inductor
from torch.fx.experimental import _config as symbolic

from remixlab.errors import InvalidConfig
from remixlab.models.suite import Suite

# Of one network before torch gives up: three branches, and one row or several; of "static" also
# seven sizes, and every number of rows that a batch of 16 can have.
_GRAPHS = {"regional": 64, "whole": 64, "static": 1024}

_PARTS = ("_modules", "_parameters", "_buffers")  # in the names of guards on a network itself


def compile_suite(suite: Suite, how: str, *, cuda_graphs: bool = False) -> None:
    """Have UNet, ControlNet and the VAE's two halves compiled when they are first called.

    Args:
        suite: changed in place; its modules stay the objects that they are.
        how: "none"; "auto", which is "whole" on a card and "none" on a CPU, where a compiler of
            minutes gains little; "regional", the transformer blocks alone (one graph for all
            blocks of a shape, so that the first remix waits less); "whole", every network in one
            graph; "static", the same for each shape, on a CPU with the weights laid out for its
            kernels and without Python between them.
        cuda_graphs: replay each graph's kernels without Python (CUDA only).

    Raises:
        InvalidConfig: CUDA graphs without a card.
    """
    if cuda_graphs and suite.device.type != "cuda":
        raise InvalidConfig(
            field="runtime.cuda_graphs", value=True, accepted="false, where there is no CUDA card"
        )
    if how == "auto":
        how = "whole" if suite.device.type == "cuda" else "none"
    if how == "none":
        return
    # Else a batch of two that reads two texts makes a graph that only fits two and two.
    symbolic.use_duck_shape = False
    limits = torch._dynamo.config
    limits.recompile_limit = max(_GRAPHS[how], limits.recompile_limit)
    limits.accumulated_recompile_limit = max(_GRAPHS[how], limits.accumulated_recompile_limit)
    cuda = suite.device.type == "cuda"
    frozen = how == "static" and not cuda
    options: dict[str, Any] = {"triton.cudagraphs": cuda_graphs} if cuda else {}
    if frozen:
        options = {"guard_filter_fn": _without_weights, "cpp_wrapper": True}
    for network in _regions(suite) if how == "regional" else _networks(suite):
        # A copy each: torch takes the filter out of what it is given.
        network.compile(fullgraph=True, dynamic=how != "static", options=dict(options))
        if frozen:
            network._compiled_call_impl = _freezing(network._compiled_call_impl)


def _freezing(call: Any) -> Callable[..., Any]:
    """The same call with its weights frozen, in whichever thread it is made.

    Dynamo reads the setting too, so that as an option of one graph it does nothing; and what one
    thread sets is not set in another, where a graph would be compiled anew and without it.
    """

    @wraps(call)
    def frozen(*args: Any, **kwargs: Any) -> Any:
        if not inductor.freezing:
            inductor.freezing = True
        return call(*args, **kwargs)

    return frozen


def _without_weights(guards: Sequence[GuardFilterEntry]) -> list[bool]:
    """Which guards of a graph with frozen weights to keep: of the weights', one that says whose.

    The others ask thousands of times a remix whether the network is still what was frozen; nobody
    changes it. Without that one a second suite would be given the first one's graph.
    """
    owners = [
        number
        for number, guard in enumerate(guards)
        if guard.guard_type == "ID_MATCH" and "_parameters" in guard.name
    ]
    return [
        not owners or number == owners[0] or not any(part in guard.name for part in _PARTS)
        for number, guard in enumerate(guards)
    ]


def _networks(suite: Suite) -> list[nn.Module]:
    vae: Any = suite.vae  # the stubs of diffusers' three kinds do not agree
    return [suite.unet, suite.controlnet, vae.encoder, vae.decoder]


def _regions(suite: Suite) -> list[nn.Module]:
    kinds = suite.unet._repeated_blocks
    networks = (suite.unet, suite.controlnet)
    return [
        module
        for network in networks
        for module in network.modules()
        if type(module).__name__ in kinds
    ]
