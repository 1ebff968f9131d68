"""What a part's folder may say, before a library acts on it.

The libraries take much from these files: which code to load weights with, which other files to
open, even pickles outside the folder. A suite decides these things itself.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch

_PLAIN_NAME = re.compile(r"[^/\\]+\.safetensors")
_ATTENTION = (None, "eager", "sdpa")  # what every installation has; the suite picks its own
_NAMED = {
    "quantization_config": "quantised weights are not read; runtime.quantize does that",
    "auto_map": "code that comes with weights is not run",
    "transformers_weights": "weights are read from the file names that every part has",
}


def check_folder(folder: Path, expected: str | None) -> None:
    """Look at the configuration and the lists of files of a part.

    Args:
        folder: of the part.
        expected: the `_class_name` that its config.json must have, if it has one.

    Raises:
        ValueError: they ask for what is not done here.
        OSError: config.json is not there.
    """
    check_config(folder, expected)
    if (folder / "adapter_config.json").is_file():
        raise ValueError("adapter_config.json: adapters are read through model.lora only")
    for index in sorted(folder.glob("*.safetensors.index*.json")):
        _check_index(index)


def check_config(folder: Path, expected: str | None) -> None:
    """The config.json alone; arguments and errors as `check_folder`."""
    config = json.loads((folder / "config.json").read_text())
    if not isinstance(config, dict):
        raise ValueError("config.json holds no settings")
    for key, reason in _NAMED.items():
        if config.get(key) is not None:
            raise ValueError(f"config.json has {key}: {reason}")
    for key in ("attn_implementation", "_attn_implementation"):
        if config.get(key) not in _ATTENTION:
            raise ValueError(f"config.json has {key} {config[key]!r}, not eager or sdpa")
    for key in ("dtype", "torch_dtype"):
        if not _is_float(config.get(key)):
            raise ValueError(f"config.json has {key} {config[key]!r}, which no weights have")
    name = config.get("_class_name", expected)
    if expected is not None and name != expected:
        raise ValueError(f"config.json describes a {name}, not a {expected}")


def _check_index(index: Path) -> None:
    files: Any = json.loads(index.read_text()).get("weight_map")
    names = set(files.values()) if isinstance(files, dict) else {None}
    foreign = [name for name in names if not _PLAIN_NAME.fullmatch(str(name))]
    if foreign:
        raise ValueError(
            f"{index.name} points to {min(map(str, foreign))}: only .safetensors files in the "
            "same folder are read"
        )


def _is_float(name: object) -> bool:
    kind = getattr(torch, str(name).removeprefix("torch."), None)
    return name is None or (isinstance(kind, torch.dtype) and kind.is_floating_point)
