"""Reading a run folder. Whatever is wrong with one is an `InvalidConfig` that names the file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from remixlab.errors import InvalidConfig
from remixlab.metrics.metric import Better
from remixlab.sweep.report.contents import Dimension, MetricInfo, Run, is_number
from remixlab.sweep.report.tables import read_baselines, read_cells

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  # names become file names and columns
_ATTACHED = ("config.yaml", "env.json")


def read_run(folder: Path) -> Run:
    """A run as the sweep wrote it.

    Raises:
        InvalidConfig: no such folder, no run in it, a table that cannot be read, or a column of
            an axis or a metric that is missing; the error names the path.
    """
    path = folder / "sweep.json"
    described = _described(path)
    dimensions = _dimensions(path, described)
    scored = _one_of(path, described, "weights", ("pretrained", "random")) == "pretrained"
    metrics = _metrics(path, described) if scored else ()
    texts = {name: _text(path, described, name) for name in ("name", "model", "licence", "created")}
    return Run(
        folder=folder,
        label=f"{texts['name']} ({texts['model']})",
        weights=described["weights"],
        dimensions=dimensions,
        metrics=metrics,
        cells=read_cells(folder, dimensions, metrics),
        baselines=read_baselines(folder / "baselines.parquet", metrics) if scored else (),
        notes=tuple(str(note) for note in _typed(path, described, "notes", list)),
        provenance=_typed(path, described, "provenance", dict),
        attachments=_attachments(folder),
        **texts,
    )


def _described(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        _refuse(path, f"the folder of a run: sweep.json is missing or broken ({error})", error)
    if not isinstance(found, dict):
        _refuse(path, "an object that describes a sweep")
    return found


def _dimensions(path: Path, described: Mapping[str, Any]) -> tuple[Dimension, ...]:
    axes: dict[str, Any] = _typed(path, described, "axes", dict)
    for name, values in axes.items():
        if not _NAME.fullmatch(name) or not isinstance(values, list) or not values:
            _refuse(path, f"axes that are lists of values; {name!r} is none")
        if not all(v is None or isinstance(v, str) or is_number(v) for v in values):
            _refuse(path, f"text, numbers and null as the values of {name!r}")
        if len(set(values)) < len(values):
            _refuse(path, f"every value of {name!r} once")
    groups = _groups(path, axes, _typed(path, described, "paired", list))
    return tuple(Dimension(g, tuple(zip(*(axes[n] for n in g), strict=True))) for g in groups)


def _groups(path: Path, axes: Mapping[str, Any], paired: list[Any]) -> list[tuple[str, ...]]:
    """The axes of each dimension, in the order of the grid."""
    together: dict[str, tuple[str, ...]] = {}
    for group in paired:
        known = isinstance(group, list) and all(isinstance(n, str) and n in axes for n in group)
        if not known or len({len(axes[name]) for name in group}) > 1:
            _refuse(path, f"paired axes that are there and equally long; {group!r} are not")
        together |= dict.fromkeys(group, tuple(group))
    return list(dict.fromkeys(together.get(name, (name,)) for name in axes))


def _metrics(path: Path, described: Mapping[str, Any]) -> tuple[MetricInfo, ...]:
    found = []
    for entry in _typed(path, described, "metrics", list):
        if not isinstance(entry, dict) or not _NAME.fullmatch(str(entry.get("name"))):
            _refuse(path, "metrics with a name of letters, digits and underscores")
        better = cast(Better, _one_of(path, entry, "better", ("higher", "lower", "neither")))
        found.append(
            MetricInfo(
                name=_text(path, entry, "name"),
                unit=_text(path, entry, "unit"),
                better=better,
                about=_text(path, entry, "about"),
                judge=_text(path, entry, "judge") if "judge" in entry else None,
            )
        )
    return tuple(found)


def _attachments(folder: Path) -> dict[str, str]:
    paths = [folder / name for name in _ATTACHED]
    return {p.name: p.read_text(encoding="utf-8", errors="replace") for p in paths if p.is_file()}


def _text(path: Path, source: Mapping[str, Any], key: str) -> str:
    return _typed(path, source, key, str)


def _one_of(path: Path, source: Mapping[str, Any], key: str, accepted: tuple[str, ...]) -> str:
    if source.get(key) not in accepted:
        _refuse(path, f"{key!r}: one of {', '.join(accepted)}")
    return source[key]


def _typed(path: Path, source: Mapping[str, Any], key: str, kind: type) -> Any:
    if not isinstance(source.get(key), kind):
        _refuse(path, f"{key!r}: a {kind.__name__}")
    return source[key]


def _refuse(path: Path, accepted: str, cause: Exception | None = None) -> NoReturn:
    raise InvalidConfig(field="report", value=str(path), accepted=accepted) from cause
