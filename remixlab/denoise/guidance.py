"""Which rows a network call has, and how they become one prediction a request.

A row is one forward pass of one example: conditional or unconditional. Rows that would compute the
same thing are computed once: before the first step, all requests of a seed share their latents,
so rows that differ in nothing the network sees are one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from remixlab.denoise.conditioning import Conditions, distinct


@dataclass(frozen=True)
class Row:
    """What one row of a UNet call reads. Two equal rows have equal outputs."""

    latents: int
    text: int
    reference: int
    style: float
    outline: int
    outline_scale: float

    @property
    def controlnet_key(self) -> tuple[int, int, int]:
        """What decides a ControlNet's output before it is scaled."""
        return self.latents, self.text, self.outline


def plan_rows(conditions: Conditions, latents: Sequence[int]) -> list[Row]:
    """One conditional row a request, then one unconditional row for each guided request.

    `latents` numbers the latents of each request; equal numbers mean equal latents.
    """
    requests = range(len(conditions.dials))
    rows = [_row(conditions, latents, i, guided=True) for i in requests]
    return rows + [_row(conditions, latents, i, guided=False) for i in guided_requests(conditions)]


def guided_requests(conditions: Conditions) -> list[int]:
    """Requests with an unconditional pass: those with cfg_scale above 1."""
    return [i for i, dials in enumerate(conditions.dials) if dials.cfg_scale > 1]


def _row(conditions: Conditions, latents: Sequence[int], i: int, *, guided: bool) -> Row:
    dials = conditions.dials[i]
    reads = dials.style > 0 and conditions.references is not None
    steered = dials.outline > 0 and (guided or conditions.branches.outline_unconditional)
    return Row(
        latents=latents[i],
        text=conditions.prompts[i] if guided else conditions.negatives[i],
        reference=conditions.reference[i] if reads and guided else 0,
        style=dials.style if reads else 0.0,
        outline=conditions.outline[i] if steered else 0,
        outline_scale=dials.outline if steered else 0.0,
    )


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance, each request with its own scale.

    Ho and Salimans 2022 (arXiv:2207.12598), as `u + s * (c - u)`; requests without an
    unconditional row keep their conditional one.

    Attributes:
        count: B, the requests.
        guided: (G,) those with an unconditional row.
        scales: (G, 1, 1, 1) float32.
    """

    count: int
    guided: Tensor
    scales: Tensor

    @classmethod
    def plan(cls, conditions: Conditions, device: torch.device | str = "cpu") -> Guidance:
        """What `combine` needs, on the device before the first step."""
        guided = guided_requests(conditions)
        scales = torch.tensor([conditions.dials[i].cfg_scale for i in guided], device=device)
        index = torch.tensor(guided, dtype=torch.long, device=device)
        return cls(len(conditions.dials), index, scales[:, None, None, None])

    def combine(self, predictions: Tensor) -> Tensor:
        """(B + G, C, h, w) in the order of `plan_rows` -> (B, C, h, w)."""
        conditional, unconditional = predictions[: self.count], predictions[self.count :]
        if len(self.guided) == 0:
            return conditional
        if len(self.guided) == self.count:
            return unconditional + self.scales * (conditional - unconditional)
        mixed = unconditional + self.scales * (conditional[self.guided] - unconditional)
        return conditional.index_copy(0, self.guided, mixed)


def merge_rows(rows: Sequence[Row]) -> tuple[list[Row], list[int]]:
    """The rows to compute, and for each given row the one whose output it takes."""
    return distinct(rows)
