"""Where and how tensors are computed: device, dtype, attention kernel, noise, determinism, time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from remixlab.errors import InvalidConfig
from remixlab.models.plain_attention import AttentionKernel, PlainAttention

Within = Callable[[str], AbstractContextManager[None]]
"""What surrounds a stage of a remix, by its name."""

_SDPA = {
    "sdpa_flash": SDPBackend.FLASH_ATTENTION,
    "sdpa_efficient": SDPBackend.EFFICIENT_ATTENTION,
    "sdpa_cudnn": SDPBackend.CUDNN_ATTENTION,
    "sdpa_math": SDPBackend.MATH,
}


def resolve_device(name: str) -> torch.device:
    """`auto` is the first CUDA card if there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InvalidConfig(
            field="runtime.device", value=name, accepted="auto or cpu: torch finds no CUDA card"
        )
    return device


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """`auto` is float16 on CUDA, which the checkpoints are published in, and float32 on a CPU.

    `half` is float16 on CUDA too, and bfloat16 on a CPU that multiplies it in hardware.
    """
    if name in ("auto", "half") and device.type == "cuda":
        return torch.float16
    if name == "half":
        able = torch.cpu.get_capabilities()
        fast = able.get("avx512_bf16") or able.get("amx_bf16")
        return torch.bfloat16 if fast else torch.float32
    if name == "auto":
        return torch.float32
    return getattr(torch, name)


def attention_kernel(name: str, *, compiled: str = "none") -> AttentionKernel:
    """The function that attends; `xformers` is imported only here and only when chosen.

    `compiled` is how the networks are, see `compile_suite`.
    """
    if name == "sdpa":
        symbols = compiled in ("regional", "whole")
        return F.scaled_dot_product_attention if symbols else PlainAttention()
    if name in _SDPA:
        return partial(_attend_with, name)
    try:
        # An extra, which need not be there.
        from xformers.ops import memory_efficient_attention  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InvalidConfig(
            field="runtime.attention",
            value=name,
            accepted="sdpa, or xformers after `pip install remixlab[xformers]` (Linux)",
        ) from error

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        # xformers wants (B, T, heads, d).
        parts = (part.transpose(1, 2) for part in (query, key, value))
        return memory_efficient_attention(*parts).transpose(1, 2)

    return attend


def _attend_with(name: str, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    try:
        with sdpa_kernel(_SDPA[name]):
            return F.scaled_dot_product_attention(query, key, value)
    except RuntimeError as error:  # torch warns why, and says "No available kernel"
        accepted = f"sdpa, or what `remixlab doctor` says works on {query.device}"
        raise InvalidConfig(field="runtime.attention", value=name, accepted=accepted) from error


def keep_kernels() -> None:
    """Let oneDNN keep the CPU kernels that it has made for every shape of seven sizes.

    It keeps 1,024 unless told otherwise, and who moves among the sizes needs more: each first step
    would make its kernels again. It asks once, at the first kernel of a process
    (https://oneapi-src.github.io/oneDNN/dev_guide_primitive_cache.html); what a user has set stays.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")


def make_deterministic() -> None:
    """Everything PyTorch offers for bit-identical runs on one card model and stack.

    https://docs.pytorch.org/docs/stable/notes/randomness.html; cuBLAS needs
    `CUBLAS_WORKSPACE_CONFIG` before its first call, which the caller's first remix is.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def seeded_generators(seeds: list[int]) -> list[torch.Generator]:
    """One CPU generator a picture, so that its noise depends on its own seed and nothing else."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def draw_noise(
    generators: list[torch.Generator], shape: tuple[int, ...], device: torch.device
) -> Tensor:
    """(B, *shape) standard normal float32 noise, drawn on the CPU whatever the device."""
    noise = torch.stack([torch.randn(shape, generator=g) for g in generators])
    return noise.to(device)


def wait_for(device: torch.device) -> None:
    """Until the device has done what it was given; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def anywhere(_stage: str) -> AbstractContextManager[None]:
    """Every network is where it runs, in all stages."""
    return nullcontext()


@dataclass
class Clock:
    """Seconds by stage; waits for the device on both sides, so that a stage owns its work.

    Every stage runs inside `within(its name)`.
    """

    device: torch.device
    within: Within = anywhere
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time of the block to `stage`, with that of entering `within`."""
        wait_for(self.device)
        start = time.perf_counter()
        with self.within(stage):
            yield
            wait_for(self.device)
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start
