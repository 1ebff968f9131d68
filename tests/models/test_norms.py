"""Group normalisation: the same numbers and layout, whichever kernel computes them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from remixlab.bench.stock_pipeline import stock_pipeline
from remixlab.models.norms import RelaidGroupNorm, relay_norms
from remixlab.models.suite import Suite


def norms(dtype: torch.dtype) -> tuple[nn.GroupNorm, nn.Module]:
    """A norm of 8 groups with weights of its own, and the same one relaid."""
    torch.manual_seed(0)
    plain = nn.GroupNorm(8, 32)
    nn.init.normal_(plain.weight)
    nn.init.normal_(plain.bias)
    network = nn.Sequential(nn.GroupNorm(8, 32))
    network[0].load_state_dict(plain.state_dict())
    relay_norms(network)
    return plain.to(dtype), network.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_numbers_and_the_layout_stay(dtype: torch.dtype) -> None:
    plain, relaid = norms(dtype)
    assert type(relaid[0]) is RelaidGroupNorm  # pyright: ignore[reportIndexIssue]
    pictures = torch.randn(2, 32, 9, 7).to(dtype, memory_format=torch.channels_last)
    expected, found = plain(pictures), relaid(pictures)
    assert torch.allclose(found, expected, rtol=1e-2, atol=1e-2 if dtype.itemsize == 2 else 0)
    assert found.is_contiguous(memory_format=torch.channels_last)
    flat = torch.randn(2, 32, 5).to(dtype)  # as attention in a VAE norms its tokens
    assert torch.equal(relaid(flat), plain(flat))


def test_half_precision_is_laid_out_for_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    forward = nn.GroupNorm.forward

    def watched(self: nn.GroupNorm, input: torch.Tensor) -> torch.Tensor:
        seen.append(input.is_contiguous())
        return forward(self, input)

    monkeypatch.setattr(nn.GroupNorm, "forward", watched)
    for dtype in (torch.float32, torch.bfloat16):
        pictures = torch.randn(2, 32, 9, 7).to(dtype, memory_format=torch.channels_last)
        norms(dtype)[1](pictures)
    assert seen == [False, True]


def test_compiled_half_precision_is_normed_by_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, relaid = norms(torch.bfloat16)
    # Off centre, so that a mean square less a squared mean has digits to lose.
    pictures = (torch.randn(2, 32, 9, 7) + 8).bfloat16().to(memory_format=torch.channels_last)
    expected = plain.float()(pictures.float())
    monkeypatch.setattr(nn.GroupNorm, "forward", None)  # nobody asks PyTorch's
    found = torch.compile(relaid, backend="eager", fullgraph=True)(pictures)
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), expected, rtol=8e-3, atol=8e-3)


def test_stock_pipelines_keep_their_own_norms(tiny: Suite) -> None:
    ours, theirs = (
        {type(module) for module in unet.modules() if isinstance(module, nn.GroupNorm)}
        for unet in (tiny.unet, stock_pipeline(tiny).unet)
    )
    assert ours == {RelaidGroupNorm} and theirs == {nn.GroupNorm}
