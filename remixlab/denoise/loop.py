"""The denoising loop, over diffusers' networks and schedulers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from remixlab.denoise.conditioning import Conditions, distinct
from remixlab.denoise.guidance import Guidance, Row, merge_rows, plan_rows
from remixlab.denoise.keep import Keep, noise_levels
from remixlab.models.attention import CrossRows, KeyValue, project_tokens
from remixlab.models.steering import Steering
from remixlab.models.suite import Suite
from remixlab.models.times import project_times

OnStep = Callable[[int, int, Tensor], None]
"""Called after each step with its number from 1, the number of steps, and the latents."""


@torch.inference_mode()
def denoise(
    suite: Suite,
    conditions: Conditions,
    noise: Tensor,
    *,
    steps: int,
    generators: Sequence[torch.Generator],
    keep: Keep | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Generate B pictures' latents from noise, starting at the schedule's own first sigma.

    Args:
        suite: the loaded networks.
        conditions: what B requests read.
        noise: (B, C, h, w) float32, standard normal.
        steps: denoising steps.
        generators: one a picture, for samplers that draw noise at each step.
        keep: the product to hold in place; None generates everything.
        on_step: progress.

    Returns:
        (B, C, h, w) float32 latents, scaled as the VAE's.
    """
    scheduler = _scheduler(suite)
    scheduler.set_timesteps(steps)  # on the CPU: no step waits for the device
    extra = _step_arguments(scheduler, generators)
    calls = _plan_calls(suite, conditions, scheduler.timesteps)
    levels = noise_levels(scheduler)
    latents = noise * scheduler.init_noise_sigma
    for index, (call, time) in enumerate(zip(calls, scheduler.timesteps, strict=True)):
        sample = scheduler.scale_model_input(latents, time)
        prediction = call.predict(suite, sample, index, time)
        latents = scheduler.step(prediction, time, latents, **extra).prev_sample
        if keep is not None:
            latents = keep.blend(latents, levels[index], (index + 1) / len(levels))
        if on_step is not None:
            on_step(index + 1, len(scheduler.timesteps), latents)
    return latents


@dataclass(frozen=True)
class Constants:
    """What no step and no picture of a run changes, for those branches that a dial asks for.

    Attributes:
        keys: keys and values of texts and references, by layer.
        times: (S, U, W) what residual blocks add in each of S steps for U texts, by network.
    """

    keys: dict[str, KeyValue]
    times: dict[str, Tensor]

    @classmethod
    def project(cls, suite: Suite, conditions: Conditions, times: Tensor) -> Constants:
        """Compute them; `times` (S,) are the schedule's."""
        styled = any(dials.style > 0 for dials in conditions.dials)
        references = conditions.references if styled else None
        keys = project_tokens(suite.unet, conditions.texts, references)
        networks: dict[str, Any] = {"unet": suite.unet}
        if any(dials.outline > 0 for dials in conditions.dials):
            keys |= project_tokens(suite.controlnet, conditions.texts)
            networks["controlnet"] = suite.controlnet
        read = times, conditions.pooled, conditions.time_ids
        return cls(keys, {name: project_times(n, *read) for name, n in networks.items()})


@dataclass(frozen=True)
class NetworkCall:
    """One forward pass of ControlNet and UNet over the distinct rows of a batch, planned ahead.

    `sample_index` picks the latents of each UNet row, `times` (S, N, W) are what its blocks add in
    each step, `row_index` picks the output of each planned row, and `guidance` makes one
    prediction a request of those.
    """

    guidance: Guidance
    sample_index: Tensor
    row_index: Tensor
    cross: CrossRows
    times: Tensor
    outline: OutlineCall | None

    @classmethod
    def plan(
        cls,
        suite: Suite,
        conditions: Conditions,
        latents: Sequence[int],
        constants: Constants,
    ) -> NetworkCall:
        """Plan the call; `latents` numbers each request's latents, equal numbers being equal."""
        rows, row_index = merge_rows(plan_rows(conditions, latents))
        cross = CrossRows.build(
            conditions.texts,
            [row.text for row in rows],
            references=conditions.references,
            reference_index=[row.reference for row in rows],
            scales=[row.style for row in rows],
            cache=constants.keys,
        )
        holder = {number: request for request, number in reversed(list(enumerate(latents)))}
        return cls(
            Guidance.plan(conditions, suite.device),
            _index([holder[row.latents] for row in rows], suite),
            _index(row_index, suite),
            cross,
            constants.times["unet"][:, cross.text_index],
            OutlineCall.plan(suite, conditions, rows, holder, constants),
        )

    def predict(self, suite: Suite, sample: Tensor, step: int, time: Tensor) -> Tensor:
        """(B, C, h, w) scaled latents -> (B, C, h, w) predictions, guidance included."""
        sample = sample.to(suite.dtype)
        steering = self.outline.steer(suite, sample, step, time) if self.outline else None
        predicted = suite.unet(
            sample[self.sample_index],
            time,
            encoder_hidden_states=self.cross.texts[self.cross.text_index],
            timestep_cond=self.times[step],
            cross_attention_kwargs={"rows": self.cross},
            steering=steering,
        ).sample
        return self.guidance.combine(predicted.float()[self.row_index])


@dataclass(frozen=True)
class OutlineCall:
    """The ControlNet's share of a call: only the rows that have an outline, each distinct one once.

    `times` are as in `NetworkCall`; `output_index` and `scale` are those of a `Steering`.
    """

    sample_index: Tensor
    embedded: Tensor
    cross: CrossRows
    times: Tensor
    output_index: Tensor
    scale: Tensor

    @classmethod
    def plan(
        cls,
        suite: Suite,
        conditions: Conditions,
        rows: Sequence[Row],
        holder: dict[int, int],
        constants: Constants,
    ) -> OutlineCall | None:
        """Plan it for the UNet's `rows`; None if none of them has an outline."""
        steered = [i for i, row in enumerate(rows) if row.outline_scale > 0]
        if not steered or conditions.outlines is None:
            return None
        kinds, taken = distinct([rows[i].controlnet_key for i in steered])
        cross = CrossRows.build(
            conditions.texts, [text for _, text, _ in kinds], cache=constants.keys
        )
        taken_by = dict(zip(steered, taken, strict=True))
        scale = torch.tensor([row.outline_scale for row in rows], dtype=suite.dtype)
        return cls(
            _index([holder[latents] for latents, _, _ in kinds], suite),
            conditions.outlines[_index([outline for _, _, outline in kinds], suite)],
            cross,
            constants.times["controlnet"][:, cross.text_index],
            _index([taken_by.get(row, 0) for row in range(len(rows))], suite),
            scale.to(suite.device)[:, None, None, None],
        )

    def steer(self, suite: Suite, sample: Tensor, step: int, time: Tensor) -> Steering:
        """Run the ControlNet on (B, C, h, w) scaled latents."""
        down, middle = suite.controlnet(
            sample[self.sample_index],
            time,
            encoder_hidden_states=self.cross.texts[self.cross.text_index],
            controlnet_cond=self.embedded,
            timestep_cond=self.times[step],
            cross_attention_kwargs={"rows": self.cross},
            return_dict=False,
        )
        return Steering(down, middle, self.output_index, self.scale)


def _plan_calls(suite: Suite, conditions: Conditions, times: Tensor) -> list[NetworkCall]:
    """The call of each step; steps that run the same branches share one, but for the first.

    Before the first step requests of one seed still have the same latents.
    """
    constants = Constants.project(suite, conditions, times)
    steps = len(times)
    planned: dict[tuple[bool, bool, bool], NetworkCall] = {}
    calls = []
    for index in range(steps):
        guidance, outline = conditions.branches.at(index, steps)
        kind = (index == 0, guidance, outline)
        if kind not in planned:
            read = conditions.with_branches(guidance=guidance, outline=outline)
            latents = conditions.noise if index == 0 else range(len(conditions.dials))
            planned[kind] = NetworkCall.plan(suite, read, latents, constants)
        calls.append(planned[kind])
    return calls


def _scheduler(suite: Suite) -> Any:
    """A fresh scheduler; Any, for diffusers says that times are int where only tensors do."""
    return suite.scheduler_factory()


def _index(numbers: Sequence[int], suite: Suite) -> Tensor:
    return torch.tensor(list(numbers), device=suite.device)


def _step_arguments(scheduler: Any, generators: Sequence[torch.Generator]) -> dict[str, Any]:
    """Samplers that draw noise get each picture's own generator, so that batches change nothing."""
    accepted = inspect.signature(scheduler.step).parameters
    return {"generator": list(generators)} if "generator" in accepted else {}
