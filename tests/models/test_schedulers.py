"""The sampler takes the suite's noise schedule and the spec's options."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)

from remixlab.config import SuiteConfig
from remixlab.errors import InvalidConfig
from remixlab.models.parts import read_scheduler_config
from remixlab.models.schedulers import make_scheduler
from remixlab.models.sources import architecture_folder
from remixlab.models.spec import SchedulerSpec, SuiteSpec
from tests.tiny_suite import SCHEDULER

SPEC = SuiteSpec.from_config(SuiteConfig(name="a", architecture="sdxl", licence="x"))
KINDS = {
    "euler": EulerDiscreteScheduler,
    "dpmpp_2m": DPMSolverMultistepScheduler,
    "dpmpp_2m_sde": DPMSolverMultistepScheduler,
    "unipc": UniPCMultistepScheduler,
    "lcm": LCMScheduler,
}


def spec(name: str, **options: object) -> SuiteSpec:
    return replace(SPEC, scheduler=SchedulerSpec(name, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", KINDS)
def test_the_noise_schedule_is_the_suites_own(name: str) -> None:
    scheduler = make_scheduler(spec(name), SCHEDULER)
    assert type(scheduler) is KINDS[name]
    assert scheduler.config.prediction_type == "v_prediction"
    assert scheduler.config.rescale_betas_zero_snr is True
    assert scheduler.config.timestep_spacing == "trailing"
    assert scheduler.config.beta_schedule == "scaled_linear"
    assert make_scheduler(spec(name), SCHEDULER) is not scheduler


@pytest.mark.parametrize("name", KINDS)
def test_sdxl_config_with_options(name: str) -> None:
    base = read_scheduler_config(architecture_folder("sdxl") / "scheduler")
    before = dict(base)
    scheduler = make_scheduler(spec(name, timestep_spacing="trailing"), base)
    assert base == before
    scheduler.set_timesteps(4)
    assert scheduler.timesteps[0] == 999
    assert scheduler.config.prediction_type == "epsilon"
    assert make_scheduler(spec(name), base).config.timestep_spacing == "leading"


def test_algorithms_and_karras_sigmas() -> None:
    sde = make_scheduler(spec("dpmpp_2m_sde", karras=True), SCHEDULER)
    assert sde.config.algorithm_type == "sde-dpmsolver++" and sde.config.use_karras_sigmas
    assert make_scheduler(spec("dpmpp_2m"), SCHEDULER).config.algorithm_type == "dpmsolver++"


@pytest.mark.parametrize("name", ["euler", "dpmpp_2m", "dpmpp_2m_sde", "unipc"])
def test_named_times_are_the_steps(name: str) -> None:
    times = (999, 930, 600, 70)
    scheduler, plain = (make_scheduler(spec(name, timesteps=t), SCHEDULER) for t in (times, ()))
    for steps, expected in ((4, times), (7, (999, 964, 930, 765, 600, 335, 70)), (1, (999,))):
        scheduler.set_timesteps(steps)
        assert scheduler.timesteps.tolist() == list(expected)
        assert len(scheduler.sigmas) == steps + 1 and scheduler.sigmas[-1] == 0
    plain.set_timesteps(1000)  # a sigma for every time there is
    scheduler.set_timesteps(4)
    assert torch.allclose(scheduler.sigmas[:-1], plain.sigmas[[999 - time for time in times]])
    assert type(scheduler).__name__ == KINDS[name].__name__


@pytest.mark.parametrize("times", [(), (999, 930, 600, 70)])
@pytest.mark.parametrize("name", ["euler", "dpmpp_2m", "unipc"])
def test_an_exact_denoiser_arrives_at_its_picture(name: str, times: tuple[int, ...]) -> None:
    scheduler = make_scheduler(spec(name, timesteps=times), SCHEDULER)
    scheduler.set_timesteps(4)
    picture = torch.full((1, 4, 2, 2), 0.7)
    sample = torch.randn(1, 4, 2, 2) * scheduler.init_noise_sigma
    signal = scheduler.alphas_cumprod.sqrt()
    for step in scheduler.timesteps:
        noisy = scheduler.scale_model_input(sample, step)
        kept = signal[int(step)]
        v = (kept * noisy - picture) / (1 - kept**2).sqrt()
        sample = scheduler.step(v, step, sample).prev_sample
    assert torch.allclose(sample, picture, atol=1e-3)


@pytest.mark.parametrize("karras", [False, True])
@pytest.mark.parametrize("name", ["euler", "dpmpp_2m", "dpmpp_2m_sde", "unipc"])
def test_zero_terminal_snr_samples_finitely(name: str, karras: bool) -> None:
    scheduler = make_scheduler(spec(name, karras=karras), SCHEDULER)
    scheduler.set_timesteps(4)
    sample = torch.randn(1, 4, 2, 2) * scheduler.init_noise_sigma
    for step in scheduler.timesteps:
        model_input = scheduler.scale_model_input(sample, step)
        sample = scheduler.step(-0.1 * model_input, step, sample).prev_sample
    assert torch.isfinite(sample).all()


@pytest.mark.parametrize("predicted", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize(
    ("name", "times"), [*((name, ()) for name in KINDS), ("unipc", (900, 500, 70))]
)
def test_epsilon_scale_is_what_its_noise_is_divided_by(
    name: str, predicted: str, times: tuple[int, ...]
) -> None:
    """A scaled step is the plain step of a network that sees that much less noise."""
    base = SCHEDULER | {"prediction_type": predicted, "rescale_betas_zero_snr": False}
    generator = torch.Generator().manual_seed(0)
    noisy, noise = torch.randn(2, 1, 4, 3, 3, generator=generator)
    stepped = []
    for epsilon_scale, seen in ((1.25, noise), (1.0, noise / 1.25)):
        options = {"timesteps": times, "epsilon_scale": epsilon_scale}
        scheduler = make_scheduler(spec(name, **options), base)
        assert type(scheduler).__name__ == KINDS[name].__name__
        scheduler.set_timesteps(3)
        time = scheduler.timesteps[1]
        kept = scheduler.alphas_cumprod.double()[int(time)].sqrt()
        sigma = (1 - kept**2).sqrt() / kept
        assert sigma < 10
        sample = noisy / kept if name == "euler" else noisy  # Euler's grow with the noise
        given = {
            "epsilon": seen,
            "v_prediction": seen / kept - sigma * noisy,
            "sample": noisy / kept - sigma * seen,
        }[predicted].float()
        draws = "generator" in inspect.signature(scheduler.step).parameters
        named = {"generator": torch.Generator().manual_seed(1)} if draws else {}
        stepped.append(scheduler.step(given, time, sample.float(), **named).prev_sample)
    assert torch.allclose(*stepped, atol=1e-4)
    assert not torch.allclose(stepped[0], noisy, atol=1e-2)


def test_next_to_no_picture_epsilon_is_not_scaled() -> None:
    """At a zero signal-to-noise ratio the smallest share of the noise would be all there is."""
    first = []
    for epsilon_scale in (1.0, 1.2):
        scheduler = make_scheduler(spec("unipc", epsilon_scale=epsilon_scale), SCHEDULER)
        scheduler.set_timesteps(4)
        sample = torch.ones(1, 4, 2, 2)
        first.append(scheduler.step(sample / 3, scheduler.timesteps[0], sample).prev_sample)
    assert torch.equal(*first)


def test_epsilon_of_an_unknown_prediction_is_refused_by_name() -> None:
    flow = {**SCHEDULER, "prediction_type": "flow_prediction"}
    with pytest.raises(InvalidConfig, match=r"scheduler\.epsilon_scale.*1\.05.*flow_prediction"):
        make_scheduler(spec("unipc", epsilon_scale=1.05), flow)
    make_scheduler(spec("unipc"), flow)
