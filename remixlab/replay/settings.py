"""The settings that a picture was made with, rebuilt without trusting what it says.

The suite is looked up by name among the configs that are installed, so where weights are read from
is never the picture's to say. Of everything else only values are taken, of the field's own type and
checked as overrides are; no expression is read, nothing is instantiated or resolved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from remixlab.config import (
    RemixConfig,
    SourceConfig,
    check_config,
    compose_config,
    config_folder,
)
from remixlab.config_errors import explained
from remixlab.errors import InvalidConfig
from remixlab.replay.metadata import refuse
from remixlab.replay.record import Record

_SOURCE = {field.name for field in fields(SourceConfig)}
# The machine's, or the installed config's, to say.
_LOCAL = {
    "runtime.device",
    *(f"model.{name}" for name in ("name", "architecture", "licence", "commercial_use")),
    "model.download_gb",
}


def rebuild_config(record: Record, overrides: Sequence[str] = ()) -> RemixConfig:
    """The installed suite of that name with the recorded values; what a person typed wins.

    Args:
        record: of the picture.
        overrides: typed `key=value`; a key, or a group, typed here is not taken from the record.

    Raises:
        InvalidRecord: an unknown key or a value of another type.
        InvalidConfig: no such suite here, a value that is not accepted, or a bad override.
    """
    typed = _typed_keys(overrides)
    own = [] if "model" in typed else [f"model={_suite_name(record)}"]
    config = compose_config([*own, *overrides])
    _apply(config, record.config, "", typed)
    if record.device == "cpu" and not _covered("runtime.device", typed):
        config.runtime.device = "cpu"
    check_config(config)
    return config


def _suite_name(record: Record) -> str:
    model = record.config.get("model")
    name = model.get("name") if isinstance(model, dict) else None
    known = sorted(path.stem for path in (config_folder() / "model").glob("*.yaml"))
    if name not in known:
        accepted = f"{', '.join(known)}; or type model=NAME and the overrides it was made with"
        raise InvalidConfig(field="model", value=name, accepted=accepted)
    return str(name)


def _typed_keys(overrides: Sequence[str]) -> set[str]:
    """The keys and groups of what was typed."""
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise explained(error, " ".join(overrides), config_folder(), RemixConfig) from error
    return {override.key_or_group for override in parsed}


def _covered(path: str, typed: set[str]) -> bool:
    return any(path == key or path.startswith(f"{key}.") for key in typed)


def _apply(config: Any, recorded: Mapping[str, Any], path: str, typed: set[str]) -> None:
    """Set the recorded values on a config dataclass and those inside it."""
    hints = get_type_hints(type(config))
    for name, value in recorded.items():
        where, current = f"{path}{name}", getattr(config, name, None)
        if name not in hints:
            refuse(f"config.{where}", value, f"only {', '.join(hints)}")
        if where in _LOCAL or _covered(where, typed):
            continue
        if isinstance(config, SourceConfig) and name in _SOURCE:
            continue
        if is_dataclass(current) and isinstance(value, dict):
            _apply(current, value, f"{where}.", typed)
        elif not _may_be_source(hints[name]):
            if not _fits(value, hints[name]):
                refuse(f"config.{where}", value, "a value of another type")
            setattr(config, name, value)


def _kinds(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _may_be_source(hint: Any) -> bool:
    """Whether a source is there or null is the installed config's to say as well."""
    return any(isinstance(kind, type) and issubclass(kind, SourceConfig) for kind in _kinds(hint))


def _fits(value: object, hint: Any) -> bool:
    """Whether `value` is of a type that the annotation names; an integer is a float as well."""
    kinds = {get_origin(kind) or kind for kind in _kinds(hint)}
    return type(value) in kinds or (type(value) is int and float in kinds)
