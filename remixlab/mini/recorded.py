"""A training step as a CUDA graph: recorded once, then started as a whole.

The mini suite's networks are so small that starting their kernels one by one from Python takes
several times as long as running them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Step = Callable[..., Tensor]
"""Changes what it changes, and returns one tensor; on a card it must never wait for the card."""

_WARM_UP = 3  # calls before a recording, in which libraries choose their kernels


class RecordedStep:
    """Calls `step` with tensors; on a card as recorded for the shapes that they have."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._recordings: dict[tuple[torch.Size, ...], _Recording] = {}

    def __call__(self, *inputs: Tensor) -> Tensor:
        """What `step` returns; a shape's first call on a card takes it `_WARM_UP` + 1 times."""
        if inputs[0].device.type != "cuda":
            return self._step(*inputs)
        shapes = tuple(given.shape for given in inputs)
        if shapes not in self._recordings:
            beside = next(iter(self._recordings.values()), None)
            self._recordings[shapes] = _Recording(self._step, inputs, beside)
        return self._recordings[shapes].replay(inputs)


class _Recording:
    """One graph, the tensors it reads and writes; its memory is that of the one `beside` it."""

    def __init__(self, step: Step, inputs: Sequence[Tensor], beside: _Recording | None) -> None:
        self.inputs = [given.clone() for given in inputs]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                step(*self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, pool=beside.graph.pool() if beside else None):
            self.output = step(*self.inputs)

    def replay(self, inputs: Sequence[Tensor]) -> Tensor:
        """Take the step with `inputs`; what it returns is a copy, which later steps leave alone."""
        for mine, given in zip(self.inputs, inputs, strict=True):
            mine.copy_(given)
        self.graph.replay()
        return self.output.clone()
