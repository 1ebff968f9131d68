"""Upsampling blocks: the same numbers and layout, compiled or not."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.autoencoder_dc import DCUpBlock2d
from torch import nn

from remixlab import Remixer
from remixlab.bench.stock_pipeline import stock_pipeline
from remixlab.models.upsampling import RelaidUpBlock, relay_upsampling


@pytest.mark.parametrize(
    ("given", "made", "shortcut"), [(32, 16, True), (16, 16, True), (32, 8, True), (16, 3, False)]
)
@torch.inference_mode()
def test_compiled_without_a_shuffle_the_numbers_stay(
    given: int, made: int, shortcut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    plain = DCUpBlock2d(given, made, shortcut=shortcut).to(memory_format=torch.channels_last)
    network = nn.Sequential(deepcopy(plain))
    relay_upsampling(network)
    pictures = torch.randn(2, given, 6, 10).to(memory_format=torch.channels_last)
    expected, eager = plain(pictures), network(pictures)
    monkeypatch.setattr(F, "pixel_shuffle", None)  # nobody asks PyTorch's
    found = torch.compile(network, backend="eager", fullgraph=True)(pictures)
    assert torch.equal(eager, expected)
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_the_mini_suite_has_its_upsampling_relaid_and_stock_its_own() -> None:
    suite = Remixer.from_config("mini", overrides=["runtime.device=cpu"]).suite
    ours, theirs = (
        {type(module) for module in vae.modules() if isinstance(module, DCUpBlock2d)}
        for vae in (suite.vae, stock_pipeline(suite).vae)
    )
    assert ours == {RelaidUpBlock} and theirs == {DCUpBlock2d}
