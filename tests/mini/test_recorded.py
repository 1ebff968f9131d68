from __future__ import annotations

import pytest
import torch
from torch import Tensor

from remixlab.mini.recorded import RecordedStep


def test_on_a_cpu_every_call_is_one_step() -> None:
    given: list[Tensor] = []

    def step(values: Tensor) -> Tensor:
        given.append(values)
        return values.sum()

    recorded = RecordedStep(step)
    assert [float(recorded(torch.full((2,), n))) for n in (1.0, 2.0)] == [2.0, 4.0]
    assert len(given) == 2


@pytest.mark.gpu
def test_on_a_card_a_recording_reads_what_it_is_given() -> None:
    total, calls = torch.zeros((), device="cuda"), []

    def step(values: Tensor) -> Tensor:
        calls.append(values.shape)
        total.add_(values.sum())
        return values.square().sum()

    recorded = RecordedStep(step)
    shapes = [(4,), (2, 3), (4,), (2, 3), (4,)]
    given = [torch.rand(shape, device="cuda") for shape in shapes]
    answers = [recorded(values) for values in given]
    for values, answer in zip(given, answers, strict=True):
        assert torch.allclose(answer, values.square().sum())
    assert len(calls) == 8  # three to warm up and one to record, for each of two shapes
    before = total.clone()
    recorded(given[0])
    assert torch.allclose(total - before, given[0].sum())
