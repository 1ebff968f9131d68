"""Reads a suite's pretrained parts: folder, hub or single file, each part on its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from remixlab.errors import InvalidConfig
from remixlab.models.attention import RowAttention
from remixlab.models.ip_adapter import (
    AdapterWeights,
    fill_processors,
    make_projection,
    read_adapter,
)
from remixlab.models.lora import fuse_lora
from remixlab.models.parts import (
    CLASSES,
    FOLDERS,
    Parts,
    Tokenizers,
    read_part,
    read_scheduler_config,
    read_tokenizer,
)
from remixlab.models.single_file import (
    CHECKPOINT_PARTS,
    SINGLE_FILE_PARTS,
    read_checkpoint,
    read_single,
)
from remixlab.models.sources import Located, Origin, architecture_folder, explain_missing, locate
from remixlab.models.spec import Source, SuiteSpec
from remixlab.models.tokenizers import architecture_tokenizers


def read_parts(spec: SuiteSpec, device: torch.device, dtype: torch.dtype) -> Parts:
    """Every part of `spec`, on `device` in `dtype`, with its LoRA fused.

    Raises:
        MissingWeights, InvalidConfig: as `remixlab.models.load.load_suite`.
    """
    reader = _Reader(spec, dtype)
    weights = reader.adapter()
    networks, tokenizers, scheduler_config = reader.base()
    for part in (*CLASSES, "vae"):
        if part not in networks:
            networks[part] = reader.network(part)
    for network in networks.values():
        network.to(device)
    if spec.lora is not None:
        path = _one_file("lora", reader.locate("lora", spec.lora, ""))
        with explain_missing(spec, "lora", path):
            fuse_lora(networks, path=path, scale=spec.lora_scale)

    def add_references(networks: dict[str, Any], processors: dict[str, RowAttention]) -> nn.Module:
        fill_processors(networks["unet"], processors, weights)
        return make_projection(networks["unet"], networks["image_encoder"], weights)

    return Parts(networks, tokenizers, scheduler_config, reader.origins, add_references)


def read_image_encoder(spec: SuiteSpec, dtype: torch.dtype) -> nn.Module:
    """The image encoder alone, on the CPU; raises as `read_parts`."""
    return _Reader(spec, dtype).network("image_encoder")


@dataclass
class _Reader:
    spec: SuiteSpec
    dtype: torch.dtype
    origins: dict[str, Origin] = field(default_factory=dict)

    def locate(self, part: str, source: Source | None, default: str) -> Located:
        located = locate(self.spec, part, source, default)
        self.origins[part] = located.origin
        return located

    def network(self, part: str) -> nn.Module:
        source = None if part.startswith("text_encoder") else getattr(self.spec, part)
        located = self.locate(part, source, FOLDERS.get(part, part))
        if located.file is None:
            dtype = self._dtype(part, located.folder)
            with explain_missing(self.spec, part, located.folder):
                return read_part(part, located, dtype)
        if part not in SINGLE_FILE_PARTS:
            raise InvalidConfig(
                field=f"model.{part}.file",
                value=located.file.name,
                accepted=f"null: only {', '.join(SINGLE_FILE_PARTS)} are read from single files",
            )
        folder = self.architecture()
        with explain_missing(self.spec, part, located.file):
            return read_single(part, located.file, folder, self._dtype(part, folder / part))

    def adapter(self) -> AdapterWeights:
        located = self.locate("ip_adapter", self.spec.ip_adapter, "ip_adapter")
        file = _one_file("ip_adapter", located)
        with explain_missing(self.spec, "ip_adapter", file):
            return read_adapter(file)

    def base(self) -> tuple[dict[str, Any], Tokenizers, dict[str, Any]]:
        """What only the base has; of a single file, all the networks in it as well."""
        if self.spec.base.file is not None:
            return self._checkpoint()
        names = ("tokenizer", "tokenizer_2")
        folders = [self.locate(name, None, name).folder for name in names]
        with explain_missing(self.spec, "tokenizers", folders[0]):
            tokenizers = read_tokenizer(folders[0]), read_tokenizer(folders[1])
        scheduler = self.locate("scheduler", None, "scheduler").folder
        with explain_missing(self.spec, "scheduler", scheduler):
            return {}, tokenizers, read_scheduler_config(scheduler)

    def _checkpoint(self) -> tuple[dict[str, Any], Tokenizers, dict[str, Any]]:
        folder = self.architecture()
        file = _one_file("base", locate(self.spec, "base", self.spec.base, ""))
        tokenizers = architecture_tokenizers(folder)
        with explain_missing(self.spec, "base", file):
            networks = read_checkpoint(file, folder, self._dtypes(folder))
        self.origins |= {part: Origin(file.name, (file,)) for part in networks}
        return networks, tokenizers, read_scheduler_config(folder / "scheduler")

    def _dtypes(self, folder: Path) -> dict[str, torch.dtype]:
        """Of what a checkpoint gives: not what the suite takes from elsewhere."""
        parts = [part for part in CHECKPOINT_PARTS if getattr(self.spec, part, None) is None]
        return {part: self._dtype(part, folder / part) for part in parts}

    def architecture(self) -> Path:
        return architecture_folder(self.spec.architecture)

    def _dtype(self, part: str, folder: Path) -> torch.dtype:
        path = folder / "config.json"
        if part != "vae" or self.dtype != torch.float16 or not path.is_file():
            return self.dtype
        upcast = json.loads(path.read_text()).get("force_upcast", False)
        return torch.float32 if upcast else self.dtype


def _one_file(part: str, located: Located) -> Path:
    if located.file is None or located.file.suffix != ".safetensors":
        raise InvalidConfig(
            field=f"model.{part}.file",
            value=located.file.name if located.file else None,
            accepted="the name of a .safetensors file",
        )
    return located.file
