"""The loop itself: what it asks of the device."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from remixlab.denoise.conditioning import Branches, Conditions, Dials, micro_conditioning
from remixlab.denoise.keep import Keep
from remixlab.denoise.loop import denoise
from remixlab.models.schedulers import make_scheduler
from remixlab.models.suite import Suite
from remixlab.runtime import seeded_generators
from tests.tiny_suite import CROSS_WIDTH, POOLED_WIDTH

NOWHERE = torch.device("meta")  # has shapes and no numbers, so that reading one is an error


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "dpmpp_2m_sde", "unipc", "lcm"])
def test_nothing_is_read_back_from_the_device(tiny_suite: Suite, sampler: str) -> None:
    """On a card each reading would wait for all that is queued."""
    scheduler = replace(tiny_suite.spec.scheduler, name=sampler)
    spec = replace(tiny_suite.spec, scheduler=scheduler)
    suite = replace(
        tiny_suite,
        spec=spec,
        device=NOWHERE,
        unet=deepcopy(tiny_suite.unet).to(NOWHERE),
        controlnet=deepcopy(tiny_suite.controlnet).to(NOWHERE),
        scheduler_factory=lambda: make_scheduler(spec, {}),
    )
    noise = torch.empty(2, 4, 8, 8, device=NOWHERE)
    conditions = Conditions(
        texts=torch.empty(2, 77, CROSS_WIDTH, device=NOWHERE),
        pooled=torch.empty(2, POOLED_WIDTH, device=NOWHERE),
        prompts=[0, 0],
        negatives=[1, 1],
        references=torch.empty(2, 4, CROSS_WIDTH, device=NOWHERE),
        reference=[1, 0],
        outlines=torch.empty(1, suite.unet.config["block_out_channels"][0], 8, 8, device=NOWHERE),
        outline=[0, 0],
        time_ids=micro_conditioning(64, 64),
        dials=[Dials(1.75, 1.0, 0.7), Dials(1.0, 0.0, 0.0)],
        noise=[0, 1],
        branches=Branches(),
    )
    keep = Keep(noise, torch.empty(2, 1, 8, 8, device=NOWHERE), noise)
    generators = seeded_generators([1, 2])
    found = denoise(suite, conditions, noise, steps=3, generators=generators, keep=keep)
    assert (found.device, found.shape) == (NOWHERE, noise.shape)
