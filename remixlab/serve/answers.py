"""The wire format: every answer is `{"status_code", "body"}` with the same number as status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from http import HTTPStatus

from starlette.responses import JSONResponse

from remixlab.errors import ImageTooLarge, InvalidImage, InvalidRequest
from remixlab.request import RemixRequest

_FIELDS = frozenset(("body", *(entry.name for entry in fields(RemixRequest))))


def answer(
    status: int, body: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An answer in the envelope; without a body it says what the status means."""
    text = HTTPStatus(status).phrase if body is None else body
    return JSONResponse({"status_code": status, "body": text}, status, headers=headers)


def is_clients_fault(error: BaseException) -> bool:
    """Whether it says that a field of the request is wrong, and not something of ours."""
    return isinstance(error, (InvalidRequest, InvalidImage)) and error.field in _FIELDS


def answer_to(error: InvalidRequest | InvalidImage) -> JSONResponse:
    """400, or 413 for an image that is too large, with the field and what is accepted."""
    return answer(413 if isinstance(error, ImageTooLarge) else 400, str(error))
