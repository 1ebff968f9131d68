"""LoRA over a base: fused into the weights, so that a step costs what it cost before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from remixlab.models.lora_keys import LayerKeys, sort_keys
from remixlab.models.lora_settings import read_settings, strength
from remixlab.models.state import read_state, refusal, trimmed


def fuse_lora(networks: Mapping[str, nn.Module], *, path: Path, scale: float) -> None:
    """Add a LoRA to the weights of `unet`, `text_encoder` and `text_encoder_2`, in place.

    A layer's weight W becomes W + scale * alpha / rank * up @ down (Hu et al. 2021,
    arXiv:2106.09685); where the file has magnitudes, see `_learnt_norms`. Every tensor of the file
    is applied, or nothing is.

    Raises:
        ValueError: the file holds anything else, or is made for other networks.
        OSError, SafetensorError: it cannot be read.
    """
    state = read_state(path)
    settings = read_settings(path)
    layers = sort_keys(state, networks)
    _check_shapes(layers, networks, len(state))
    for entry in layers:
        told = settings.get(entry.part, settings.get("", {}))
        weight: Any = networks[entry.part].get_submodule(entry.layer).weight
        with torch.no_grad():
            weight.copy_(_changed(weight.float(), entry, told, scale))


def _changed(weight: Tensor, entry: LayerKeys, told: Mapping[str, Any], scale: float) -> Tensor:
    """The layer's new weight, in float32 on the weight's device."""
    tensors = {what: value.to(weight) for what, value in entry.tensors.items()}
    down, up = tensors["down"].flatten(1), tensors["up"].flatten(1)
    rank = len(down)
    alpha = tensors.get("alpha")
    factor = strength(told, entry.layer, rank) if alpha is None else float(alpha) / rank
    change = (factor * up @ down).reshape(weight.shape)
    learnt = _learnt_norms(entry.tensors, weight.shape)
    if learnt is not None:
        change = _decomposed(weight + change, learnt[0].to(weight), learnt[1]) - weight
    return weight + scale * change


def _learnt_norms(tensors: Mapping[str, Tensor], shape: torch.Size) -> tuple[Tensor, int] | None:
    """The norms of a DoRA and the axis of the weight that they are along; None of a plain LoRA.

    PEFT's are those of the outputs. So are LyCORIS' of the shape (out, 1, ...), while those of the
    shape (1, in, ...) are of the inputs.
    """
    if "magnitude" in tensors:
        return tensors["magnitude"].flatten(), 0
    scale = tensors.get("dora_scale")
    if scale is None:
        return None
    return scale.flatten(), 0 if scale.shape[0] == shape[0] else 1


def _decomposed(direction: Tensor, norms: Tensor, axis: int) -> Tensor:
    """`direction` with the norms that a DoRA has learnt (Liu et al. 2024, arXiv:2402.09353)."""
    others = [other for other in range(direction.ndim) if other != axis]
    current = torch.linalg.vector_norm(direction, dim=others, keepdim=True)
    return direction * (norms.reshape(current.shape) / current)


def _check_shapes(layers: list[LayerKeys], networks: Mapping[str, nn.Module], total: int) -> None:
    """Raise ValueError if tensors do not fit, as those for another base do not."""
    wrong: list[str] = []
    for entry in layers:
        weight: Any = networks[entry.part].get_submodule(entry.layer).weight
        wrong += [f"{entry.layer} {told}" for told in _misfits(entry.tensors, weight.shape)]
    if wrong:
        raise refusal({"shapes of another base": wrong}, total)


def _misfits(tensors: Mapping[str, Tensor], shape: torch.Size) -> Iterator[str]:
    down, up = tensors["down"].shape, tensors["up"].shape
    rank = down[0] if down else 0
    if not rank or trimmed(down[1:]) != trimmed(shape[1:]):
        yield f"{tuple(down)} for {tuple(shape)}"
    if trimmed(up) != trimmed((shape[0], rank)):
        yield f"{tuple(up)} for {tuple(shape)}"
    learnt = _learnt_norms(tensors, shape)
    if learnt is not None and learnt[0].numel() != shape[learnt[1]]:
        yield f"{learnt[0].numel()} norms for {tuple(shape)}"
    if "alpha" in tensors and tensors["alpha"].numel() != 1:
        yield f"alpha of {tensors['alpha'].numel()} numbers"
