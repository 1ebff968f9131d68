"""What the counter says of SDXL at its full size, without a byte of weights.

The figures are those of a remix at 1024x1024, two operations a multiply-add; that they agree shows
that the counter sees every matrix product and convolution of networks which do not fit here.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from remixlab.bench.floor import Work, _counted
from remixlab.config import compose_config
from remixlab.models.random_weights import meta_suite
from remixlab.models.spec import SuiteSpec

TERA = 1e12
OPERATIONS = {
    "unet": 6.76, "controlnet": 3.02, "encode": 4.88, "decode": 10.47,
    "reference": 0.34, "text": 0.11,
}  # fmt: skip


@pytest.fixture(scope="module")
def counted() -> dict[str, float]:
    """Operations of each part, in tera, each network called once."""
    networks: Any = meta_suite(SuiteSpec.from_config(compose_config(["model=sdxl"]).model))
    texts = [networks[part] for part in ("text_encoder", "text_encoder_2")]
    parts: dict[str, list[nn.Module]] = {
        "unet": [networks["unet"]], "controlnet": [networks["controlnet"]],
        "encode": [networks["vae"].encoder], "decode": [networks["vae"].decoder],
        "reference": [networks["image_encoder"]], "text": texts,
    }  # fmt: skip
    found: dict[str, Work] = {}
    with torch.inference_mode(), _counted(parts, found):
        _call_each(networks, texts)
    return {name: work.flops / TERA for name, work in found.items()}


def _call_each(networks: Any, texts: list[Any]) -> None:
    step = {
        "timestep": torch.tensor(1.0, device="meta"),
        "encoder_hidden_states": _empty(1, 77, 2048),
        "added_cond_kwargs": {"text_embeds": _empty(1, 1280), "time_ids": _empty(1, 6)},
    }
    networks["unet"](_empty(1, 4, 128, 128), **step)
    outline = _empty(1, 3, 1024, 1024)
    networks["controlnet"](_empty(1, 4, 128, 128), controlnet_cond=outline, **step)
    networks["vae"].encoder(_empty(1, 3, 1024, 1024))
    networks["vae"].decoder(_empty(1, 4, 128, 128))
    networks["image_encoder"](_empty(1, 3, 224, 224))
    for text in texts:
        text(torch.zeros(1, 77, dtype=torch.long, device="meta"))


def _empty(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


@pytest.mark.parametrize("part", OPERATIONS)
def test_operations_of_sdxl_at_1024(counted: dict[str, float], part: str) -> None:
    assert counted[part] == pytest.approx(OPERATIONS[part], rel=0.02)
