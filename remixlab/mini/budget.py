"""How long a part of the recipe trains, its learning rate, and the state it resumes from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from remixlab.files import whole
from remixlab.mini.optimiser import MatrixOptimizer, adamw
from remixlab.mini.recorded import RecordedStep
from remixlab.runtime import resolve_dtype

_Tensors = tuple[Tensor, ...] | list[Tensor]
_UNREAD = 20  # steps that a card may be behind before their losses are read


@dataclass
class Budget:
    """A part ends at `steps` or after `minutes` of training, whichever comes first."""

    steps: int
    minutes: float
    batch: int
    learning_rate: float


def averaged(checkpoint: dict[str, Any]) -> dict[str, Tensor]:
    """The averaged weights of a checkpoint, under the model's own names."""
    prefix = "module."
    state = checkpoint["average"]
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def move(
    model: nn.Module,
    device: torch.device,
    memory_format: torch.memory_format = torch.preserve_format,
) -> None:
    """Bring a model to a device, in place (diffusers hides the signature of its own `to`)."""
    model.to(device).to(memory_format=memory_format)


def mixed_precision(device: torch.device) -> torch.autocast:
    """Products and convolutions in bfloat16, on a card and on a CPU that has it in hardware."""
    able = device.type == "cuda" or resolve_dtype("half", device) == torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=able)


class Trainer:
    """Warm-up and cosine decay over the budget, an average of the weights, resuming.

    With AdamW, or `matrices` with a `MatrixOptimizer`, whose steps are slower and learn more. The
    average is what is exported (Karras et al. 2024, arXiv:2312.02696).
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        loss: Callable[..., Tensor],
        budget: Budget,
        folder: Path,
        *,
        matrices: bool = False,
    ) -> None:
        """`loss` answers what `learn` is given with a scalar; it never waits for a card."""
        self.name, self.model, self.budget = name, model, budget
        self.path = folder / f"{name}.pt"
        self.average = AveragedModel(model, multi_avg_fn=_average)
        self._parameters = list(model.parameters())
        self._rate = torch.zeros((), device=self._parameters[0].device)
        self.optimizer = (
            MatrixOptimizer(model, self._rate) if matrices else adamw(self._parameters, self._rate)
        )
        self._loss, self._learnt = loss, RecordedStep(self._update)
        self._unread: list[Tensor] = []
        self.step, self.elapsed, self.losses = 0, 0.0, []
        if self.path.exists():
            self._restore(torch.load(self.path, weights_only=True, map_location="cpu"))

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1."""
        return min(1.0, max(self.step / self.budget.steps, self.elapsed / 60 / self.budget.minutes))

    def run(self) -> Iterator[int]:
        """Yield step numbers until the budget is spent; saves every two minutes and at the end.

        An interruption is an end as well: what was trained until then is kept.
        """
        saved = time.monotonic()
        bar = tqdm(total=1000, desc=self.name, bar_format="{l_bar}{bar}| {elapsed}{postfix}")
        try:
            while self.progress < 1:
                start = time.monotonic()
                yield self.step
                self.elapsed += time.monotonic() - start
                bar.n = round(1000 * self.progress)
                bar.set_postfix(step=self.step, loss=f"{self._recent():.4f}", refresh=False)
                bar.update(0)
                if time.monotonic() - saved > 120:
                    self.save()
                    saved = time.monotonic()
        finally:
            bar.close()
            self.save()

    def learn(self, *inputs: Tensor) -> None:
        """One step of the optimiser on the loss of `inputs`."""
        self._rate.fill_(self.budget.learning_rate * self._decay())
        self._unread.append(self._learnt(*inputs))
        self.average.update_parameters(self.model)
        self.step += 1
        if len(self._unread) >= (1 if self._rate.device.type == "cpu" else _UNREAD):
            self._read()

    def _update(self, *inputs: Tensor) -> Tensor:
        """Change the weights; returns the loss. What is not finite of a gradient counts as 0."""
        self.model.zero_grad(set_to_none=True)
        loss = self._loss(*inputs)
        loss.backward()
        for parameter in self._parameters:
            if parameter.grad is not None:
                parameter.grad.nan_to_num_(0, 0, 0)
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self.optimizer.step()
        return loss.detach()

    def _read(self) -> None:
        """Take the losses that are still on the card: each look waits for all that was begun."""
        if self._unread:
            self.losses += torch.stack(self._unread).tolist()
            self._unread.clear()

    def save(self) -> None:
        """Write everything a resumed run needs; the old file stays until the new one is whole."""
        self._read()
        with whole(self.path) as partial:
            torch.save(self._state(), partial)

    def _decay(self) -> float:
        warm = min(1.0, (self.step + 1) / 100)
        return warm * max(0.02, 0.5 * (1 + math.cos(math.pi * self.progress)))

    def _recent(self) -> float:
        tail = self.losses[-100:]
        return sum(tail) / max(1, len(tail))

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed": self.elapsed,
            "losses": self.losses,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate
        self.step, self.elapsed, self.losses = state["step"], state["elapsed"], state["losses"]


@torch.no_grad()
def _average(averages: _Tensors, weights: _Tensors, count: Tensor | int) -> None:
    """Exponential with decay 0.999, and shorter at first, so that the start is soon forgotten."""
    decay = min(0.999, (1 + float(count)) / (10 + float(count)))
    torch._foreach_lerp_(averages, weights, 1 - decay)
