"""The sampler of a suite, made from its own scheduler_config.json."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

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
            the spacing of the time steps.
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
    return kind(**config)
