"""Muon for the matrices of a network, AdamW for all else, as one optimiser."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

_LEAST = 16  # outputs of a layer below which there is little to make orthogonal
_MOMENTUM, _WEIGHT_DECAY, _ROUNDS = 0.95, 0.01, 4
_QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan et al.'s, steepest where singular values are small


class Muon(torch.optim.Optimizer):
    """Steps whose singular values are made equal (https://kellerjordan.github.io/posts/muon/).

    Scaled as in Liu et al. 2025 (arXiv:2502.16982), so that AdamW's learning rate fits. Matrices of
    one shape are made orthogonal together: one after the other, as `torch.optim.Muon` does it, the
    hundreds that a small network has keep a card waiting for longer than the training itself takes.
    """

    def __init__(self, matrices: list[nn.Parameter], learning_rate: Tensor) -> None:
        super().__init__(matrices, {"lr": learning_rate})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            matrices = [m for m in group["params"] if m.grad is not None]
            for matrix in matrices:
                if not self.state[matrix]:
                    self.state[matrix]["momentum"] = torch.zeros_like(matrix.grad)
            gradients = [m.grad for m in matrices]
            momenta = [self.state[m]["momentum"] for m in matrices]
            torch._foreach_lerp_(momenta, gradients, 1 - _MOMENTUM)
            ahead = torch._foreach_lerp(gradients, momenta, _MOMENTUM)
            torch._foreach_mul_(matrices, 1 - group["lr"] * _WEIGHT_DECAY)
            for shape, places in _by_shape(matrices).items():
                steps = orthogonal(torch.stack([ahead[place] for place in places]))
                steps *= 0.2 * max(shape) ** 0.5 * group["lr"]
                torch._foreach_sub_([matrices[place] for place in places], list(steps.unbind()))


def orthogonal(matrices: Tensor) -> Tensor:
    """(N, A, B) with singular values near 1, by Newton-Schulz iterations in bfloat16."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).bfloat16()
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=1e-7)
    a, b, c = _QUINTIC
    for _ in range(_ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)


def _by_shape(matrices: list[nn.Parameter]) -> dict[torch.Size, list[int]]:
    places: dict[torch.Size, list[int]] = defaultdict(list)
    for place, matrix in enumerate(matrices):
        places[matrix.shape].append(place)
    return places


class MatrixOptimizer:
    """`Muon` for linear layers and convolutions, AdamW for biases, norms, embeddings, small layers.

    What a gradient says rarely then counts as much as what it says often. `learning_rate` is one
    number, on the model's device, which a schedule changes in place.
    """

    def __init__(self, model: nn.Module, learning_rate: Tensor) -> None:
        found = {id(weight): weight for weight in _matrices(model)}
        others = [p for p in model.parameters() if id(p) not in found]
        self._pairs = [(p, nn.Parameter(as_matrix(p.detach(), p))) for p in found.values()]
        matrices = [matrix for _, matrix in self._pairs]
        self._parts = (Muon(matrices, learning_rate), adamw(others, learning_rate))

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Both optimisers' groups."""
        return [group for part in self._parts for group in part.param_groups]

    def step(self) -> None:
        """Update every parameter that has a gradient."""
        for parameter, matrix in self._pairs:
            gradient = parameter.grad
            matrix.grad = None if gradient is None else as_matrix(gradient, parameter)
        for part in self._parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Both optimisers' state."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        for part, saved in zip(self._parts, state["parts"], strict=True):
            part.load_state_dict(saved)


def adamw(parameters: list[nn.Parameter], learning_rate: Tensor) -> torch.optim.AdamW:
    """AdamW as every part of the recipe uses it, with a learning rate that changes in place."""
    return torch.optim.AdamW(
        parameters,
        lr=learning_rate,
        betas=(0.9, 0.99),
        weight_decay=0.01,
        fused=True,
        capturable=learning_rate.device.type == "cuda",
    )


def as_matrix(values: Tensor, weight: Tensor) -> Tensor:
    """`values` of a weight (out, ...) as (out, rest), in the order of `weight` in memory.

    Of the weight itself that is a view: what changes one changes the other.
    """
    if values.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last):
        values = values.permute(0, 2, 3, 1)
    return values.flatten(1)


def _matrices(model: nn.Module) -> list[nn.Parameter]:
    weights = [m.weight for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    return [w for w in weights if isinstance(w, nn.Parameter) and len(w) >= _LEAST]
