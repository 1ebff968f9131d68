"""A suite's typed description: what `configs/model` says, validated and frozen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from remixlab.config_checks import calibration_points, check_suite

if TYPE_CHECKING:
    from remixlab.config import SourceConfig, SuiteConfig

# SDXL's own training sizes (Podell et al. 2023, arXiv:2307.01952, appendix I) never exceed the
# native area and use at least nine tenths of it.
_SMALLEST_SHARE = 0.9


@dataclass(frozen=True)
class Source:
    """Where one part of a suite is read from; see `remixlab.config.SourceConfig`."""

    repo: str | None = None
    subfolder: str | None = None
    file: str | None = None
    variant: str | None = None
    revision: str = "main"


@dataclass(frozen=True)
class SchedulerSpec:
    """The sampler and what it overrides in the suite's own scheduler configuration."""

    name: str
    karras: bool = False
    timestep_spacing: str | None = None


@dataclass(frozen=True)
class SuiteSpec:
    """A suite of models, as a description; the attributes are those of `SuiteConfig`.

    `calibration` holds the points of `style_calibration`, the origin first.
    """

    name: str
    architecture: str
    weights: str
    base: Source
    unet: Source | None
    lora: Source | None
    lora_scale: float
    vae: Source | None
    controlnet: Source | None
    ip_adapter: Source | None
    image_encoder: Source | None
    native_area: int
    size_multiple: int
    steps: int
    scheduler: SchedulerSpec
    reference_mode: str
    calibration: tuple[tuple[float, float], ...]
    licence: str
    commercial_use: bool
    download_gb: float

    @classmethod
    def from_config(cls, config: SuiteConfig) -> SuiteSpec:
        """The frozen form of a composed suite.

        Raises:
            InvalidConfig: see `remixlab.config_checks.check_suite`.
        """
        check_suite(config)
        return cls(
            name=config.name,
            architecture=config.architecture,
            weights=config.weights,
            base=Source(**asdict(config.base)),
            unet=_source(config.unet),
            lora=_source(config.lora),
            lora_scale=config.lora.scale if config.lora else 1.0,
            vae=_source(config.vae),
            controlnet=_source(config.controlnet),
            ip_adapter=_source(config.ip_adapter),
            image_encoder=_source(config.image_encoder),
            native_area=config.native_area,
            size_multiple=config.size_multiple,
            steps=config.steps,
            scheduler=SchedulerSpec(**asdict(config.scheduler)),
            reference_mode=config.reference_mode,
            calibration=calibration_points(config.style_calibration),
            licence=config.licence,
            commercial_use=config.commercial_use,
            download_gb=config.download_gb,
        )

    def native_size(self, width: int, height: int) -> tuple[int, int]:
        """The size (width, height) in pixels at which a picture of this shape is generated.

        Of the sizes whose sides are multiples of `size_multiple`, two at least, and whose area is
        just within `native_area`, the one of the nearest aspect ratio; of equals the largest.
        """
        if height > width:
            tall, narrow = self.native_size(height, width)
            return narrow, tall
        wanted = math.log(width / height)
        return min(
            self._native_sizes(),
            key=lambda size: (
                round(abs(math.log(size[0] / size[1]) - wanted), 9),
                -size[0] * size[1],
            ),
        )

    def reference_scale(self, style_fidelity: float) -> float:
        """The IP-Adapter's scale for a `style_fidelity`: monotone, and 0 for 0.

        Linear between the points of the calibration and on beyond the last of them.
        """
        for (left, low), (right, high) in reversed(list(pairwise(self.calibration))):
            if style_fidelity > left:
                return low + (style_fidelity - left) * (high - low) / (right - left)
        return style_fidelity if len(self.calibration) == 1 else 0.0

    def _native_sizes(self) -> Iterator[tuple[int, int]]:
        unit = self.size_multiple
        for height in range(2 * unit, self.native_area // (2 * unit) + 1, unit):
            widest = self.native_area // height // unit
            lowest = math.ceil(_SMALLEST_SHARE * self.native_area / height / unit)
            # Where no width falls into that range, the widest that fits stands in.
            for columns in range(max(2, min(lowest, widest)), widest + 1):
                yield columns * unit, height


def _source(config: SourceConfig | None) -> Source | None:
    if config is None or not (config.repo or config.subfolder or config.file):
        return None  # the base's own
    return Source(config.repo, config.subfolder, config.file, config.variant, config.revision)
