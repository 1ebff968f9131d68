"""The settings of a sweep: those of a remix, and what is varied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore

from remixlab.config import RemixConfig, register_schemas
from remixlab.config_checks import among, matching, within
from remixlab.scratch import register_scratch
from remixlab.tracking.config import TrackingConfig


@dataclass
class SweepConfig:
    """What a sweep makes.

    Attributes:
        axes: by request field: a value, a list, `start:stop:step`, or `{start, stop, points}`;
            pictures are file names.
        paired: groups of axes that run side by side, value by value, instead of crosswise.
        longest_side: products are reduced to this many pixels first; null: as they are.
        executor: `local`, or `ray` for an actor a device (`pip install remixlab[ray]`).
        workers: actors; 0: one a card, or one where there is none.
    """

    axes: dict[str, Any] = field(default_factory=dict)
    paired: list[list[str]] = field(default_factory=list)
    longest_side: int | None = within(None, 64, 8192)
    executor: str = among("local", "local", "ray")
    workers: int = within(0, 0, 1024)


@dataclass
class FidelityConfig(RemixConfig):
    """Everything that `benchmarks/fidelity.py` needs.

    Attributes:
        name: the experiment's name, and its folder's inside `out`.
        scorer: `mini`, a folder, `hf-hub:owner/name`, or open_clip's `MODEL/TAG`; null: only the
            scores that need no weights.
        dino: a model of timm's that scores styles too, `vit_small_patch14_dinov2.lvd142m` for
            DINOv2, or a folder; null: none.
        csd: Contrastive Style Descriptors that score styles too: a safetensors file, or a
            repository of the hub; null: none.
        dry_run: plan, count and cost, and make nothing.
        tracking: where the finished run is logged.
    """

    name: str = matching("sweep", r"[A-Za-z0-9_.-]+", "letters, digits, and _ . -")
    sweep: SweepConfig = field(default_factory=SweepConfig)
    scorer: str | None = "mini"
    dino: str | None = None
    csd: str | None = None
    out: str = "runs"
    dry_run: bool = False
    tracking: TrackingConfig = field(default_factory=TrackingConfig)


def register_fidelity() -> None:
    """Make the schemas known to Hydra, before the app's `main` is decorated."""
    register_scratch()
    register_schemas()
    ConfigStore.instance().store(name="fidelity_schema", node=FidelityConfig, provider="remixlab")
