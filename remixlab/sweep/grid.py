"""From axes to cells: which requests a sweep makes, all validated before the first is made."""

from __future__ import annotations

import hashlib
import json
import math
from collections import ChainMap, Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image

from remixlab import images
from remixlab.errors import InvalidConfig, InvalidRequest, RemixError
from remixlab.fields import LARGEST, clean_number, clean_seed, clean_text
from remixlab.request import DEFAULT_NEGATIVE_PROMPT, RemixRequest

FIELDS = tuple(field.name for field in fields(RemixRequest))
PICTURES = ("product_image", "ref_image")
_NUMBERS = ("seed", "cfg_scale", "outline_fidelity", "style_fidelity")
_LARGEST = 1_000_000  # cells: more is a slip of the keyboard
_SPEC = "a value, a list of values, start:stop:step, or {start: , stop: , points: }"


@dataclass(frozen=True, eq=False)
class Cell:
    """One request of a sweep; `values` are those of its axes, pictures by file name."""

    number: int
    values: Mapping[str, Any]
    request: RemixRequest


def parse_axis(name: str, spec: Any) -> tuple[Any, ...]:
    """The values of one axis.

    Args:
        name: a field of `RemixRequest`.
        spec: one value; a list of values; for numbers also `start:stop:step` (both ends belong
            to it) or a mapping of start, stop and points (evenly spaced).

    Returns:
        Each as a request holds it, whole numbers as such: what means one thing is one value.

    Raises:
        InvalidConfig: no such field, no values, a value twice, or a range without an end.
    """
    where = f"sweep.axes.{name}"
    if name not in FIELDS:
        raise InvalidConfig(field=where, value=spec, accepted=f"a field: {', '.join(FIELDS)}")
    values = tuple(_clean(name, v) for v in _values(where, spec, numeric=name in _NUMBERS))
    if not values:
        raise InvalidConfig(field=where, value=spec, accepted=f"at least one value: {_SPEC}")
    twice = [value for value, count in Counter(map(repr, values)).items() if count > 1]
    if twice:
        accepted = f"every value once, and {twice[0]} is there twice"
        raise InvalidConfig(field=where, value=str(spec), accepted=accepted)
    if name == "seed" and -1 in values:
        accepted = "seeds from 1 on: a cell must be the same when it is made again"
        raise InvalidConfig(field=where, value=-1, accepted=accepted)
    return values


def expand(
    axes: Mapping[str, Any],
    *,
    paired: Sequence[Sequence[str]] = (),
    folder: Path = Path(),
    longest_side: int | None = None,
) -> list[Cell]:
    """All cells of the cross product of `axes`, the last axis running fastest.

    Args:
        axes: by field name, see `parse_axis`; pictures are file names.
        paired: groups of axes that run side by side instead, value by value.
        folder: what relative file names are relative to.
        longest_side: products are reduced to this many pixels; None leaves them as they are.

    Raises:
        InvalidConfig: a bad axis; two files of one axis with the same picture; paired axes that
            are unknown or of different lengths; more than a million cells.
        RemixError: a value that no request accepts, named as `sweep.axes.FIELD`.
    """
    values = {name: parse_axis(name, spec) for name, spec in axes.items()}
    groups = _groups(values, paired)
    count = math.prod(len(group) for group in groups)
    if count > _LARGEST:
        raise InvalidConfig(field="sweep.axes", value=count, accepted=f"at most {_LARGEST} cells")
    pictures = {name: _pictures(name, values[name], folder) for name in PICTURES if name in values}
    for path, picture in pictures.get("product_image", {}).items():
        pictures["product_image"][path] = _reduced(picture, longest_side)
    _check_distinct(pictures)
    _check_each(values, pictures)
    combined = (dict(ChainMap(*parts)) for parts in product(*groups))
    ordered = ({name: chosen[name] for name in values} for chosen in combined)
    return [
        Cell(number, chosen, _request(chosen, pictures)) for number, chosen in enumerate(ordered)
    ]


def cell_id(definition: Mapping[str, Any]) -> str:
    """16 hexadecimal digits of the SHA-256 of what defines a cell, whatever the order of keys."""
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _clean(name: str, value: Any) -> Any:
    """A value as a request holds it; what no request accepts stays for it to tell."""
    try:
        if name == "negative_prompt":
            return clean_text(name, value) or DEFAULT_NEGATIVE_PROMPT
        if name == "seed":
            return clean_seed(value)
        if name in LARGEST:
            return _number(Decimal(str(clean_number(name, value, LARGEST[name]))))
    except InvalidRequest:
        pass
    return value


def _values(where: str, spec: Any, *, numeric: bool) -> tuple[Any, ...]:
    if isinstance(spec, Mapping):
        return _spaced(where, spec)
    if isinstance(spec, str):
        return _stepped(where, spec) if numeric and ":" in spec else (spec,)
    return tuple(spec) if isinstance(spec, Sequence) else (spec,)


def _stepped(where: str, spec: str) -> tuple[float, ...]:
    """Decimal arithmetic: 0:1:0.1 is to hold 0.3, and 1."""
    try:
        start, stop, step = (Decimal(part.strip()) for part in spec.split(":"))
        count = int((stop - start) / step) + 1
    except (ValueError, ArithmeticError, InvalidOperation):
        raise InvalidConfig(field=where, value=spec, accepted="start:stop:step") from None
    if not 0 < count <= _LARGEST:
        accepted = "start:stop:step whose step leads from start to stop"
        raise InvalidConfig(field=where, value=spec, accepted=accepted)
    return tuple(_number(start + i * step) for i in range(count))


def _spaced(where: str, spec: Mapping[str, Any]) -> tuple[float, ...]:
    accepted = "{start: number, stop: number, points: 2 or more}"
    if set(spec) != {"start", "stop", "points"}:
        raise InvalidConfig(field=where, value=str(dict(spec)), accepted=accepted)
    try:
        start, stop = Decimal(str(spec["start"])), Decimal(str(spec["stop"]))
        points = int(spec["points"])
    except (ValueError, ArithmeticError):
        raise InvalidConfig(field=where, value=str(dict(spec)), accepted=accepted) from None
    if not 2 <= points <= _LARGEST or not (start.is_finite() and stop.is_finite()):
        raise InvalidConfig(field=where, value=str(dict(spec)), accepted=accepted)
    return tuple(_number(start + (stop - start) * i / (points - 1)) for i in range(points))


def _number(value: Decimal) -> float:
    return int(value) if value == value.to_integral_value() else float(value)


def _groups(
    values: Mapping[str, tuple[Any, ...]], paired: Sequence[Sequence[str]]
) -> list[list[dict[str, Any]]]:
    """One list of value sets for each group of axes that run side by side."""
    together = {name: tuple(group) for group in paired for name in group}
    for name, group in together.items():
        lengths = {other: len(values.get(other, ())) for other in group}
        if name not in values or len(set(lengths.values())) > 1:
            raise InvalidConfig(
                field="sweep.paired",
                value=", ".join(f"{other}: {length} values" for other, length in lengths.items()),
                accepted="axes that are there, each with as many values",
            )
    order = dict.fromkeys(together.get(name, (name,)) for name in values)
    rows = {group: zip(*(values[name] for name in group), strict=True) for group in order}
    return [[dict(zip(group, row, strict=True)) for row in rows[group]] for group in order]


def _pictures(name: str, paths: Sequence[Any], folder: Path) -> dict[Any, Image.Image | None]:
    """Every picture once, decoded; None stays None (no reference)."""
    found: dict[Any, Image.Image | None] = {}
    for path in paths:
        try:
            picture = None if path is None else images.decode(folder / path, field=name)
            # As a request does, but once: cells that share a picture share the object.
            found[path] = images.flatten(picture) if picture and name == "ref_image" else picture
        except (RemixError, TypeError) as error:
            raise InvalidConfig(
                field=f"sweep.axes.{name}", value=str(path), accepted=_told(error)
            ) from error
    return found


def _reduced(picture: Image.Image | None, longest: int | None) -> Image.Image | None:
    if picture is None or longest is None or max(picture.size) <= longest:
        return picture
    return images.resize(picture, images.reduced(picture.size, longest))


def _check_distinct(pictures: Mapping[str, Mapping[Any, Image.Image | None]]) -> None:
    """Two names of one picture would be one cell, and a grid that is never finished."""
    for name, options in pictures.items():
        seen: dict[str, Any] = {}
        for path, picture in options.items():
            other = seen.setdefault(images.sha256(picture), path) if picture else path
            if other != path:
                accepted = f"every picture once; {other} is the same, pixel for pixel"
                raise InvalidConfig(field=f"sweep.axes.{name}", value=path, accepted=accepted)


def _check_each(
    values: Mapping[str, tuple[Any, ...]], pictures: Mapping[str, Mapping[Any, Any]]
) -> None:
    """Each value of each axis in a request of its own, so that an error names the axis."""
    if "product_image" not in values:
        raise InvalidConfig(
            field="sweep.axes.product_image", value=None, accepted="at least one file"
        )
    first = {name: options[0] for name, options in values.items()}
    for name, options in values.items():
        for option in options:
            try:
                _request(first | {name: option}, pictures)
            except RemixError as error:
                raise InvalidConfig(
                    field=f"sweep.axes.{error.field}", value=error.value, accepted=error.accepted
                ) from error


def _request(chosen: Mapping[str, Any], pictures: Mapping[str, Mapping[Any, Any]]) -> RemixRequest:
    return RemixRequest(
        **{n: pictures[n][value] if n in pictures else value for n, value in chosen.items()}
    )


def _told(error: Exception) -> str:
    return error.accepted if isinstance(error, RemixError) else "a file name"
