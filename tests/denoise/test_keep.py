from __future__ import annotations

import pytest
import torch
from torch import Tensor

from remixlab.denoise.keep import Keep, latent_freedom


def test_covered_is_kept_and_empty_is_free() -> None:
    assert not latent_freedom(torch.ones(1, 1, 32, 48), 8).any()
    free = latent_freedom(torch.zeros(2, 1, 32, 48), 8)
    assert free.shape == (2, 1, 4, 6) and bool((free == 1).all())


def test_a_latent_and_its_neighbours_are_freed_by_a_hole() -> None:
    alpha = torch.ones(1, 1, 40, 40)
    alpha[..., 16:20, 16:24] = 0  # half of the latent at (2, 2)
    wanted = torch.zeros(1, 1, 5, 5)
    wanted[..., 1:4, 1:4] = 0.5
    assert torch.allclose(latent_freedom(alpha, 8), wanted)


def test_no_latent_is_kept_further_than_its_pixels_are_covered() -> None:
    alpha = (torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0)) > 0.3).float()
    freedom = latent_freedom(alpha, 8)
    uncovered = 1 - alpha.unflatten(-1, (8, 8)).unflatten(-3, (8, 8)).mean((-1, -3))
    assert freedom.shape == uncovered.shape
    assert bool((freedom >= uncovered - 1e-6).all()) and bool((freedom <= 1).all())


@pytest.fixture
def keep() -> Keep:
    """Four latents of growing freedom, the product's being 0."""
    freedom = torch.tensor([0.0, 0.25, 0.5, 1.0]).reshape(1, 1, 1, 4)
    return Keep(torch.zeros(1, 2, 1, 4), freedom, torch.zeros(1, 2, 1, 4))


@pytest.mark.parametrize(
    ("progress", "free"),
    [
        (0.0, [0, 0, 0, 0]),
        (0.4, [0, 0, 0, 1]),
        (0.5, [0, 0, 0, 1]),
        (0.6, [0, 0, 1, 1]),
        (0.75, [0, 0, 1, 1]),
        (0.8, [0, 1, 1, 1]),
        (1.0, [0, 1, 1, 1]),
    ],
)
def test_latents_are_let_go_when_their_share_of_steps_is_done(
    keep: Keep, progress: float, free: list[int]
) -> None:
    generated, known = torch.ones(1, 2, 1, 4), keep.latents
    blended: Tensor = keep.blend(generated, known, progress)
    assert blended.shape == generated.shape
    assert blended[0, 0, 0].tolist() == blended[0, 1, 0].tolist() == free
