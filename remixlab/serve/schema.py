"""What OpenAPI says about the one route that matters: its body and its answers."""

from __future__ import annotations

from typing import Any

from remixlab.fields import LARGEST, MAX_SEED, MAX_TEXT, NUMBER_TEXT, SEED_TEXT
from remixlab.request import DEFAULT_NEGATIVE_PROMPT, SIZES, RemixRequest
from remixlab.serve.answers import WARNING_HEADER

_SIZES = ", ".join(
    f"{size.name} {size.ratio} {size.width}x{size.height}" for size in SIZES.values()
)
_HEADERS = {
    "X-Request-Id": {"schema": {"type": "string"}, "description": "Names the request in the log"}
}


def _number(name: str, words: str) -> dict[str, Any]:
    largest = LARGEST[name]
    return {
        "anyOf": [
            {"type": "number", "minimum": 0, "maximum": largest},
            {"type": "string", "pattern": f"^{NUMBER_TEXT}$"},
        ],
        "default": getattr(RemixRequest, name),
        "description": f"{words} 0 to {largest:g}, as a number or its text.",
    }


def _text(default: str, words: str) -> dict[str, Any]:
    return {"type": "string", "maxLength": MAX_TEXT, "default": default, "description": words}


def _image(words: str) -> dict[str, Any]:
    ways = "Base64, a data URL of it, or, where the server allows it, an http(s) URL."
    return {"type": "string", "minLength": 1, "description": f"{words} {ways}"}


REMIX_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["product_image", "ref_image"],
    "properties": {
        "prompt": _text("", "What the picture shows."),
        "product_image": _image(
            "The product, PNG or WebP with alpha; the answer has its size. Sides from 64 to 8192 "
            f"pixels; recommended: {_SIZES}."
        ),
        "ref_image": _image("The picture whose style the background follows: PNG, JPEG or WebP."),
        "negative_prompt": _text(
            DEFAULT_NEGATIVE_PROMPT, "What the picture must not show; empty: the default."
        ),
        "seed": {
            "anyOf": [
                {"type": "integer", "enum": [-1]},
                {"type": "integer", "minimum": 1, "maximum": MAX_SEED},
                {"type": "string", "pattern": f"^{SEED_TEXT}$"},
                {"type": "null"},
            ],
            "default": -1,
            "description": f"1 to {MAX_SEED}; -1, blank or null draws one.",
        },
        "cfg_scale": _number("cfg_scale", "Guidance; at 1 or below none runs."),
        "outline_fidelity": _number("outline_fidelity", "How firmly the product's outline holds."),
        "style_fidelity": _number("style_fidelity", "How closely the reference is followed."),
    },
}
REMIX_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": REMIX_SCHEMA}}}
}


def _answer(
    status: int, words: str, headers: dict[str, str] | None = None
) -> dict[int | str, dict[str, Any]]:
    more = {
        name: {"schema": {"type": "string"}, "description": text}
        for name, text in (headers or {}).items()
    }
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["status_code", "body"],
        "properties": {"status_code": {"const": status}, "body": {"type": "string"}},
    }
    content = {"application/json": {"schema": schema}}
    return {status: {"description": words, "headers": _HEADERS | more, "content": content}}


REMIX_RESPONSES: dict[int | str, dict[str, Any]] = {
    **_answer(
        200,
        "The picture: `body` is a PNG in base64, as large as the product.",
        {
            "X-Remix-Seed": "The seed used",
            "Server-Timing": "Milliseconds by stage",
            WARNING_HEADER: "Where something was not done as asked, such as words that the text "
            "encoders did not read: a JSON array of texts in ASCII, cut to 2048 characters",
        },
    ),
    **_answer(400, "The request is wrong: `body` names the field and what is accepted."),
    **_answer(401, "The key is missing or wrong; the body was not read."),
    **_answer(408, "The body took too long to arrive."),
    **_answer(413, "The body or an image is too large."),
    **_answer(415, "The content type is not application/json."),
    **_answer(500, "Our fault: `body` has an id that the log explains."),
    **_answer(503, "Busy, or not ready.", {"Retry-After": "Seconds after which to try again"}),
}
