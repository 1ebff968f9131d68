"""The processors: taken on and off, one scale a row, nothing computed twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn

from remixlab.models.attention import (
    CrossRows,
    RowAttention,
    attach_processors,
    attention_layers,
    detach_processors,
    join_heads,
    split_heads,
)
from remixlab.runtime import attention_kernel
from tests.tiny_suite import CROSS_WIDTH, POOLED_WIDTH, tiny_controlnet, tiny_unet

SDPA = F.scaled_dot_product_attention


@pytest.fixture
def unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return tiny_unet().eval().requires_grad_(False)


@pytest.fixture
def reading(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """A UNet whose layers read references."""
    attach_processors(unet, SDPA, references=True)
    return unet


def inputs(rows: int, *, seed: int = 1) -> dict[str, Any]:
    """What a call of a UNet or ControlNet reads, different in every row."""
    random = torch.Generator().manual_seed(seed)
    return {
        "sample": torch.randn(rows, 4, 8, 8, generator=random),
        "encoder_hidden_states": torch.randn(rows, 7, CROSS_WIDTH, generator=random),
        "added_cond_kwargs": {
            "text_embeds": torch.randn(rows, POOLED_WIDTH, generator=random),
            "time_ids": torch.full((rows, 6), 64.0),
        },
    }


def one_row(given: dict[str, Any], row: int) -> dict[str, Any]:
    """Only this row of `inputs`."""
    return {
        key: one_row(value, row) if isinstance(value, dict) else value[row : row + 1]
        for key, value in given.items()
    }


def run(network: UNet2DConditionModel, given: dict[str, Any], rows: CrossRows | None) -> Tensor:
    cross = {"cross_attention_kwargs": {"rows": rows}} if rows else {}
    with torch.inference_mode():
        return network(timestep=torch.tensor(300), **given, **cross).sample


def make_rows(
    given: dict[str, Any], references: Tensor, scales: list[float], **options: Any
) -> CrossRows:
    texts = given["encoder_hidden_states"]
    index = range(len(texts))
    return CrossRows.build(
        texts, index, references=references, reference_index=index, scales=scales, **options
    )


def tokens(count: int) -> Tensor:
    return torch.randn(count, 5, CROSS_WIDTH, generator=torch.Generator().manual_seed(9))


def test_without_references_nothing_changes(unet: UNet2DConditionModel) -> None:
    given = inputs(2)
    stock = run(unet, given, None)
    attach_processors(unet, SDPA, references=False)
    rows = CrossRows.build(given["encoder_hidden_states"], range(2))
    assert torch.allclose(run(unet, given, rows), stock, atol=1e-5)
    assert torch.allclose(run(unet, given, None), stock, atol=1e-5)


@pytest.mark.parametrize("references", [False, True])
def test_detached_networks_are_as_they_were(unet: UNet2DConditionModel, references: bool) -> None:
    given, names = inputs(2), set(unet.state_dict())
    stock = run(unet, given, None)
    attach_processors(unet, SDPA, references=references)
    assert (set(unet.state_dict()) == names) is not references
    detach_processors(unet)
    assert torch.equal(run(unet, given, None), stock)
    assert set(unet.state_dict()) == names


def test_controlnets_take_them_too() -> None:
    torch.manual_seed(0)
    network: ControlNetModel = tiny_controlnet().eval()
    given = inputs(2) | {"controlnet_cond": torch.rand(2, 3, 64, 64), "return_dict": False}
    with torch.inference_mode():
        stock, _ = network(timestep=torch.tensor(300), **given)
        attach_processors(network, SDPA, references=False)
        rows = CrossRows.build(given["encoder_hidden_states"], range(2))
        ours, _ = network(
            timestep=torch.tensor(300), cross_attention_kwargs={"rows": rows}, **given
        )
    for a, b in zip(ours, stock, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_one_scale_a_row_equals_separate_calls(reading: UNet2DConditionModel) -> None:
    given, references, scales = inputs(4), tokens(4), [0.0, 0.4, 1.0, 1.7]
    together = run(reading, given, make_rows(given, references, scales))
    for row, scale in enumerate(scales):
        alone = one_row(given, row)
        rows = make_rows(alone, references[row : row + 1], [scale])
        assert torch.allclose(together[row : row + 1], run(reading, alone, rows), atol=1e-5)
    plain = run(reading, given, CrossRows.build(given["encoder_hidden_states"], range(4)))
    differences = (together - plain).abs().amax((1, 2, 3))
    assert differences[0] < 1e-5 and (differences[1:] > 1e-3).all()


def test_texts_and_references_are_picked_by_number(reading: UNet2DConditionModel) -> None:
    given = inputs(3)
    texts, references = given["encoder_hidden_states"], tokens(2)
    straight = run(reading, given, make_rows(given, references[[1, 0, 1]], [0.5, 1.0, 0.7]))
    by_number = CrossRows.build(
        texts.flip(0), [2, 1, 0], references=references, reference_index=[1, 0, 1],
        scales=[0.5, 1.0, 0.7],
    )  # fmt: skip
    assert torch.allclose(run(reading, given, by_number), straight, atol=1e-5)


def test_rows_of_scale_0_are_skipped(unet: UNet2DConditionModel) -> None:
    batches: Counter[int] = Counter()

    def counting(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        batches[len(query)] += 1
        return SDPA(query, key, value)

    processors = attach_processors(unet, counting, references=True)
    readers = sum(layer.reference_enabled for layer in processors.values())
    given = inputs(3)
    run(unet, given, make_rows(given, tokens(3), [0.0, 0.5, 0.0]))
    assert batches == {3: len(processors), 1: readers}
    batches.clear()
    run(unet, given, make_rows(given, tokens(3), [0.0, 0.0, 0.0]))
    assert batches == {3: len(processors)}


def count_calls(monkeypatch: pytest.MonkeyPatch, layer: nn.Module, calls: Counter[str]) -> None:
    real: Callable[[Tensor], Tensor] = layer.forward

    def counted(states: Tensor) -> Tensor:
        calls["projected"] += 1
        return real(states)

    monkeypatch.setattr(layer, "forward", counted)


def test_keys_and_values_are_projected_once(
    reading: UNet2DConditionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()
    layers = [attn for name, attn in attention_layers(reading) if name.endswith("attn2")]
    for attn in layers:
        assert isinstance(attn.processor, RowAttention)
        for layer in (attn.to_k, attn.to_v, attn.processor.to_k_ip, attn.processor.to_v_ip):
            count_calls(monkeypatch, layer, calls)
    cache: dict[str, tuple[Tensor, Tensor]] = {}
    first, later = inputs(2), inputs(2, seed=2)
    later["encoder_hidden_states"] = first["encoder_hidden_states"]
    run(reading, first, make_rows(first, tokens(2), [1.0, 1.0], cache=cache))
    assert calls["projected"] == 4 * len(layers) and len(cache) == 2 * len(layers)
    cached = run(reading, later, make_rows(later, tokens(2), [1.0, 0.5], cache=cache))
    assert calls["projected"] == 4 * len(layers)
    fresh = run(reading, later, make_rows(later, tokens(2), [1.0, 0.5]))
    assert torch.equal(cached, fresh)


def test_heads_are_split_and_joined() -> None:
    states = torch.randn(2, 5, 12)
    split = split_heads(states, 3)
    assert split.shape == (2, 3, 5, 4)
    assert torch.equal(split[:, 1], states[..., 4:8])
    assert torch.equal(join_heads(split), states)


@pytest.mark.gpu
def test_xformers_attends_as_sdpa_does() -> None:
    pytest.importorskip("xformers.ops")
    query, key, value = (
        torch.randn(2, 4, length, 64, device="cuda", dtype=torch.float16) for length in (64, 77, 77)
    )
    found = attention_kernel("xformers")(query, key, value)
    assert torch.allclose(found, SDPA(query, key, value), atol=5e-3)
