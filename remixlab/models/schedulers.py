"""The sampler of a suite, made from its own scheduler_config.json."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)
from numpy.typing import NDArray
from torch import Tensor

from remixlab.errors import InvalidConfig
from remixlab.models.spec import SchedulerSpec, SuiteSpec

Scheduler = (
    EulerDiscreteScheduler | DPMSolverMultistepScheduler | UniPCMultistepScheduler | LCMScheduler
)

_SAMPLERS: dict[str, tuple[type[Scheduler], dict[str, Any]]] = {
    "euler": (EulerDiscreteScheduler, {}),
    "dpmpp_2m": (DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++"}),
    "dpmpp_2m_sde": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "unipc": (UniPCMultistepScheduler, {}),
    "lcm": (LCMScheduler, {}),
}
_NOISIEST = 10.0
"""Sigma from which epsilon is not scaled: a few hundredths of so much noise drown the picture."""
_NOISY_SHARES: dict[str, Callable[[float], float]] = {
    "epsilon": lambda _: 0.0,
    "v_prediction": lambda sigma: -sigma,
    "sample": lambda sigma: math.hypot(1, sigma),
}
"""How much of the noisy picture is in what a network predicts, beside its epsilon, at each sigma.

By x = kept * (sample + sigma * epsilon) and v = kept * (epsilon - sigma * sample), in which `kept`
is the share that is left of the picture, 1 / hypot(1, sigma).
"""


def make_scheduler(spec: SuiteSpec, base_config: Mapping[str, Any]) -> Scheduler:
    """A fresh diffusers scheduler: `base_config` with the sampler's and the suite's options on top.

    The noise schedule, prediction type and zero terminal SNR stay those that the UNet was trained
    with. Schedulers keep state between steps, so each picture batch takes a new one.

    Args:
        spec: names the sampler, Karras sigmas (Karras et al. 2022, arXiv:2206.00364, eq. 5) and
            the spacing of the time steps or the times themselves, and by how much less noise
            than the network says is taken away.
        base_config: the suite's scheduler_config.json; keys that the sampler does not know are
            left out.

    Raises:
        InvalidConfig: an `epsilon_scale` for a network whose prediction has no epsilon in it that
            we know of.
    """
    predicted = base_config.get("prediction_type", "epsilon")
    if spec.scheduler.epsilon_scale != 1 and predicted not in _NOISY_SHARES:
        field, value = "model.scheduler.epsilon_scale", spec.scheduler.epsilon_scale
        scaled = ", ".join(_NOISY_SHARES)
        accepted = f"1 for a prediction_type of {predicted}; another for {scaled}"
        raise InvalidConfig(field=field, value=value, accepted=accepted)
    kind, options = _SAMPLERS[spec.scheduler.name]
    known = inspect.signature(kind.__init__).parameters
    config = {key: value for key, value in base_config.items() if key in known}
    config |= options
    if "use_karras_sigmas" in known:
        config["use_karras_sigmas"] = spec.scheduler.karras
    if spec.scheduler.timestep_spacing is not None:
        config["timestep_spacing"] = spec.scheduler.timestep_spacing
    return _altered(kind, spec.scheduler)(**config)


def _altered(kind: type[Any], spec: SchedulerSpec) -> type[Any]:
    """The sampler with the suite's times and scale, under its own name, which configurations store.

    Without either it is the sampler itself.
    """
    if spec.timesteps:
        kind = type(kind.__name__, (_Timed, kind), {"times": spec.timesteps})
    if spec.epsilon_scale != 1:
        step = _epsilon_scaled(kind.step, spec.epsilon_scale)
        kind = type(kind.__name__, (kind,), {"step": step})
    return kind


class _Timed:
    """Steps at times that are given; for another number of steps, at times between them.

    diffusers takes times for some of its samplers, and for others no more than sigmas of flows.
    """

    times: Sequence[int]

    def set_timesteps(self: Any, num_inference_steps: int, *others: Any, **named: Any) -> None:
        sampler: Any = super()
        sampler.set_timesteps(num_inference_steps, *others, **named)
        places = np.linspace(0, len(self.times) - 1, num_inference_steps)
        chosen = np.interp(places, range(len(self.times)), self.times).round()
        sigmas = torch.from_numpy(_sigmas(self)[chosen.astype(int)])
        self.timesteps = torch.from_numpy(chosen).to(self.timesteps)
        self.sigmas = torch.cat([sigmas.to(self.sigmas), self.sigmas[-1:]])
        self.num_inference_steps = len(chosen)


def _epsilon_scaled(step: Callable[..., Any], scale: float) -> Callable[..., Any]:
    """A sampler's step that takes less noise away than the network says: its epsilon over `scale`.

    A network's errors add up from step to step to pictures with less contrast and texture than
    those it was trained on; Epsilon Scaling (Ning et al. 2024, arXiv:2308.15321) gives some of that
    back.
    """

    @functools.wraps(step)  # callers look at its signature for a generator
    def scaled(
        self: Any, model_output: Tensor, timestep: Tensor, sample: Tensor, **named: Any
    ) -> Any:
        sigmas = _sigmas(self)
        sigma = float(np.interp(float(timestep), range(len(sigmas)), sigmas))
        if sigma < _NOISIEST:
            noisy = self.scale_model_input(sample, timestep)
            share = _NOISY_SHARES[self.config.prediction_type](sigma)
            model_output = model_output / scale + (1 - 1 / scale) * share * noisy
        return step(self, model_output, timestep, sample, **named)

    return scaled


def _sigmas(scheduler: Any) -> NDArray[np.float64]:
    """The ratio of noise to picture at each time of the training's schedule."""
    signal = scheduler.alphas_cumprod.double().numpy()
    return np.sqrt((1 - signal) / signal)
