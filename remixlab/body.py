"""Request bodies: the JSON of the HTTP API, and on disk, where images may also be file names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from remixlab.containers import is_picture
from remixlab.errors import InvalidRequest
from remixlab.fields import image_bytes
from remixlab.request import RemixRequest

_IMAGES = ("product_image", "ref_image")
_LONGEST_NAME = 1024  # characters; anything longer is base64


@dataclass(frozen=True)
class NoFile:
    """A text in place of a picture that is neither: a name, mistyped, or base64, damaged."""

    text: str
    path: Path

    def refuse(self, name: str) -> NoReturn:
        """Raise InvalidRequest: there is no file of that name, and why this is no base64."""
        missing = f"a file beside the request file, but there is none at {self.path}"
        try:
            image_bytes(name, self.text, _LONGEST_NAME)
        except InvalidRequest as error:
            accepted = f"{missing}; or {error.accepted}"
        else:
            accepted = f"{missing}; or base64, but of a PNG, JPEG or WebP image"
        raise InvalidRequest(field=name, value=self.text, accepted=accepted)


def read_body(path: Path) -> dict[str, Any]:
    """The body in `path`; image file names, relative to it, become the bytes of those files.

    A name that leads to no file becomes a `NoFile`: a flag may yet replace it.

    Raises:
        InvalidRequest: no such file, or not a JSON object.
    """
    accepted = "a file with the JSON object that the HTTP API takes"
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = f"{accepted}; {error.strerror or error}"
        raise InvalidRequest(field="--request", value=str(path), accepted=reason) from error
    body = parse_object(content, field="--request", shown=str(path), accepted=accepted)
    for name in _IMAGES:
        body[name] = _file_or_text(path.parent, name, body.get(name))
    return body


def parse_object(
    content: bytes | bytearray, *, field: str, shown: str, accepted: str
) -> dict[str, Any]:
    """A JSON object in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    RFC 8259 lets a reader pass over the mark, which editors on Windows write.

    Raises:
        InvalidRequest: of `field`, with `shown` and `accepted`, and the line and the column where
            the content stops being JSON, without any of it.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        fault = f"{accepted}; {_fault(error)}"
        raise InvalidRequest(field=field, value=shown, accepted=fault) from error
    if not isinstance(found, dict):
        fault = f"{accepted}; this is JSON, but no object"
        raise InvalidRequest(field=field, value=shown, accepted=fault)
    return found


def request_from(body: dict[str, Any], changes: dict[str, Any]) -> RemixRequest:
    """A request from a body with some fields replaced; images given as paths are read here."""
    merged = body | changes
    for name in _IMAGES:
        value = merged.get(name)
        if isinstance(value, NoFile):
            value.refuse(name)
        if isinstance(value, Path):
            merged[name] = _read(name, value)
    return RemixRequest.from_body(merged)


def files_named_in(path: Path) -> dict[str, Path]:
    """The image files that the body in `path` names, by field; none where it cannot be read."""
    try:
        body = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    values = {name: body.get(name) for name in _IMAGES} if isinstance(body, dict) else {}
    named = {name: value for name, value in values.items() if isinstance(value, str)}
    return {name: path.parent / v for name, v in named.items() if len(v) <= _LONGEST_NAME}


def _fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        lines = error.object[: error.start].decode(error.encoding, "replace").split("\n")
        place = f"line {len(lines)}, column {len(lines[-1]) + 1}"
        return f"what is at {place} is not in {error.encoding.upper()}, as the rest is"
    if isinstance(error, RecursionError):
        return "it has too many brackets within brackets"
    return "it has a number of too many digits"


def _file_or_text(folder: Path, name: str, value: Any) -> Any:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME or not value.strip():
        return value
    file = folder / value
    try:
        if file.is_file():
            return file.read_bytes()
    except (OSError, ValueError):  # a text that cannot even be a name
        pass
    return value if _is_sent(name, value) else NoFile(value, file)


def _is_sent(name: str, text: str) -> bool:
    """Whether a picture may come this way without a file: a URL, a data URL or base64 of one."""
    if text.lstrip()[:8].lower().startswith(("http://", "https://", "data:")):
        return True
    try:
        return is_picture(image_bytes(name, text, _LONGEST_NAME))
    except InvalidRequest:
        return False


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidRequest(
            field=name, value=str(path), accepted="a file that can be read"
        ) from error
