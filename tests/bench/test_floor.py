"""Operations and bytes of networks whose work is known."""

from __future__ import annotations

import torch
from torch import nn

from remixlab.bench.floor import Rates, Work, _counted, count_work, measure_rates
from remixlab.remix import Remixer
from tests.test_remix import request


def test_a_linear_layer_is_two_operations_a_weight_and_row() -> None:
    layer, found = nn.Linear(8, 4, bias=False), {}
    with _counted({"layer": [layer]}, found):
        layer(torch.zeros(3, 8))
        layer(torch.zeros(1, 8))
    assert found == {"layer": Work(2 * 8 * 4 * (3 + 1), 2 * 8 * 4 * 4)}
    layer(torch.zeros(3, 8))
    assert found["layer"].flops == 2 * 8 * 4 * 4


def test_the_slower_of_the_two_decides() -> None:
    rates = Rates(flops=100.0, bytes=10.0)
    assert Work(200, 10).seconds(rates) == 2 and Work(100, 40).seconds(rates) == 4


def test_guidance_and_steps_multiply_the_unets_work(tiny_remixer: Remixer) -> None:
    plain = count_work(tiny_remixer, [request(cfg_scale=1.0)])
    guided = count_work(tiny_remixer, [request(cfg_scale=2.0)])
    assert 1.8 < guided["unet"].flops / plain["unet"].flops <= 2.0
    assert guided["decode"] == plain["decode"]
    free = count_work(tiny_remixer, [request(outline_fidelity=0.0)])
    assert "controlnet" not in free and "outline" not in free


def test_rates_are_those_of_a_machine() -> None:
    rates = measure_rates(torch.device("cpu"), torch.float32)
    assert 1e9 < rates.flops < 1e15 and 1e8 < rates.bytes < 1e13
