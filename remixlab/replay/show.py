"""What a picture was made from, in words for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from remixlab.replay.metadata import plain, read_kept

_ORDER = (
    "warnings",
    "request",
    "suite",
    "config",
    "device",
    "dtype",
    "batch",
    "versions",
    "hardware",
)
_WIDEST = 24  # characters of a key that values are aligned behind
_REQUEST = ("prompt", "negative_prompt", "seed", "cfg_scale", "outline_fidelity", "style_fidelity")


def tell(path: Path) -> Iterator[str]:
    """The lines that say what the picture of a file was made from; raises as `read_kept`."""
    kept = read_kept(path)
    yield f"{plain(path)}  {kept.picture.width}x{kept.picture.height}, the {kept.kind} of a remix"
    yield from _lines(kept.described, "", _ORDER)


def _lines(tree: Mapping[str, Any], indent: str, order: Sequence[str] = ()) -> Iterator[str]:
    """The keys of `order` first; what is null says nothing, and is left out."""
    keys = [*(key for key in order if key in tree), *(key for key in tree if key not in order)]
    leaves = [len(plain(key)) for key in keys if not isinstance(tree[key], dict)]
    width = min(max(leaves, default=0), _WIDEST)
    for key in keys:
        value = tree[key]
        if key == "warnings" and isinstance(value, list):
            yield from (f"{indent}warning: {plain(each)}" for each in value)
            continue
        if isinstance(value, dict):
            yield f"{indent}{plain(key)}"
            yield from _lines(value, indent + "  ", _REQUEST if key == "request" else ())
        elif value not in (None, []):
            yield f"{indent}{plain(key):{width}}  {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value)
