from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from remixlab.denoise.keep import Keep, latent_freedom, noise_levels
from remixlab.models.schedulers import make_scheduler
from remixlab.models.suite import Suite


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
    generated = torch.ones(1, 2, 1, 4)
    blended: Tensor = keep.blend(generated, (1.0, 0.0), progress)
    assert blended.shape == generated.shape
    assert blended[0, 0, 0].tolist() == blended[0, 1, 0].tolist() == free


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "dpmpp_2m_sde", "unipc", "lcm"])
@pytest.mark.parametrize("steps", [1, 4])
def test_the_product_is_noised_as_the_scheduler_noises(
    tiny_suite: Suite, sampler: str, steps: int
) -> None:
    spec = tiny_suite.spec
    spec = replace(spec, scheduler=replace(spec.scheduler, name=sampler))
    scheduler = make_scheduler(spec, {"rescale_betas_zero_snr": True})
    scheduler.set_timesteps(steps)
    latents, noise = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    everywhere = Keep(latents, torch.zeros(2, 1, 4, 5), noise)
    levels = noise_levels(scheduler)
    assert len(levels) == steps and levels[-1] == (1, 0)
    for index, level in enumerate(levels[:-1]):
        wanted = scheduler.add_noise(latents, noise, scheduler.timesteps[index + 1 : index + 2])
        assert torch.allclose(everywhere.blend(noise, level, 0.0), wanted, rtol=1e-6, atol=1e-6)
    assert torch.equal(everywhere.blend(noise, levels[-1], 1.0), latents)
