"""The settings of a latency run: those of a remix, and what is timed."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore

from remixlab.config import RemixConfig, register_schemas
from remixlab.config_checks import within
from remixlab.request import SIZES
from remixlab.scratch import register_scratch
from remixlab.tracking.config import TrackingConfig


@dataclass
class LatencyConfig(RemixConfig):
    """Everything that `benchmarks/latency.py` needs.

    Attributes:
        sizes: tags of the sizes that are timed, in turn.
        product_image, ref_image, prompt: what is remixed; the product is framed to each size.
        runs, seconds: at least so many runs and seconds for each size, once times are steady.
        patience: runs of each after which they count as steady, come what may.
        stock: time the stock diffusers pipeline too, A B A B.
        profile: afterwards record one remix of the first size with torch's profiler.
        out: results go to a folder of their own in here.
        tracking: where the finished run is logged.
    """

    sizes: list[str] = field(default_factory=lambda: list(SIZES))
    product_image: str = "examples/products/jar.png"
    ref_image: str = "examples/references/wood.jpg"
    prompt: str = "product photograph of a jar, on a wooden table"
    runs: int = within(10, 1, 10_000)
    seconds: float = within(10.0, 0.0, 3600.0)
    patience: int = within(12, 1, 1000)
    stock: bool = True
    profile: bool = False
    out: str = "benchmarks/results"
    tracking: TrackingConfig = field(default_factory=TrackingConfig)


def register_latency() -> None:
    """Make the schemas known to Hydra, before the app's `main` is decorated."""
    register_scratch()
    register_schemas()
    ConfigStore.instance().store(name="latency_schema", node=LatencyConfig, provider="remixlab")
