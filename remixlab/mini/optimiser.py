"""Muon for the matrices of a network, AdamW for all else, as one optimiser."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_LEAST = 16  # outputs of a layer below which there is little to make orthogonal


class MatrixOptimizer:
    """Steps whose singular values are made equal, for linear layers and convolutions.

    What a gradient says rarely then counts as much as what it says often. Jordan et al. 2024
    (https://kellerjordan.github.io/posts/muon/); scaled as in Liu et al. 2025 (arXiv:2502.16982),
    so that AdamW's learning rate fits both. Biases, norms, embeddings and small layers are left to
    AdamW.
    """

    def __init__(self, model: nn.Module, learning_rate: float) -> None:
        found = {id(weight): weight for weight in _matrices(model)}
        others = [p for p in model.parameters() if id(p) not in found]
        self._pairs = [(p, nn.Parameter(as_matrix(p.detach(), p))) for p in found.values()]
        self._parts = (
            torch.optim.Muon(
                [matrix for _, matrix in self._pairs],
                lr=learning_rate,
                weight_decay=0.01,
                ns_steps=4,
                adjust_lr_fn="match_rms_adamw",
            ),
            adamw(others, learning_rate),
        )

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Both optimisers' groups, for a schedule to set their `lr`."""
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


def adamw(parameters: list[nn.Parameter], learning_rate: float) -> torch.optim.AdamW:
    """AdamW as every part of the recipe uses it."""
    return torch.optim.AdamW(
        parameters, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
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
