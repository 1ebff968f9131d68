"""What a run folder says for a tracker: settings, numbers and files, as plain values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from PIL import Image

from remixlab.environment import device_name
from remixlab.errors import InvalidConfig

# Where results go, and sources' terms: no run differs by them. The axes come from sweep.json.
_NO_SETTINGS = ("tracking", "out", "dry_run", "sweep.axes", "sweep.paired")
_NO_LEAVES = ("licence", "commercial_use", "download_gb")


@dataclass(frozen=True)
class Point:
    """One value of a metric; `step` is 0 for a metric with one value alone."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class Facts:
    """A run as a tracker takes it.

    Attributes:
        kind: `fidelity` or `latency`.
        complete: whether all of it was made.
        settings: what was asked for, by dotted name.
        points: its numbers.
        tags: where, and with which code and weights.
        files: paths, by their folder in the tracker.
        pictures: what is drawn for the tracker alone, by its file name there.
    """

    kind: str
    complete: bool
    settings: Mapping[str, str]
    points: tuple[Point, ...]
    tags: Mapping[str, str]
    files: Mapping[str, list[Path]]
    pictures: Mapping[str, Image.Image] = field(default_factory=dict)


def settings_of(folder: Path) -> dict[str, str]:
    """The settings in `config.yaml` that are set, `steps` resolved.

    Raises InvalidConfig where there is no such file, or another.
    """
    path = folder / "config.yaml"
    try:
        config: Any = OmegaConf.to_container(OmegaConf.load(path))  # expressions stay text
        flat = dict(_flat(config, ""))
    except (OSError, ValueError, yaml.YAMLError, OmegaConfBaseException, AttributeError) as error:
        accepted = f"the settings of a run ({type(error).__name__})"
        raise InvalidConfig(field="run", value=str(path), accepted=accepted) from error
    steps = flat.get("steps") or flat.get("model.steps")
    return flat | ({"steps": steps} if steps else {})


def tags_of(environment: Mapping[str, Any], **more: str) -> dict[str, str]:
    """Commit, device, versions and the hash of each part's weights, as far as they are known."""
    git = environment.get("git") or {}
    tags = {
        # The name by which MLflow's own pages show a commit.
        "mlflow.source.git.commit": str(git.get("commit") or "unknown"),
        "dirty": str(bool(git.get("dirty"))).lower(),
        "device": device_name({"gpu": None, "processor": "unknown", **environment}),
    }
    for group, prefix in (("versions", "version"), ("suite", "weights")):
        tags |= {f"{prefix}.{name}": str(v) for name, v in environment.get(group, {}).items()}
    return tags | more


def there(folder: Path, *names: str) -> list[Path]:
    """Those of the files that a folder has."""
    return [folder / name for name in names if (folder / name).is_file()]


def _flat(values: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        path = f"{before}{name}"
        if path in _NO_SETTINGS or name in _NO_LEAVES or value in (None, [], {}):
            continue
        if not isinstance(value, dict):
            yield path, value if isinstance(value, str) else json.dumps(value)
        elif not _is_the_bases_own(value):
            yield from _flat(value, f"{path}.")


def _is_the_bases_own(part: Mapping[str, Any]) -> bool:
    """Whether it is a part of a suite that is read from nowhere else; a LoRA like that is none."""
    named = any(part.get(key) for key in ("repo", "file", "subfolder", "control"))
    return "revision" in part and not named
