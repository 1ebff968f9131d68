"""The sampler of a suite, made from its own scheduler_config.json."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)

from remixlab.models.spec import SuiteSpec

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


def make_scheduler(spec: SuiteSpec, base_config: Mapping[str, Any]) -> Scheduler:
    """A fresh diffusers scheduler: `base_config` with the sampler's and the suite's options on top.

    The noise schedule, prediction type and zero terminal SNR stay those that the UNet was trained
    with. Schedulers keep state between steps, so each picture batch takes a new one.

    Args:
        spec: names the sampler, Karras sigmas (Karras et al. 2022, arXiv:2206.00364, eq. 5) and
            the spacing of the time steps, or the times themselves.
        base_config: the suite's scheduler_config.json; keys that the sampler does not know are
            left out.
    """
    kind, options = _SAMPLERS[spec.scheduler.name]
    known = inspect.signature(kind.__init__).parameters
    config = {key: value for key, value in base_config.items() if key in known}
    config |= options
    if "use_karras_sigmas" in known:
        config["use_karras_sigmas"] = spec.scheduler.karras
    if spec.scheduler.timestep_spacing is not None:
        config["timestep_spacing"] = spec.scheduler.timestep_spacing
    times = spec.scheduler.timesteps
    return _timed(kind, times)(**config) if times else kind(**config)


def _timed(kind: type[Scheduler], times: Sequence[int]) -> Any:
    """The sampler with its steps at `times`, under its own name, which configurations store."""
    return type(kind.__name__, (_Timed, kind), {"times": times})


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
        signal = self.alphas_cumprod.double().numpy()
        sigmas = torch.from_numpy(np.sqrt((1 - signal) / signal)[chosen.astype(int)])
        self.timesteps = torch.from_numpy(chosen).to(self.timesteps)
        self.sigmas = torch.cat([sigmas.to(self.sigmas), self.sigmas[-1:]])
        self.num_inference_steps = len(chosen)
