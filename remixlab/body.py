"""Request bodies on disk: the JSON of the HTTP API, in which images may also be file names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from remixlab.request import InvalidRequest, RemixRequest

_IMAGES = ("product_image", "ref_image")
_LONGEST_NAME = 1024  # characters; anything longer is base64


def read_body(path: Path) -> dict[str, Any]:
    """The body in `path`; image file names, relative to it, become the bytes of those files.

    Raises:
        InvalidRequest: no such file, or not a JSON object.
    """
    accepted = "a file with the JSON object that the HTTP API takes"
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(field="--request", value=str(path), accepted=accepted) from error
    if not isinstance(body, dict):
        raise InvalidRequest(field="--request", value=str(path), accepted=accepted)
    for name in _IMAGES:
        body[name] = _file_or_text(path.parent, body.get(name))
    return body


def request_from(body: dict[str, Any], changes: dict[str, Any]) -> RemixRequest:
    """A request from a body with some fields replaced; images given as paths are read here."""
    merged = body | changes
    for name in _IMAGES:
        if isinstance(merged.get(name), Path):
            merged[name] = _read(name, merged[name])
    return RemixRequest.from_body(merged)


def files_named_in(path: Path) -> dict[str, Path]:
    """The image files that the body in `path` names, by field; none where it cannot be read."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    values = {name: body.get(name) for name in _IMAGES} if isinstance(body, dict) else {}
    named = {name: value for name, value in values.items() if isinstance(value, str)}
    return {name: path.parent / v for name, v in named.items() if len(v) <= _LONGEST_NAME}


def _file_or_text(folder: Path, value: Any) -> Any:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        return value
    file = folder / value
    try:
        return file.read_bytes() if file.is_file() else value
    except (OSError, ValueError):  # a text that cannot even be a name is left to the request
        return value


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidRequest(
            field=name, value=str(path), accepted="a file that can be read"
        ) from error
