"""Hydra's and OmegaConf's errors in the project's own words."""

from __future__ import annotations

from pathlib import Path

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from remixlab.errors import InvalidConfig

# OmegaConf only asserts where an override leads through a null (`model.vae.repo=...` after
# `model.vae=null`).
COMPOSE_ERRORS = (HydraException, OmegaConfBaseException, AssertionError)


def explained(error: BaseException, override: str, folder: Path, schema: type) -> InvalidConfig:
    """What is wrong with `override`: the library's hint, the keys there are, and the groups.

    Args:
        error: what Hydra or OmegaConf raised.
        override: `key=value` as typed.
        folder: the folder of YAML files, whose folders are the groups.
        schema: the dataclass of the whole config.
    """
    key = override.partition("=")[0].lstrip("+~")
    hint = " ".join(_hint(error).split()).partition(" Config search path:")[0]
    return InvalidConfig(
        field=key,
        value=override,
        accepted=f"{_keys(key, schema)}; groups: {_groups(folder)} ({hint})",
    )


def _hint(error: BaseException) -> str:
    return f"{error} {error.__cause__ or ''}"


def _keys(key: str, schema: type) -> str:
    """The keys beside the last part of `key`, as far as its path exists."""
    node, path = OmegaConf.structured(schema), ""
    for part in key.split(".")[:-1]:
        inner = node.get(part) if part in node else None
        if not isinstance(inner, DictConfig):
            break
        node, path = inner, f"{path}{part}."
    return "one of " + ", ".join(f"{path}{name}" for name in node)


def _groups(folder: Path) -> str:
    groups = sorted(group for group in folder.rglob("*") if group.is_dir())
    return "; ".join(
        f"{group.relative_to(folder).as_posix()}="
        f"{'|'.join(sorted(path.stem for path in group.glob('*.yaml')))}"
        for group in groups
    )
