"""What makes a run the run that it is: everything that decides its pictures, and nothing else.

A run folder holds the pictures of one identity. Batch size, executor, device and who scores decide
no picture, and may change from one start to the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import yaml

from remixlab import images
from remixlab.config import RemixConfig, RuntimeConfig
from remixlab.errors import InvalidConfig
from remixlab.models.suite import Suite
from remixlab.sweep.config import FidelityConfig
from remixlab.sweep.grid import PICTURES, Cell, cell_id

_NOTES = ("licence", "commercial_use", "download_gb")  # of a suite: they decide nothing
_RUNTIME = ("quantize", "vae_tiling")  # of the runtime: what a person sees in a picture
_OWN = [field.name for field in fields(RemixConfig) if field.name not in ("runtime", "model")]
_SHOWN = 4  # differences that a message lists
_PICTURE = "picture "

Settings = dict[str, Any]


def shared_definition(
    config: Mapping[str, Any], suite: Mapping[str, str], dtype: str
) -> dict[str, Any]:
    """What all cells of a run share of what decides their pictures, see `run.definition`.

    Args:
        config: a `RemixConfig` as a dictionary; what is more in it is left out.
        suite: the identity of each of its parts, see `Suite.provenance`.
        dtype: of the networks.
    """
    usual = asdict(RuntimeConfig())
    runtime = {k: config["runtime"].get(k, usual[k]) for k in _RUNTIME}
    unusual = {k: v for k, v in runtime.items() if v != usual[k]}
    return {
        "suite": dict(suite),
        "settings": {name: config[name] for name in _OWN if name in config},
        "dtype": dtype,
        "model": _without_notes(config["model"]),
        **({"runtime": unusual} if unusual else {}),  # the ids of all other runs stay as they are
    }


def identity(config: FidelityConfig, suite: Suite, cells: Sequence[Cell]) -> Settings:
    """The identity of a run as settings by the names under which they are typed."""
    shown = {
        (name, cell.values[name]): getattr(cell.request, name)
        for cell in cells
        for name in PICTURES
        if cell.values.get(name) is not None
    }
    pictures = {f"{_PICTURE}{path} ({name})": images.sha256(p) for (name, path), p in shown.items()}
    axes = {name: _distinct(cells, name) for name in cells[0].values}
    dtype = str(suite.dtype).removeprefix("torch.")
    return _named(asdict(config), suite.provenance, dtype, axes) | pictures


def hashed(settings: Settings) -> str:
    """16 hexadecimal digits of the SHA-256 of an identity."""
    return cell_id(settings)


def check_identity(folder: Path, settings: Settings) -> None:
    """Make sure that what a folder holds is the same run, or nothing.

    Raises InvalidConfig for another run, with the settings that differ, and for a folder whose
    record cannot be read; nothing is changed.
    """
    earlier = _kept(folder)
    if earlier is None:
        return
    differing = list(_differences(earlier, json.loads(json.dumps(settings, default=str))))
    if differing:
        rest = len(differing) - _SHOWN
        told = "; ".join(differing[:_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
        raise InvalidConfig(
            field="out",
            value=str(folder),
            accepted=f"a folder without another run: {told}. Give this run a name of its own "
            "(name=...) or another folder (out=...)",
        )


def _named(
    config: Mapping[str, Any], suite: Mapping[str, str], dtype: str, axes: Mapping[str, Any]
) -> Settings:
    shared = shared_definition(config, suite, dtype)
    named = dict(_flat({"model": shared["model"], **shared["settings"]}, ""))
    named |= {f"weights of {part}": told for part, told in shared["suite"].items()}
    named |= {f"runtime.{k}": v for k, v in {"dtype": dtype, **shared.get("runtime", {})}.items()}
    named |= {f"sweep.axes.{name}": list(values) for name, values in axes.items()}
    sweep = config["sweep"]
    return named | {f"sweep.{name}": sweep[name] for name in ("paired", "longest_side")}


def _kept(folder: Path) -> Settings | None:
    """The identity of the run in a folder; None where there is none.

    Runs of earlier versions have none written down: theirs is read from their settings.
    """
    path = folder / "sweep.json"
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if "identity" in record:
            return dict(record["identity"]["settings"])
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        provenance = record["provenance"]
        return _named(config, provenance["suite"], provenance["dtype"], record["axes"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        accepted = f"a folder whose sweep.json and config.yaml a sweep wrote ({error!r:.120})"
        raise InvalidConfig(field="out", value=str(folder), accepted=accepted) from error


def _differences(earlier: Settings, now: Settings) -> Iterator[str]:
    """Each setting that differs, in words."""
    known = any(name.startswith(_PICTURE) for name in earlier)
    usual = _usual()
    for name in [*now, *(name for name in earlier if name not in now)]:
        if name.startswith(_PICTURE) and not known:
            continue
        there, here = (one.get(name, usual.get(name)) for one in (earlier, now))
        if there != here:
            yield f"{name} is {_shown(there)} there and {_shown(here)} here"


def _usual() -> Settings:
    """What a setting is that an earlier version did not know."""
    config = asdict(FidelityConfig())
    runtime = {f"runtime.{name}": config["runtime"][name] for name in _RUNTIME}
    own = {name: config[name] for name in _OWN}
    return runtime | dict(_flat({"model": _without_notes(config["model"]), **own}, ""))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _distinct(cells: Sequence[Cell], name: str) -> list[Any]:
    return list(dict.fromkeys(cell.values[name] for cell in cells))


def _flat(values: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _without_notes(model: Mapping[str, Any]) -> dict[str, Any]:
    """A suite's settings but for those that decide nothing about a picture."""
    return {
        key: _without_notes(value) if isinstance(value, Mapping) else value
        for key, value in model.items()
        if key not in _NOTES
    }
