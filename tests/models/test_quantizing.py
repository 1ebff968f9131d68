"""Eight bits: which layers, how far the pictures are off, and where it cannot be.

The tests that multiply them run where `pip install remixlab[quantize]` was done.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from torch import nn

from remixlab import Remixer, RemixRequest
from remixlab.errors import InvalidConfig
from remixlab.models.quantizing import quantize_suite
from remixlab.models.suite import Suite
from tests.conftest import load_tiny, make_product, make_reference
from tests.test_remix import request

needs_torchao = pytest.mark.skipif(find_spec("torchao") is None, reason="needs torchao")


def quantized(network: Any) -> set[str]:
    """Names of the layers whose weights are no plain tensors any more."""
    return {
        name
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear) and type(layer.weight) is not nn.Parameter
    }


@needs_torchao
def test_int8_changes_the_picture_a_little(tiny_folder: Path, tiny_remixer: Remixer) -> None:
    remixer = load_tiny(tiny_folder)
    quantize_suite(remixer.suite, "int8")
    plain, changed = (
        np.asarray(maker.remix(request()).background).astype(int)
        for maker in (tiny_remixer, remixer)
    )
    difference = np.abs(plain - changed)
    assert difference.max() > 0 and difference.mean() < 3


@needs_torchao
def test_the_transformer_blocks_are_chosen(tiny_folder: Path) -> None:
    suite = load_tiny(tiny_folder).suite
    before = {name for name, layer in suite.unet.named_modules() if isinstance(layer, nn.Linear)}
    quantize_suite(suite, "none")
    assert not quantized(suite.unet)
    quantize_suite(suite, "int8")
    for network in (suite.unet, suite.controlnet):
        chosen = quantized(network)
        assert any(name.endswith("attn1.to_q") for name in chosen)
        assert any(name.endswith("ff.net.2") for name in chosen)
    left = before - quantized(suite.unet)
    assert {"time_embedding.linear_1", "add_embedding.linear_1"} <= left
    assert any(name.endswith("to_k_ip") for name in left)


def test_fp8_needs_a_card_that_multiplies_it(
    tiny_suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidConfig, match=r"runtime.quantize.*fp8 on cards from Ada on"):
        quantize_suite(tiny_suite, "fp8")
    card = replace(tiny_suite, device=torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 6))
    with pytest.raises(InvalidConfig, match=r"runtime.quantize.*fp8"):
        quantize_suite(card, "fp8")


def test_the_missing_extra_is_named(tiny_suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchao", None)
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(InvalidConfig, match=r"pip install remixlab\[quantize\]"):
        quantize_suite(tiny_suite, "int8")


@needs_torchao
def test_the_mini_suite_in_int8() -> None:
    """Real weights: the picture is that of float32 to a few of 255."""
    pictures: dict[str, Any] = {
        "product_image": make_product(96, 96), "ref_image": make_reference(1)
    }  # fmt: skip
    asked = RemixRequest(**pictures, prompt="a jar on a wooden table", seed=3)
    backgrounds = [
        np.asarray(Remixer.from_config("mini", overrides=overrides).remix(asked).background)
        for overrides in ([], ["runtime.quantize=int8"])
    ]
    assert peak_signal_noise_ratio(*backgrounds) > 25
