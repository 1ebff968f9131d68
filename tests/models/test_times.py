"""Times given in advance: the same numbers from the same weights, and each computed once a run."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from diffusers import ControlNetModel
from PIL import Image
from torch import nn

from remixlab import Remixer, RemixRequest
from remixlab.denoise.conditioning import micro_conditioning
from remixlab.models.times import expect_times, project_times
from tests.tiny_suite import CROSS_WIDTH, POOLED_WIDTH, tiny_unet

TIMES = torch.tensor([981.0, 300.0, 1.0])


def networks(kind: str) -> tuple[Any, Any]:
    """A plain network, and the same one that is given its times."""
    torch.manual_seed(0)
    unet = tiny_unet().eval().requires_grad_(False)
    plain: Any = unet if kind == "unet" else ControlNetModel.from_unet(unet).eval()
    given = deepcopy(plain)
    expect_times(given)
    return plain, given


@pytest.mark.parametrize("kind", ["unet", "controlnet"])
@torch.inference_mode()
def test_the_networks_compute_the_same(kind: str) -> None:
    plain, given = networks(kind)
    sample, texts = torch.randn(2, 4, 8, 8), torch.randn(2, 7, CROSS_WIDTH)
    pooled, ids = torch.randn(2, POOLED_WIDTH), micro_conditioning(64, 48)
    more = {"controlnet_cond": torch.randn(2, 3, 64, 64)} if kind == "controlnet" else {}
    rows = project_times(given, TIMES, pooled, ids)
    for time, row in zip(TIMES, rows, strict=True):
        added = {"text_embeds": pooled, "time_ids": ids.expand(2, -1)}
        expected = plain(sample, time, texts, added_cond_kwargs=added, return_dict=False, **more)
        found = given(sample, time, texts, timestep_cond=row, return_dict=False, **more)
        assert torch.allclose(found[-1], expected[-1], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(rows[0], rows[1]) and not torch.allclose(rows[:, 0], rows[:, 1])


def test_weights_keep_their_names() -> None:
    plain, given = networks("unet")
    assert given.state_dict().keys() == plain.state_dict().keys()


def test_a_run_embeds_its_times_once(
    tiny_remixer: Remixer, product: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Size] = []
    forward = nn.Linear.forward

    def watched(self: nn.Linear, input: torch.Tensor) -> torch.Tensor:
        if self is tiny_remixer.suite.unet.add_embedding.linear_1:
            seen.append(input.shape)
        return forward(self, input)

    monkeypatch.setattr(nn.Linear, "forward", watched)
    tiny_remixer.remix(RemixRequest(product_image=product, cfg_scale=2.0))
    assert len(seen) == 1
