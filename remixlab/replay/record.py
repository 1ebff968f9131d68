"""The typed form of what a picture says about itself: known keys, the right types, checked values.

Nothing here is a path, a class or an expression; a suite is a name that `settings` looks up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remixlab.errors import InvalidRequest
from remixlab.fields import LARGEST, clean_number, clean_seed, clean_text
from remixlab.replay.metadata import refuse

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("prompt", "negative_prompt")
_REQUEST = {*LARGEST, *_TEXTS, "seed", "product_image", "ref_image"}
_NEEDED = {"request": dict, "suite": dict, "config": dict, "device": str, "dtype": str}
_OPTIONAL = {
    "versions": dict,
    "hardware": dict,
    "commit": (str, type(None)),
    "batch": int,
    "product_untouched": bool,
    "warnings": list,
}


@dataclass(frozen=True)
class Record:
    """What a picture was made from.

    Attributes:
        fields: of the request, checked, without its pictures.
        product, reference: SHA-256 of the pictures' pixels.
        suite: by part, where it came from and its hash.
        config: the settings, not checked yet: see `remixlab.replay.settings`.
        described: all of it, to compare with.
    """

    fields: Mapping[str, Any]
    product: str
    reference: str | None
    suite: Mapping[str, str]
    config: Mapping[str, Any]
    device: str
    described: Mapping[str, Any]

    @classmethod
    def from_described(cls, described: Mapping[str, Any]) -> Record:
        """Check what a picture says.

        Raises:
            InvalidRecord: a key is missing, unknown, or of the wrong type.
            InvalidRequest: a field of the request has a value that no request accepts.
        """
        _check_keys(described, _NEEDED, _OPTIONAL, "")
        for warning in described.get("warnings", ()):
            if not isinstance(warning, str):
                refuse("warnings", warning, "a list of texts")
        asked = described["request"]
        _check_keys(asked, dict.fromkeys(_REQUEST, object), {}, "request.")
        suite, reference = described["suite"], asked["ref_image"]
        for part, told in suite.items():
            if not isinstance(told, str):
                refuse(f"suite.{part}", told, "text")
        return cls(
            fields=_fields(asked),
            product=_hash("product_image", asked["product_image"]),
            reference=None if reference is None else _hash("ref_image", reference),
            suite=suite,
            config=described["config"],
            device=described["device"],
            described=described,
        )


def _check_keys(
    found: Mapping[str, Any], needed: Mapping[str, Any], optional: Mapping[str, Any], path: str
) -> None:
    known = {**needed, **optional}
    for name in needed.keys() - found.keys():
        refuse(path + name, None, "something: it is missing")
    for name, value in found.items():
        if name not in known:
            refuse(path + name, value, f"only {', '.join(sorted(known))}")
        if not isinstance(value, known[name]) or (known[name] is int and isinstance(value, bool)):
            refuse(path + name, value, "a value of another type")


def _fields(asked: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: clean_text(name, asked[name]) for name in _TEXTS}
    for name, largest in LARGEST.items():
        fields[name] = clean_number(name, asked[name], largest)
    fields["seed"] = clean_seed(asked["seed"])
    if fields["seed"] == -1:
        raise InvalidRequest(field="seed", value=-1, accepted="the seed that was drawn")
    return fields


def _hash(name: str, value: object) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        refuse(f"request.{name}", value, "a SHA-256 in hexadecimal digits")
    return value
