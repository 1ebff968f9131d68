from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from remixlab.mini import architecture
from remixlab.mini.budget import Budget, averaged
from remixlab.mini.latents import Examples
from remixlab.mini.reference_encoder import normalised
from remixlab.mini.style_reader import (
    latent_statistics,
    start_from_components,
    train_style_reader,
)
from tests.mini.conftest import CPU

C = architecture.LATENT_CHANNELS
NOTHING = math.log2(0.05)


def stripes(contrast: float) -> Tensor:
    """(1, 3, S, S), grey, four pixels a period."""
    side = architecture.IMAGE_SIZE
    wave = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(side // 4)
    return (0.5 + contrast * wave).expand(1, 3, side, side)


@torch.no_grad()
def seen_of(encoder: CLIPVisionModelWithProjection, contrast: float) -> Tensor:
    """What the first transformer layer is given of each patch, less what plain grey gives it."""
    tokens = encoder(normalised(stripes(contrast)), output_hidden_states=True).hidden_states[0]
    plain = encoder(normalised(stripes(0.0)), output_hidden_states=True).hidden_states[0]
    return (tokens - plain)[0, 1:]


def make_encoder() -> CLIPVisionModelWithProjection:
    torch.manual_seed(0)
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**architecture.IMAGE_ENCODER)).eval()


def test_stronger_stripes_look_stronger_to_the_first_layer() -> None:
    encoder = make_encoder()
    scenes = torch.stack([stripes(c)[0] for c in torch.linspace(0, 0.4, 64).tolist()])
    noise = torch.rand(64, 3, *scenes.shape[-2:], generator=torch.Generator().manual_seed(0))
    start_from_components(encoder, normalised(0.8 * scenes + 0.2 * noise))
    faint, strong = (float(seen_of(encoder, c).norm()) for c in (0.05, 0.2))
    assert 2 < strong / faint < 4.5  # of 4; were all patches made equally strong, near 1
    tokens = seen_of(encoder, 0.05)
    assert F.cosine_similarity(tokens, seen_of(encoder, 0.2)).min() > 0.8


def test_components_fit_an_encoder_wider_than_a_patch_has_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(architecture.IMAGE_ENCODER, "patch_size", 4)
    encoder = make_encoder()
    start_from_components(encoder, torch.randn(2, 3, 128, 128))
    kernel = encoder.vision_model.embeddings.patch_embedding.weight
    assert int(kernel.flatten(1).any(1).sum()) == 4 * 4 * 3
    assert torch.isfinite(kernel).all()


def test_statistics_of_a_plain_field_and_of_a_checkered_one() -> None:
    latents = torch.full((2, C, 12, 12), 0.7)
    rows, columns = torch.meshgrid(torch.arange(12), torch.arange(12), indexing="ij")
    latents[1, 0] += 2.0 * ((rows + columns) % 2) - 1
    means, *octaves = latent_statistics(latents, torch.zeros(2, 1, 12, 12)).split(C, 1)
    assert torch.allclose(means, torch.full((2, C), 0.7), atol=1e-5)
    assert torch.allclose(octaves[0][0], torch.full((C,), NOTHING), atol=1e-3)
    assert float(octaves[0][1, 0]) == pytest.approx(0, abs=0.2)  # neighbours differ by about 1
    for octave in octaves[1:]:  # nothing is left of it, two and four latents wide
        assert torch.allclose(octave, torch.full_like(octave, NOTHING), atol=1e-3)


def test_statistics_leave_the_product_out() -> None:
    latents, products = torch.zeros(1, C, 16, 16), torch.zeros(1, 1, 16, 16)
    products[..., 6:10, 6:10] = 0.5
    latents[..., 7:9, 7:9] = 100.0
    found = latent_statistics(latents, products)
    assert torch.equal(found[:, :C], torch.zeros(1, C))
    assert torch.allclose(found[:, C : 2 * C], torch.full((1, C), NOTHING))
    nothing_free = latent_statistics(latents, torch.ones_like(products))
    assert torch.isfinite(nothing_free).all()


def test_it_learns_to_tell_and_goes_on(examples: Examples, tmp_path: Path) -> None:
    budget = Budget(40, 60, 6, 1e-3)
    trainer = train_style_reader(examples, 1.0, budget, folder=tmp_path, device=CPU)
    assert trainer.path == tmp_path / "style_reader.pt"
    first, last = (sum(losses) / 5 for losses in (trainer.losses[:5], trainer.losses[-5:]))
    assert last < 0.5 * first
    longer = Budget(41, 60, 6, 1e-3)
    again = train_style_reader(examples, 1.0, longer, folder=tmp_path, device=CPU)
    assert again.step == 41 and again.losses[:40] == trainer.losses
    state = averaged(torch.load(again.path, weights_only=True))
    assert {name.split(".")[0] for name in state} == {
        "image_encoder", "projection", "head", "mean", "deviation"
    }  # fmt: skip
