"""Every moment of a loop counted once, on a clock that a fake model turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import nn

from remixlab.bench.latency import OurWay
from remixlab.bench.timing import Loop, StepTimer, Timeline, timeline_of
from remixlab.models.suite import Suite
from remixlab.remix import Remixer
from remixlab.runtime import anywhere
from tests.test_remix import request


@dataclass
class FakeClock:
    """Time that passes when somebody works."""

    now: float = 0.0
    worked: list[float] = field(default_factory=list)

    def work(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.worked.append(seconds)


class Network(nn.Module):
    """Takes the seconds that it is told."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock

    def forward(self, seconds: float) -> None:
        """Work."""
        self.clock.work(seconds)


def test_each_step_has_its_own_networks_and_the_rest() -> None:
    clock = FakeClock()
    unet, controlnet = Network(clock), Network(clock)
    suite = cast(Suite, SimpleNamespace(unet=unet, controlnet=controlnet))
    timer = StepTimer(Timeline(lambda: clock.now, lambda a, b: b - a))
    empty = torch.zeros(0)
    for scale in (1.0, 10.0):  # a second loop knows nothing of the first
        with timer.watching(suite), timer.entering(anywhere)("denoise"):
            clock.work(scale * 7)  # planning, before the first call
            for step in range(3):
                controlnet(scale * 0.25 * (step + 1))
                unet(scale * (step + 1))
                clock.work(scale * 0.125)  # guidance and the sampler
                timer.on_step(step + 1, 3, empty)
            clock.work(100)  # the decoder
        loop = timer.take()
        steps = loop.steps
        assert loop.plan == scale * 7
        assert [s.unet for s in steps] == [scale * n for n in (1, 2, 3)]
        assert [s.controlnet for s in steps] == [scale * 0.25 * n for n in (1, 2, 3)]
        assert [s.total for s in steps] == [scale * (1.25 * n + 0.125) for n in (1, 2, 3)]
    unet(5.0)  # nobody is watching
    assert timer.take() == Loop(0.0, [])


def test_without_an_outline_there_is_no_controlnet() -> None:
    clock = FakeClock()
    suite = cast(Suite, SimpleNamespace(unet=Network(clock), controlnet=Network(clock)))
    timer = StepTimer(Timeline(lambda: clock.now, lambda a, b: b - a))
    with timer.entering(anywhere)("prompt"):
        clock.work(50)  # another stage
    with timer.watching(suite), timer.entering(anywhere)("denoise"):
        cast(Any, suite.unet)(2.0)
        timer.on_step(1, 1, torch.zeros(0))
    loop = timer.take()
    (step,) = loop.steps
    assert loop.plan == 0
    assert (step.total, step.unet, step.controlnet) == (2.0, 2.0, 0.0)


@pytest.mark.parametrize("outline", [0.0, 1.0])
def test_a_real_loop_is_timed_and_left_as_it_was(tiny_remixer: Remixer, outline: float) -> None:
    way = OurWay(tiny_remixer)
    runs = [way.once(request(outline_fidelity=outline)) for _ in range(2)]
    steps = tiny_remixer.config.steps or tiny_remixer.suite.spec.steps
    for run in runs:
        assert len(run.steps) == steps
        assert all(0 < s.unet + s.controlnet <= s.total for s in run.steps)
        assert all((s.controlnet > 0) == (outline > 0) for s in run.steps)
        assert run.plan is not None and run.plan > 0
        assert run.plan + sum(s.total for s in run.steps) <= run.stages["denoise"]
        assert sum(run.stages.values()) <= run.total
    assert tiny_remixer.suite.unet._compiled_call_impl is None
    assert timeline_of(torch.device("cpu")).between(1.0, 3.0) == 2.0


def test_a_compiled_network_is_timed_from_outside() -> None:
    network = nn.Linear(2, 2)
    network.compile(backend="eager", fullgraph=True)
    compiled = network._compiled_call_impl
    suite = cast(Suite, SimpleNamespace(unet=network, controlnet=nn.Identity()))
    timer = StepTimer(timeline_of(torch.device("cpu")))
    with timer.watching(suite), timer.entering(anywhere)("denoise"):
        network(torch.zeros(1, 2))
        timer.on_step(1, 1, torch.zeros(0))
    assert timer.take().steps[0].unet > 0
    assert network._compiled_call_impl is compiled
