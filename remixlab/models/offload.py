"""Networks in main memory, but for the stage of a remix that runs them: for small cards.

SDXL's UNet and ControlNet, which every step needs together, are two thirds of the weights; text
encoders, image encoder and VAE make room for them. The pictures stay the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from remixlab.config import RuntimeConfig
from remixlab.errors import InvalidConfig
from remixlab.models.suite import Suite


class Offload:
    """The networks of a suite, which is in main memory, on their way to a device and back.

    The weights in main memory stay there and are only ever copied: a remix does not change them.

    Attributes:
        suite: the same suite, which says that it is on the device.
        stages: what runs in which stage of `Remixer`.
    """

    def __init__(self, suite: Suite, device: torch.device) -> None:
        """Moves what is small to `device` for good, and everything else for its stage."""
        self.device = device
        for network in (suite.outline_embedding, suite.image_projection):
            network.to(device)
        self.suite = replace(suite, device=device)
        self.stages: Mapping[str, tuple[nn.Module, ...]] = {
            "text": suite.text_encoders,
            "reference": (suite.image_encoder,),
            "encode": (suite.vae,),
            "denoise": (suite.unet, suite.controlnet),
            "decode": (suite.vae,),
        }
        self._homes: dict[nn.Module, dict[str, Tensor]] = {}
        for network in {n for networks in self.stages.values() for n in networks}:
            self._homes[network] = {
                name: self._pinned(tensor.data) for name, tensor in _tensors(network)
            }
            self._place(network, self._homes[network])

    @contextmanager
    def resident(self, stage: str) -> Iterator[None]:
        """Have the networks of `stage` on the device inside this block."""
        networks = self.stages.get(stage, ())
        try:
            for network in networks:
                home = self._homes[network]
                there = {
                    name: tensor.to(self.device, non_blocking=True, copy=True)
                    for name, tensor in home.items()
                }
                self._place(network, there)
            yield
        finally:
            for network in networks:
                self._place(network, self._homes[network])

    def _pinned(self, tensor: Tensor) -> Tensor:
        """In memory that the card reads without the CPU."""
        return tensor.pin_memory() if self.device.type == "cuda" else tensor

    @staticmethod
    def _place(network: nn.Module, where: Mapping[str, Tensor]) -> None:
        for name, tensor in _tensors(network):
            tensor.data = where[name]


def check_offload(config: RuntimeConfig, device: torch.device) -> None:
    """Raise InvalidConfig where `runtime.offload` is of no use, or cannot be."""
    if not config.offload:
        return
    accepted = ""
    if device.type != "cuda":
        accepted = "false, where there is no CUDA card"
    elif config.quantize != "none":
        accepted = "false beside runtime.quantize"
    elif config.cuda_graphs:
        accepted = "false beside runtime.cuda_graphs, which replays kernels at fixed addresses"
    if accepted:
        raise InvalidConfig(field="runtime.offload", value=True, accepted=accepted)


def _tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from network.named_parameters()
    yield from network.named_buffers()
