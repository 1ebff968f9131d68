"""What a ControlNet adds to the rows of a UNet, spread inside the UNet's own call.

Compiled, the picking and the scaling then join the additions that they are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from diffusers import UNet2DConditionModel
from torch import Tensor


@dataclass(frozen=True)
class Steering:
    """The residuals of a ControlNet's K rows, and who takes which.

    Attributes:
        down: (K, C, h, w) of each level, as the ControlNet gives them.
        middle: (K, C, h, w).
        index: (N,) the ControlNet's row that each row of the UNet takes.
        scale: (N, 1, 1, 1) by how much; 0 where a row is not steered.
    """

    down: Sequence[Tensor]
    middle: Tensor
    index: Tensor
    scale: Tensor

    def residuals(self) -> dict[str, Any]:
        """As diffusers' UNets take them."""
        return {
            "down_block_additional_residuals": [self._of_rows(part) for part in self.down],
            "mid_block_additional_residual": self._of_rows(self.middle),
        }

    def _of_rows(self, part: Tensor) -> Tensor:
        return part[self.index] * self.scale


class SteeredUNet(UNet2DConditionModel):
    """A UNet that takes `steering` instead of residuals."""

    def forward(self, *args: Any, steering: Steering | None = None, **kwargs: Any) -> Any:  # noqa: D102
        residuals = steering.residuals() if steering else {}
        return super().forward(*args, **kwargs, **residuals)


def expect_steering(unet: UNet2DConditionModel) -> None:
    """Make it a `SteeredUNet`, in place."""
    unet.__class__ = SteeredUNet
