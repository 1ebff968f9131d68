"""Tensors of a safetensors file, and a network that takes all of them or none.

Whatever a file holds is used or the file is refused with what would be lost and how much of it:
libraries drop what they do not know, and the picture is then another one than the file's author
made, without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from remixlab.models.foreign import foreign_kinds

State = dict[str, Tensor]
# A table of indices that older versions of transformers saved with the weights.
TABLES = "position_ids"
_SHOWN = 100  # characters of a key that a message repeats


def read_state(path: Path) -> State:
    """The tensors of a safetensors file; tables that are no weights are left out.

    Raises:
        ValueError: it is another kind of file, empty, or holds numbers that are no weights, as
            files do that are quantised.
        OSError, SafetensorError: it cannot be read.
    """
    check_format(path)
    state = {k: v for k, v in load_file(path).items() if not k.endswith(TABLES)}
    if not state:
        raise ValueError("the file holds no weights")
    # A number alone, such as a LoRA's alpha, is a setting.
    quantised = [key for key, v in state.items() if v.ndim and not v.is_floating_point()]
    if quantised:
        kind = str(state[quantised[0]].dtype).removeprefix("torch.")
        raise refusal({f"tensors of {kind}, which are no plain weights": quantised}, len(state))
    return state


def check_format(path: Path) -> None:
    """Look at the name and the header.

    Raises:
        ValueError: not a .safetensors file; libraries would unpickle it, which runs its code.
        OSError, SafetensorError: it cannot be read.
    """
    if path.suffix != ".safetensors":
        raise ValueError(f"only .safetensors files are read, not {path.name}")
    with safe_open(path, "pt") as file:
        file.keys()


def refusal(lost: Mapping[str, Iterable[str]], total: int) -> ValueError:
    """The error for a file of `total` tensors of which the keys of each kind would be lost."""
    kinds = {kind: sorted(keys) for kind, keys in lost.items()}
    told = [f"{kind}: {len(keys)}, such as {keys[0][:_SHOWN]}" for kind, keys in kinds.items()]
    number = sum(map(len, kinds.values()))
    return ValueError(f"{number} of its {total} tensors would be lost ({'; '.join(told)})")


def fill(network: nn.Module, state: State, dtype: torch.dtype) -> nn.Module:
    """Give an empty network every tensor of `state`, in `dtype`; returns the network.

    Raises:
        ValueError: tensors are left over, missing or of another shape.
    """
    wanted = network.state_dict()
    unknown = [key for key in state if key not in wanted]
    if unknown:
        raise refusal(foreign_kinds(unknown), len(state))
    check_missing(key for key in wanted if key not in state)
    fitted = {key: _fitted(key, value, wanted[key].shape) for key, value in state.items()}
    network.load_state_dict({k: v.to(dtype) for k, v in fitted.items()}, assign=True)
    return network


def check_missing(keys: Iterable[str]) -> None:
    """Raise ValueError if there are any."""
    missing = sorted(keys)
    if missing:
        raise ValueError(f"{len(missing)} weights are missing, among them {missing[0]}")


def _fitted(key: str, value: Tensor, shape: torch.Size) -> Tensor:
    """`value` in `shape` where they differ in sides of 1: convolutions of one pixel are linear."""
    if trimmed(value.shape) != trimmed(shape):
        raise ValueError(f"{key} has the shape {tuple(value.shape)}, not {tuple(shape)}")
    return value.reshape(shape)


def trimmed(shape: Iterable[int]) -> tuple[int, ...]:
    """Without the sides of 1 at the end."""
    sides = list(shape)
    while sides and sides[-1] == 1:
        sides.pop()
    return tuple(sides)
