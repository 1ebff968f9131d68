"""Compiled networks: the same picture, and nothing compiled again when data changes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch._inductor import config as inductor

from remixlab import SIZES, Remixer, RemixRequest
from remixlab.errors import InvalidConfig
from remixlab.models.compiling import compile_suite
from tests.conftest import load_tiny, make_product, make_reference

REFERENCE = make_reference(2)


@pytest.fixture
def remixer(tiny_folder: Path) -> Iterator[Remixer]:
    """A suite of its own, for compiling changes it."""
    torch._dynamo.reset()
    loaded = load_tiny(tiny_folder)
    yield Remixer(loaded.suite, replace(loaded.config, steps=2))
    torch._dynamo.reset()


def request(width: int = 64, height: int = 64, **changes: Any) -> RemixRequest:
    fields: dict[str, Any] = {
        "product_image": make_product(width, height), "ref_image": REFERENCE,
        "prompt": "a jar", "seed": 3,
    }  # fmt: skip
    return RemixRequest(**fields | changes)


@pytest.mark.parametrize("how", ["none", "auto"])
def test_none_leaves_the_networks_alone_as_auto_does_on_a_cpu(remixer: Remixer, how: str) -> None:
    compile_suite(remixer.suite, how)
    assert all(module._compiled_call_impl is None for module in remixer.suite.unet.modules())


def test_cuda_graphs_need_a_card(remixer: Remixer) -> None:
    with pytest.raises(InvalidConfig, match=r"runtime.cuda_graphs"):
        compile_suite(remixer.suite, "whole", cuda_graphs=True)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["regional", "whole"])
def test_changed_data_compile_nothing_again(
    remixer: Remixer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(nn.Module, "compile", _only_traced)
    compile_suite(remixer.suite, how)
    sides = [(size.width // 8, size.height // 8) for size in SIZES.values()]  # quick to cut out
    remixer.remix(request())  # the warm-up: one size, one picture
    with torch.compiler.set_stance("fail_on_recompile"):
        for side in sides:
            remixer.remix(request(*side, seed=9, prompt="sand and a shell", cfg_scale=4.0))
            remixer.remix(request(*side, outline_fidelity=0.4, style_fidelity=1.3))
            remixer.remix_batch([request(*side, seed=seed) for seed in (4, 5, 6)])
        with pytest.raises(RuntimeError, match="recompile"):  # the first without a reference
            remixer.remix(request(style_fidelity=0))


@pytest.mark.slow
def test_static_graphs_are_one_for_each_size(
    remixer: Remixer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.Module, "compile", _only_traced)
    with inductor.patch(freezing=False):  # what is set for the process, here for the block
        compile_suite(remixer.suite, "static")
        sides = [(64, 64), (96, 64)]
        for side in sides:  # the warm-up
            remixer.remix(request(*side))
        assert inductor.freezing
        with torch.compiler.set_stance("fail_on_recompile"):
            for side in sides:
                remixer.remix(request(*side, seed=9, prompt="sand and a shell", cfg_scale=4.0))
                remixer.remix(request(*side, outline_fidelity=0.4, style_fidelity=1.3))
            with pytest.raises(RuntimeError, match="recompile"):
                remixer.remix_batch([request(seed=seed) for seed in (4, 5, 6)])


@pytest.mark.slow
def test_weights_are_frozen_in_every_thread(
    remixer: Remixer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.Module, "compile", _only_traced)
    with inductor.patch(freezing=False):
        compile_suite(remixer.suite, "static")
        remixer.remix(request())  # the warm-up
        with torch.compiler.set_stance("fail_on_recompile"), ThreadPoolExecutor(1) as other:
            other.submit(torch.set_num_threads, torch.get_num_threads())  # graphs know it too
            other.submit(remixer.remix, request(seed=9)).result()
            assert other.submit(lambda: inductor.freezing).result()


@pytest.mark.slow
def test_two_suites_keep_their_own_frozen_weights(
    remixer: Remixer, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.Module, "compile", _only_traced)
    other = Remixer(load_tiny(tiny_folder).suite, remixer.config)
    for network in (other.suite.unet, other.suite.vae):
        for weight in network.parameters():
            weight.data.mul_(0.8)
    wanted = [one.remix(request()).background for one in (remixer, other)]
    with inductor.patch(freezing=False):  # what is set for the process, here for the block
        for one in (remixer, other):
            compile_suite(one.suite, "static")
        made = [one.remix(request()).background for one in (remixer, other)]
    assert made == wanted
    assert wanted[0] != wanted[1]


@pytest.mark.slow
def test_the_compiler_changes_no_picture(remixer: Remixer) -> None:
    """The blocks alone, for the whole networks take it minutes."""
    asked = [request(), request(seed=4, cfg_scale=1.0, outline_fidelity=0, style_fidelity=0)]
    plain = remixer.remix_batch(asked)
    compile_suite(remixer.suite, "regional")
    for a, b in zip(plain, remixer.remix_batch(asked), strict=True):
        pair = [np.asarray(result.background).astype(int) for result in (a, b)]
        assert np.abs(pair[0] - pair[1]).max() <= 1


def _only_traced(network: nn.Module, **settings: Any) -> None:
    """What decides about compiling again is tracing; generating code takes minutes."""
    network._compiled_call_impl = torch.compile(network._call_impl, backend="eager", **settings)
