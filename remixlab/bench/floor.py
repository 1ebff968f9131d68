"""The least time that a remix can take on this device, from what it counts and what is measured.

Operations over the measured matrix rate, bytes over the measured copy rate, whichever takes longer:
the roofline (Williams, Waterman and Patterson 2009, "Roofline: An Insightful Visual Performance
Model"). Nothing that computes the same pictures with the same networks can be faster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from remixlab.models.suite import Suite
from remixlab.remix import Remixer
from remixlab.request import RemixRequest
from remixlab.runtime import wait_for

_SIDES = {"cpu": 1536, "cuda": 8192}  # of the matrices: large enough to fill the device
_COPIED = {"cpu": 64_000_000, "cuda": 1_000_000_000}  # bytes
_SECONDS = 1.0


@dataclass(frozen=True)
class Rates:
    """What the device does at its best: `flops` operations and `bytes` copied a second."""

    flops: float
    bytes: float


@dataclass(frozen=True)
class Work:
    """Floating-point operations (2 a multiply-add) and the bytes of weights that are read."""

    flops: int = 0
    bytes: int = 0

    def seconds(self, rates: Rates) -> float:
        """The least time this takes: operations and reading can overlap."""
        return max(self.flops / rates.flops, self.bytes / rates.bytes)


def measure_rates(device: torch.device, dtype: torch.dtype) -> Rates:
    """Matrix products in `dtype`, and copies from device memory to device memory."""
    side, count = _SIDES[device.type], _COPIED[device.type]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    source = torch.zeros(count, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    product = _fastest(device, lambda: torch.mm(a, b))
    copied = _fastest(device, lambda: target.copy_(source))
    return Rates(2 * side**3 / product, 2 * count / copied)  # a copy reads and writes


def count_work(remixer: Remixer, requests: Sequence[RemixRequest]) -> dict[str, Work]:
    """The work of a batch by part: those of `parts_of`. It makes the batch once."""
    parts = parts_of(remixer.suite)
    found: dict[str, Work] = {}
    with (
        _counted(parts, found),
        torch.compiler.set_stance("force_eager"),
    ):  # kernels hide what they do
        remixer.remix_batch(requests)
    return found


def floor_seconds(work: Mapping[str, Work], rates: Rates) -> dict[str, float]:
    """The floor of each part; their sum is that of the remix."""
    return {name: part.seconds(rates) for name, part in work.items()}


def parts_of(suite: Suite) -> dict[str, list[nn.Module]]:
    """The networks of a suite by the part of a remix they belong to."""
    vae: Any = suite.vae
    return {
        "text": list(suite.text_encoders),
        "reference": [suite.image_encoder, suite.image_projection],
        "outline": [suite.outline_embedding],
        "encode": [vae.encoder],
        "unet": [suite.unet],
        "controlnet": [suite.controlnet],
        "decode": [vae.decoder],
    }


@contextmanager
def _counted(parts: Mapping[str, list[nn.Module]], found: dict[str, Work]) -> Iterator[None]:
    """Add up what each call of each network computes and reads, inside this block only."""
    hooks, modes = [], []

    def start(*_: Any) -> None:
        modes.append(FlopCounterMode(display=False))
        modes[-1].__enter__()

    def end(name: str) -> Callable[..., None]:
        def hook(network: nn.Module, *_: Any) -> None:
            mode = modes.pop()
            mode.__exit__(None, None, None)
            size = sum(p.numel() * p.element_size() for p in network.parameters())
            earlier = found.get(name, Work())
            flops = earlier.flops + mode.get_total_flops()
            found[name] = Work(flops, earlier.bytes + size)

        return hook

    for name, networks in parts.items():
        for network in networks:
            hooks.append(network.register_forward_pre_hook(start))
            hooks.append(network.register_forward_hook(end(name)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _fastest(device: torch.device, work: Callable[[], object]) -> float:
    """Seconds a call: the fastest tenth, for everything that disturbs makes it slower."""
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < 10 or time.perf_counter() - started < _SECONDS:
        wait_for(device)
        start = time.perf_counter()
        work()
        wait_for(device)
        times.append(time.perf_counter() - start)
    return median(sorted(times)[: max(1, len(times) // 10)])
