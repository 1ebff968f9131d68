"""The wire format: every answer is `{"status_code", "body"}` with the same number as status."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from http import HTTPStatus
from itertools import accumulate, takewhile

from starlette.responses import JSONResponse

from remixlab.errors import ImageTooLarge, InvalidImage, InvalidRequest
from remixlab.request import RemixRequest

WARNING_HEADER = "X-Remix-Warning"
_MOST_WARNINGS = 8
_LONGEST_HEADER = 2048  # characters; some proxies take 4096 for all headers together
_FIELDS = frozenset(("body", *(entry.name for entry in fields(RemixRequest))))


def answer(
    status: int, body: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An answer in the envelope; without a body it says what the status means."""
    text = HTTPStatus(status).phrase if body is None else body
    return JSONResponse({"status_code": status, "body": text}, status, headers=headers)


def warning_header(warnings: Sequence[str]) -> dict[str, str]:
    """The header that carries a remix's warnings, a JSON array of texts; none without warnings.

    JSON in ASCII holds any text, and proxies cap what headers may hold: where the texts are longer
    together, each is cut to its share, with three dots. The picture's metadata has them whole.
    """
    texts = list(warnings)[:_MOST_WARNINGS]
    if not texts:
        return {}
    if len(_ascii(texts)) > _LONGEST_HEADER:
        share = _LONGEST_HEADER // len(texts) - len('"", ')
        texts = [_cut(text, share) for text in texts]
    return {WARNING_HEADER: _ascii(texts)}


def _ascii(value: object) -> str:
    return json.dumps(value).replace("\x7f", "\\u007f")  # the one control character it leaves


def _cut(text: str, longest: int) -> str:
    """The text, or as much of its beginning as takes `longest` characters of JSON with the dots."""
    if len(_ascii(text)) - 2 <= longest:
        return text
    room = longest - len("...")
    kept = takewhile(lambda ends: ends <= room, accumulate(len(_ascii(each)) - 2 for each in text))
    return text[: len(list(kept))] + "..."


def is_clients_fault(error: BaseException) -> bool:
    """Whether it says that a field of the request is wrong, and not something of ours."""
    return isinstance(error, (InvalidRequest, InvalidImage)) and error.field in _FIELDS


def answer_to(error: InvalidRequest | InvalidImage) -> JSONResponse:
    """400, or 413 for an image that is too large, with the field and what is accepted."""
    return answer(413 if isinstance(error, ImageTooLarge) else 400, str(error))
