"""Eight bits for the transformer blocks' linear layers, by torchao: faster where a card can."""

from __future__ import annotations

import torch
from torch import nn

from remixlab.errors import InvalidConfig
from remixlab.models.suite import Suite

_FIELD = "runtime.quantize"
_CAPABILITY = {"int8": (8, 0), "fp8": (8, 9)}  # of the cards that multiply it
_MULTIPLE = 16  # of both widths of a layer, which is what their kernels take


def quantize_suite(suite: Suite, how: str) -> None:
    """Quantise UNet and ControlNet in place; pictures change a little.

    Weights are quantised by output channel, activations as they come by row. Convolutions and
    the IP-Adapter's own layers stay as they are.

    Args:
        suite: changed in place.
        how: "none"; "int8", on CPUs too; "fp8" (e4m3), on cards from Ada and Hopper on.

    Raises:
        InvalidConfig: the device cannot, or torchao is not installed.
    """
    if how == "none":
        return
    _check_device(suite.device, how)
    try:
        # An extra, which need not be there.
        from torchao import quantization  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        accepted = "none, or first: pip install remixlab[quantize]"
        raise InvalidConfig(field=_FIELD, value=how, accepted=accepted) from error
    kinds = {
        "int8": quantization.Int8DynamicActivationInt8WeightConfig,
        "fp8": quantization.Float8DynamicActivationFloat8WeightConfig,
    }
    # What they set for the compiler would hold for the whole process, other networks included.
    kind = kinds[how](granularity=quantization.PerRow(), set_inductor_config=False)
    for network in (suite.unet, suite.controlnet):
        quantization.quantize_(network, kind, filter_fn=_is_chosen)


def _check_device(device: torch.device, how: str) -> None:
    if device.type == "cuda":
        able = torch.cuda.get_device_capability(device) >= _CAPABILITY[how]
    else:
        able = how == "int8"
    if not able:
        accepted = "none, or int8 on CPUs and cards from Ampere on, fp8 on cards from Ada on"
        raise InvalidConfig(field=_FIELD, value=how, accepted=accepted)


def _is_chosen(layer: nn.Module, name: str) -> bool:
    return (
        isinstance(layer, nn.Linear)
        and "transformer_blocks" in name
        and ".processor" not in name
        and layer.in_features % _MULTIPLE == layer.out_features % _MULTIPLE == 0
    )
