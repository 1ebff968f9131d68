"""Networks on their way to the device and back: the same pictures, and nothing runs elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from remixlab import Remixer
from remixlab.config import RuntimeConfig
from remixlab.errors import InvalidConfig
from remixlab.models.offload import Offload, check_offload
from tests.conftest import load_tiny
from tests.test_remix import request

CPU = torch.device("cpu")
CARD = torch.device("cuda")


@pytest.fixture
def loaded(tiny_folder: Path) -> Remixer:
    """A suite of its own, for it is changed."""
    return load_tiny(tiny_folder)


@pytest.fixture
def offload(loaded: Remixer) -> Offload:
    """To the CPU, where "on the device" is a copy of the weights."""
    return Offload(loaded.suite, CPU)


def networks(offload: Offload) -> list[nn.Module]:
    return list({network for stage in offload.stages.values() for network in stage})


def addresses(offload: Offload) -> set[int]:
    return {p.data_ptr() for network in networks(offload) for p in network.parameters()}


@pytest.fixture
def watched(offload: Offload) -> Iterator[Offload]:
    """Every layer refuses to run with the weights that wait in main memory."""
    homes = addresses(offload)

    def refuse(layer: nn.Module, *_: Any) -> None:
        assert not homes & {p.data_ptr() for p in layer.parameters(recurse=False)}, layer

    layers = [layer for network in networks(offload) for layer in network.modules()]
    hooks = [layer.register_forward_pre_hook(refuse) for layer in layers]
    yield offload
    for hook in hooks:
        hook.remove()


def test_every_layer_runs_on_the_device_and_paints_the_same(
    loaded: Remixer, watched: Offload, tiny_remixer: Remixer
) -> None:
    asked = [request(), request(seed=5, cfg_scale=1.0, style_fidelity=0)]
    maker = Remixer(watched.suite, loaded.config, watched.resident)
    for ours, theirs in zip(maker.remix_batch(asked), tiny_remixer.remix_batch(asked), strict=True):
        assert np.array_equal(np.asarray(ours.background), np.asarray(theirs.background))
    with pytest.raises(AssertionError):  # the watch itself
        Remixer(watched.suite, loaded.config).remix(asked[0])


def test_weights_are_at_home_between_stages(offload: Offload) -> None:
    homes = addresses(offload)
    for stage, used in offload.stages.items():
        with offload.resident(stage):
            for network in networks(offload):
                away = {p.data_ptr() for p in network.parameters()} - homes
                assert bool(away) == (network in used), stage
        assert addresses(offload) == homes
    with pytest.raises(RuntimeError, match="out of memory"), offload.resident("denoise"):
        raise RuntimeError("out of memory")
    assert addresses(offload) == homes
    with offload.resident("composite"):
        assert addresses(offload) == homes


@pytest.mark.parametrize(
    ("config", "device", "reason"),
    [
        (RuntimeConfig(offload=True), CPU, "no CUDA card"),
        (RuntimeConfig(offload=True, cuda_graphs=True), CARD, "cuda_graphs"),
        (RuntimeConfig(offload=True, quantize="int8"), CARD, "quantize"),
    ],
)
def test_where_it_cannot_be(config: RuntimeConfig, device: torch.device, reason: str) -> None:
    with pytest.raises(InvalidConfig, match=rf"runtime.offload.*{reason}"):
        check_offload(config, device)
    check_offload(replace(config, offload=False), device)


def test_a_remixer_refuses_it_without_a_card() -> None:
    with pytest.raises(InvalidConfig, match=r"runtime.offload"):
        Remixer.from_config("mini", overrides=["runtime.offload=true", "runtime.device=cpu"])
