"""Suites without weights: their shapes alone, or filled at random.

Latency does not depend on the values, so a random suite is what speed is measured on where the
hub is out of reach.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from accelerate.utils import set_module_tensor_to_device
from diffusers.models.embeddings import ImageProjection, IPAdapterPlusImageProjection
from torch import Tensor, nn

from remixlab.models.attention import RowAttention
from remixlab.models.parts import CLASSES, FOLDERS, Parts, empty_network, read_scheduler_config
from remixlab.models.sources import Origin, architecture_folder
from remixlab.models.spec import SuiteSpec
from remixlab.models.tokenizers import architecture_tokenizers


def meta_suite(spec: SuiteSpec) -> dict[str, nn.Module]:
    """The suite's networks by part, parameters on the meta device: shapes that take no memory.

    Parts: unet, controlnet, vae, text_encoder, text_encoder_2, image_encoder, image_projection
    (the IP-Adapter's).

    Raises:
        InvalidConfig: the suite's architecture has no folder of configurations.
    """
    folder = architecture_folder(spec.architecture)
    networks = {
        part: empty_network(part, _described(spec, part, folder)) for part in (*CLASSES, "vae")
    }
    projection = _described(spec, "ip_adapter", folder) / "config.json"
    networks["image_projection"] = _empty_projection(projection, networks)
    return networks


def random_parts(spec: SuiteSpec, device: torch.device, dtype: torch.dtype) -> Parts:
    """Every part of `spec`'s architecture with seeded random weights, made on `device`.

    Tokenizers and scheduler are real; no file outside the package is read.

    Raises:
        InvalidConfig: the suite's architecture has no folder of configurations.
    """
    folder = architecture_folder(spec.architecture)
    networks = {
        part: fill_random(network, part=part, device=device, dtype=dtype)
        for part, network in meta_suite(spec).items()
    }
    projection = networks.pop("image_projection")

    def add_references(_: dict[str, Any], processors: dict[str, RowAttention]) -> nn.Module:
        for name, processor in processors.items():
            fill_random(processor, part=name, device=device, dtype=dtype)
        return projection

    return Parts(
        networks,
        architecture_tokenizers(folder),
        read_scheduler_config(folder / "scheduler"),
        {part: Origin(f"random:{folder.name}/{part}") for part in (*networks, "ip_adapter")},
        add_references,
    )


def fill_random(
    network: nn.Module, *, part: str, device: torch.device, dtype: torch.dtype
) -> nn.Module:
    """Give every parameter of `network` seeded values on `device`, in `dtype`; returns `network`.

    Matrices and kernels keep the variance of what they are fed, norms are the identity, biases 0,
    so the values stay finite through any depth, in half precision too. The seed is `part`.
    """
    generator = torch.Generator(device).manual_seed(zlib.crc32(part.encode()))
    for name, parameter in list(network.named_parameters()):
        value = torch.empty(parameter.shape, device=device, dtype=dtype)
        _draw(name, value, generator)
        set_module_tensor_to_device(network, name, device, value=value, dtype=dtype)
    return network.to(device)


def _draw(name: str, value: Tensor, generator: torch.Generator) -> None:
    if value.ndim > 1:
        value.normal_(0, value[0].numel() ** -0.5, generator=generator)
    elif name.endswith("weight"):
        value.fill_(1)
    else:
        value.zero_()


def _described(spec: SuiteSpec, part: str, folder: Path) -> Path:
    source = getattr(spec, part, None)
    return folder / ((source and source.architecture) or FOLDERS.get(part, part))


def _empty_projection(path: Path, networks: dict[str, Any]) -> nn.Module:
    config = json.loads(path.read_text()) if path.is_file() else {}
    encoder, unet = networks["image_encoder"].config, networks["unet"].config
    with init_empty_weights(include_buffers=False):
        if config.pop("_class_name", None) == ImageProjection.__name__:
            return ImageProjection(image_embed_dim=encoder.projection_dim, **config).eval()
        # The published resampler's proportions, in case the folder does not say.
        sizes = {
            "embed_dims": encoder.hidden_size,
            "hidden_dims": encoder.hidden_size,
            "heads": encoder.hidden_size // 64,
            "output_dims": unet.cross_attention_dim,
            "num_queries": 16,
        }
        return IPAdapterPlusImageProjection(**(sizes | config)).eval()
