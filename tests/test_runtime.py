from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F

from remixlab import runtime
from remixlab.errors import InvalidConfig
from remixlab.runtime import (
    Clock,
    attention_kernel,
    draw_noise,
    make_deterministic,
    resolve_device,
    resolve_dtype,
    seeded_generators,
)

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
SHAPE = (4, 3, 5)


def noise(*seeds: int) -> torch.Tensor:
    return draw_noise(seeded_generators(list(seeds)), SHAPE, CPU)


def test_device_by_name_and_by_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_device("cpu") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == CUDA
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == CPU


@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_cards_that_are_not_there(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InvalidConfig) as caught:
        resolve_device(name)
    assert caught.value.field == "runtime.device" and caught.value.value == name


_MANY_SHAPES = """
import torch
from torch.backends import mkldnn
from remixlab.runtime import keep_kernels

keep_kernels()
network = torch.nn.Conv2d(16, 16, 3, padding=1)
pictures = [torch.rand(2, 16, 8, 32 + more) for more in range(1100)]
with torch.inference_mode():
    for picture in pictures:
        network(picture)
    with mkldnn.verbose(mkldnn.VERBOSE_ON_CREATION):
        network(pictures[0])
"""


@pytest.mark.slow
@pytest.mark.parametrize(("kept", "found"), [(None, "cache_hit"), ("16", "cache_miss")])
def test_kernels_of_many_shapes_are_kept_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, kept: str | None, found: str
) -> None:
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    if kept:
        monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", kept)
    ran = subprocess.run(
        [sys.executable, "-c", _MANY_SHAPES], capture_output=True, text=True, check=True
    )
    made = [line for line in ran.stdout.splitlines() if "convolution" in line and "cache_" in line]
    assert made and all(found in line for line in made)


def test_dtype_by_name_and_by_device() -> None:
    assert resolve_dtype("auto", CPU) == torch.float32
    assert resolve_dtype("auto", CUDA) == torch.float16
    for device in (CPU, CUDA):
        assert resolve_dtype("bfloat16", device) == torch.bfloat16


@pytest.mark.parametrize(
    ("able", "expected"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16),
     ({"avx512_bf16": False}, torch.float32), ({}, torch.float32)],
)  # fmt: skip
def test_half_is_what_the_processor_multiplies(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, bool], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert resolve_dtype("half", CPU) == expected
    assert resolve_dtype("half", CUDA) == torch.float16


def test_xformers_is_asked_for_only_when_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xformers", None)
    monkeypatch.setitem(sys.modules, "xformers.ops", None)
    assert attention_kernel("sdpa", compiled="whole") is F.scaled_dot_product_attention
    with pytest.raises(InvalidConfig, match="pip install") as caught:
        attention_kernel("xformers")
    assert caught.value.field == "runtime.attention"


def test_one_kernel_of_torch_attends_as_torch_chooses() -> None:
    query, key, value = (torch.randn(2, 4, length, 16) for length in (9, 7, 7))
    chosen = attention_kernel("sdpa")(query, key, value)
    for name in ("sdpa_math", "sdpa_flash"):
        assert torch.allclose(attention_kernel(name)(query, key, value), chosen, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "length", "asked"),
    [(torch.float32, 16, True), (torch.bfloat16, 16, False), (torch.bfloat16, 640, True)],
)
def test_short_sequences_in_half_precision_are_plain_products(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, length: int, asked: bool
) -> None:
    calls = []
    real = F.scaled_dot_product_attention
    monkeypatch.setattr(
        F, "scaled_dot_product_attention", lambda *parts: calls.append(1) or real(*parts)
    )
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, length, 4, 16).to(dtype) for _ in range(3))
    parts = [part.transpose(1, 2) for part in (query, key, value)]  # as heads are split
    found = attention_kernel("sdpa")(*parts)
    assert bool(calls) == asked and found.dtype == dtype
    expected = real(*(part.float() for part in parts))
    assert torch.allclose(found.float(), expected, atol=1e-5 if dtype == torch.float32 else 2e-2)
    assert found.std() > 0.05


def test_a_kernel_that_does_not_work_here_is_named() -> None:
    query = torch.randn(1, 1, 4, 16)
    with pytest.raises(InvalidConfig, match="doctor") as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own reasons
        attention_kernel("sdpa_cudnn")(query, query, query)
    assert caught.value.value == "sdpa_cudnn"


def test_noise_depends_on_the_seed_alone() -> None:
    batch, turned, alone = noise(1, 2**32, 7), noise(7, 1, 2**32), noise(2**32)
    assert batch.shape == (3, *SHAPE) and batch.dtype == torch.float32
    assert torch.equal(batch[[2, 0, 1]], turned)
    assert torch.equal(batch[1], alone[0])
    assert not torch.equal(batch[0], batch[1])


def test_noise_is_drawn_on_the_cpu() -> None:
    """The meta device holds no values, so only what is drawn before the move can be repeated."""
    here, there = seeded_generators([5]), seeded_generators([5])
    draw_noise(here, SHAPE, CPU)
    assert draw_noise(there, SHAPE, torch.device("meta")).device.type == "meta"
    assert torch.equal(draw_noise(here, SHAPE, CPU), draw_noise(there, SHAPE, CPU))


def test_known_noise() -> None:
    """So that a seed means the same picture in every release."""
    wanted = torch.tensor([0.6614, 0.2669, 0.0617])
    assert torch.allclose(draw_noise(seeded_generators([1]), (3,), CPU)[0], wanted, atol=1e-4)


def test_noise_is_normal() -> None:
    values = draw_noise(seeded_generators([1, 2**32]), (4, 64, 64), CPU)
    assert abs(float(values.mean())) < 0.02 and abs(float(values.std()) - 1) < 0.02


def test_clock_adds_by_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([1.0, 3.5, 10.0, 11.0, 20.0, 20.25])
    clock = Clock(CPU)
    with monkeypatch.context() as patch:
        patch.setattr(runtime.time, "perf_counter", lambda: next(ticks))
        for stage in ("text", "decode", "text"):
            with clock.measure(stage):
                pass
    assert clock.seconds == {"text": 2.75, "decode": 1.0}


def test_clock_waits_for_a_card_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    with Clock(CUDA).measure("decode"):
        assert waited == [CUDA]
    assert waited == [CUDA, CUDA]


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PyTorch's switches as they were."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    backends = torch.backends
    before = backends.cudnn.benchmark, backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32
    yield
    torch.use_deterministic_algorithms(False)
    backends.cudnn.benchmark, backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32 = before


def test_deterministic_sets_everything(restored: None) -> None:
    torch.backends.cudnn.benchmark = torch.backends.cuda.matmul.allow_tf32 = True
    make_deterministic()
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark and not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
