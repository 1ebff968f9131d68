"""Plain products: what PyTorch's kernel computes, and text and reference at once."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from remixlab.models.attention import CrossRows, RowAttention
from remixlab.models.plain_attention import PlainAttention

HEADS, WIDTH = 3, 24


class Layer:
    """What `RowAttention` needs of diffusers' attention: its projections."""

    heads = HEADS

    def __init__(self, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        names = ("to_q", "to_k", "to_v")
        for name in names:
            setattr(self, name, torch.nn.Linear(WIDTH, WIDTH, bias=False).to(dtype))
        self.to_out = [torch.nn.Linear(WIDTH, WIDTH).to(dtype), torch.nn.Identity()]


def parts(*lengths: int) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, HEADS, length, 8).bfloat16() for length in lengths]


def test_both_are_the_text_and_a_share_of_the_reference() -> None:
    query, key, value, reference_key, reference_value = parts(16, 7, 7, 5, 5)
    scale = torch.tensor([0.7, 0.0]).bfloat16()[:, None, None, None]
    found = PlainAttention().both(query, (key, value), (reference_key, reference_value), scale)
    attend = F.scaled_dot_product_attention
    wanted = attend(*(part.float() for part in (query, key, value)))
    shares = attend(*(part.float() for part in (query, reference_key, reference_value)))
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), wanted + scale * shares, atol=2e-2)
    assert torch.allclose(found[1].float(), wanted[1], atol=2e-2) and shares.std() > 0.1


@pytest.mark.parametrize(
    ("dtype", "scales", "at_once"),
    [
        (torch.bfloat16, [0.7, 0.4], True),
        (torch.bfloat16, [0.7, 0.0], False),  # a row that reads none
        (torch.float32, [0.7, 0.4], False),  # PyTorch's kernel is the faster one
    ],
)
@torch.inference_mode()
def test_rows_are_attended_at_once_where_all_read_a_reference(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, scales: list[float], at_once: bool
) -> None:
    asked: list[torch.Size] = []
    both = PlainAttention.both

    def watched(self: PlainAttention, query: Tensor, *read: object) -> Tensor:
        asked.append(query.shape)
        return both(self, query, *read)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(PlainAttention, "both", watched)
    layer, states = Layer(dtype), torch.randn(2, 16, WIDTH).to(dtype)
    texts, references = torch.randn(3, 7, WIDTH).to(dtype), torch.randn(2, 5, WIDTH).to(dtype)
    found = []
    for kernel in (PlainAttention(), F.scaled_dot_product_attention):
        torch.manual_seed(1)
        reading = RowAttention("x", kernel, width=WIDTH, cross_width=WIDTH).to(dtype)
        rows = CrossRows.build(
            texts, [2, 0], references=references, reference_index=[1, 0], scales=scales
        )
        found.append(reading(layer, states, texts, rows=rows).float())
    assert bool(asked) is at_once
    assert torch.allclose(*found, atol=1e-5 if dtype == torch.float32 else 2e-2)
    assert found[0].std() > 0.05
