"""A suite's typed description: what `configs/model` says, validated and frozen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from remixlab.config_checks import calibration_points, check_suite

if TYPE_CHECKING:
    from remixlab.config import SchedulerConfig, SourceConfig, SuiteConfig

# SDXL's own training sizes (Podell et al. 2023, arXiv:2307.01952, appendix I) never exceed the
# native area and use at least nine tenths of it.
_SMALLEST_SHARE = 0.9
# What a suite may take from elsewhere than its base.
PARTS = ("unet", "lora", "vae", "controlnet", "ip_adapter", "image_encoder")


@dataclass(frozen=True)
class Source:
    """Where one part of a suite is read from; see `remixlab.config.SourceConfig`."""

    repo: str | None = None
    subfolder: str | None = None
    file: str | None = None
    variant: str | None = None
    revision: str = "main"
    architecture: str | None = None
    licence: str | None = None
    commercial_use: bool = True
    download_gb: float = 0.0


@dataclass(frozen=True)
class SchedulerSpec:
    """The sampler and what it overrides in the suite's own scheduler configuration."""

    name: str
    karras: bool = False
    timestep_spacing: str | None = None
    timesteps: tuple[int, ...] = ()
    epsilon_scale: float = 1.0


@dataclass(frozen=True)
class SuiteSpec:
    """A suite of models, as a description; the attributes are those of `SuiteConfig`.

    `calibration` holds the points of `style_calibration`, the origin first. `licence`,
    `commercial_use` and `download_gb` are those of all parts together.
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
    control: str
    control_scale: float
    ip_adapter: Source | None
    image_encoder: Source | None
    native_area: int
    size_multiple: int
    steps: int
    guidance_until: float
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
        parts = {part: _source(getattr(config, part)) for part in PARTS}
        named = [source for source in parts.values() if source]
        return cls(
            name=config.name,
            architecture=config.architecture,
            weights=config.weights,
            base=replace(_as_source(config.base), licence=config.licence),
            **parts,
            lora_scale=config.lora.scale if config.lora else 1.0,
            control=config.controlnet.control if config.controlnet else "lines",
            control_scale=config.controlnet.scale if config.controlnet else 1.0,
            native_area=config.native_area,
            size_multiple=config.size_multiple,
            steps=config.steps,
            guidance_until=config.guidance_until,
            scheduler=_as_scheduler(config.scheduler),
            reference_mode=config.reference_mode,
            calibration=calibration_points(config.style_calibration),
            licence=_licences(config.licence, parts),
            commercial_use=config.commercial_use and all(part.commercial_use for part in named),
            download_gb=round(config.download_gb + sum(part.download_gb for part in named), 2),
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
    return _as_source(config)


def _as_source(config: SourceConfig) -> Source:
    values = asdict(config)
    return Source(**{field.name: values[field.name] for field in fields(Source)})


def _as_scheduler(config: SchedulerConfig) -> SchedulerSpec:
    values = asdict(config)
    values["timesteps"] = tuple(config.timesteps)
    return SchedulerSpec(**values)


def _licences(base: str, parts: Mapping[str, Source | None]) -> str:
    """`openrail++ (base, lora), MIT (vae)`; only the base's where no part has another."""
    holders = {base: ["base"]}
    for part, source in parts.items():
        if source is not None:
            holders.setdefault(source.licence or base, []).append(part)
    if len(holders) == 1:
        return base
    return ", ".join(f"{licence} ({', '.join(names)})" for licence, names in holders.items())
