"""Times inside a remix: every denoising step, with UNet and ControlNet apart.

Nothing waits for the device inside the loop: on a card the times are those of CUDA events, read
after the loop has ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from remixlab.models.suite import Suite
from remixlab.runtime import Within

Mark = Any
"""A moment: seconds on a CPU, an event on a card."""


@dataclass(frozen=True)
class Timeline:
    """How moments are taken, and the seconds between two of them."""

    mark: Callable[[], Mark]
    between: Callable[[Mark, Mark], float]


def timeline_of(device: torch.device) -> Timeline:
    """`time.perf_counter` on a CPU, CUDA events on a card."""
    if device.type == "cuda":
        return Timeline(_event, _seconds)
    return Timeline(time.perf_counter, lambda start, end: end - start)


@dataclass(frozen=True)
class Step:
    """Seconds of one denoising step: all of it, and its two networks."""

    total: float
    unet: float
    controlnet: float


@dataclass(frozen=True)
class Loop:
    """Seconds of one denoising: what is computed once before its first step, and the steps."""

    plan: float
    steps: list[Step]


@dataclass
class StepTimer:
    """Takes the moments of one denoising loop at a time.

    `entering` and `on_step` belong to a `Remixer` and its `remix`; a step reaches from the end of
    the one before, the first from the first network call.
    """

    timeline: Timeline
    _begun: Mark = None
    _spans: dict[str, list[tuple[Mark, Mark]]] = field(default_factory=dict)
    _ends: list[Mark] = field(default_factory=list)
    _calls: list[dict[str, int]] = field(default_factory=list)

    @contextmanager
    def watching(self, suite: Suite) -> Iterator[StepTimer]:
        """Note when UNet and ControlNet start and end, inside this block only."""
        with ExitStack() as stack:
            for name, network in (("unet", suite.unet), ("controlnet", suite.controlnet)):
                stack.enter_context(self._watching(name, network))
            yield self

    def entering(self, within: Within) -> Within:
        """What surrounds the stages of a remix, which also notes when the denoising begins."""

        @contextmanager
        def noting(stage: str) -> Iterator[None]:
            with within(stage):
                if stage == "denoise":
                    self._begun = self.timeline.mark()
                yield

        return noting

    def on_step(self, step: int, steps: int, latents: Tensor) -> None:
        """The end of a step; see `remixlab.denoise.loop.OnStep`."""
        self._ends.append(self.timeline.mark())
        self._calls.append({name: len(spans) for name, spans in self._spans.items()})

    def take(self) -> Loop:
        """The loop since the last `take`, once the device has finished it."""
        if not self._ends:
            return Loop(0.0, [])
        first = min_start(self._spans)
        starts = [first, *self._ends[:-1]]
        steps = [
            Step(
                self.timeline.between(start, end),
                self._network("unet", number),
                self._network("controlnet", number),
            )
            for number, (start, end) in enumerate(zip(starts, self._ends, strict=True))
        ]
        plan = self.timeline.between(self._begun, first)
        self._spans, self._ends, self._calls = {}, [], []
        return Loop(plan, steps)

    def _network(self, name: str, step: int) -> float:
        before = self._calls[step - 1].get(name, 0) if step else 0
        spans = self._spans.get(name, [])[before : self._calls[step].get(name, 0)]
        return sum(self.timeline.between(*span) for span in spans)

    @contextmanager
    def _watching(self, name: str, network: nn.Module) -> Iterator[None]:
        """Around the call as a whole: hooks would become a part of a compiled graph."""
        compiled = network._compiled_call_impl
        call = compiled or network._call_impl

        def watched(*given: Any, **named: Any) -> Any:
            start = self.timeline.mark()
            result = call(*given, **named)
            self._spans.setdefault(name, []).append((start, self.timeline.mark()))
            return result

        network._compiled_call_impl = watched
        try:
            yield
        finally:
            network._compiled_call_impl = compiled


def min_start(spans: dict[str, list[tuple[Mark, Mark]]]) -> Mark:
    """When the first network call began: a ControlNet runs before its UNet."""
    first = spans.get("controlnet") or spans["unet"]
    return first[0][0]


def _event() -> torch.cuda.Event:
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def _seconds(start: torch.cuda.Event, end: torch.cuda.Event) -> float:
    return start.elapsed_time(end) / 1000
