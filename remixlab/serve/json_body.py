"""The JSON of a request, read member by member: reading ends at the first byte that is wrong.

A general parser builds whatever it is sent, and 63 MB of `[],` are a gigabyte of lists, during
which no other thread runs. A request's shape is known: one flat object, whose fields are known and
short but for two pictures. Values of that size are left to `json`, the pictures piece by piece.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

from remixlab.errors import InvalidRequest
from remixlab.fields import MAX_TEXT
from remixlab.request import RemixRequest

_FIELDS = [entry.name for entry in fields(RemixRequest)]
_PICTURES = ("product_image", "ref_image")
_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(rb"[ \t\r\n]*")
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SCALAR = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
# Bytes, all generous: a character is at most twelve as JSON, two escapes of six.
_LONGEST_SPACE = 4096
_LONGEST_NAME = 256
_LONGEST_TEXT = 12 * MAX_TEXT + 2
_LONGEST_SCALAR = 400
_PIECE = 2**20  # of a picture: between two of them other threads run
_ESCAPE = 6  # bytes of the longest escape, \u0000


def parse_body(content: bytearray) -> dict[str, Any]:
    """The fields of a request, as JSON has them; whether their values are good is not asked here.

    Raises InvalidRequest, with line, column and byte, for what is no JSON in UTF-8, no object, a
    field that is unknown or named twice, a list or an object in a field, and for anything but a
    picture that is longer than any good value.
    """
    return _Reader(content).body()


class _Reader:
    def __init__(self, content: bytearray) -> None:
        self._content = content
        self._at = len(_BOM) if content.startswith(_BOM) else 0

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._take(b"{", "a JSON object")
        if not self._is_next(b"}"):
            self._member(found)
            while self._is_next(b","):
                self._at += 1
                self._member(found)
        self._take(b"}", "a comma or } in a JSON object")
        self._skip_space()
        if self._at < len(self._content):
            raise self._wrong("nothing behind the JSON object")
        return found

    def _member(self, found: dict[str, Any]) -> None:
        self._skip_space()
        start = self._at
        name = self._short(_TEXT, _LONGEST_NAME, "body", "the name of a field in double quotes")
        if name not in _FIELDS or name in found:
            self._at = start
            raise self._wrong(f"{', '.join(_FIELDS)}, each once", saw=name[:32])
        self._take(b":", f"a colon behind {name}")
        found[name] = self._value(name)

    def _value(self, name: str) -> Any:
        if not self._is_next(b'"'):
            accepted = f"text, true, false, null or a number of at most {_LONGEST_SCALAR} digits"
            return self._short(_SCALAR, _LONGEST_SCALAR, name, accepted)
        if name in _PICTURES:
            return self._picture(name)
        accepted = f"text in quotes, of at most {MAX_TEXT} characters"
        return self._short(_TEXT, _LONGEST_TEXT, name, accepted)

    def _short(self, pattern: re.Pattern[bytes], longest: int, field: str, accepted: str) -> Any:
        match = pattern.match(self._content, self._at, self._at + longest)
        try:
            value = json.loads(match[0].decode()) if match else None
        except ValueError as error:  # escapes and control characters, and what is not UTF-8
            raise self._wrong(f"{accepted}, valid JSON in UTF-8", field) from error
        if match is None:
            raise self._wrong(accepted, field)
        self._at = match.end()
        return value

    def _picture(self, name: str) -> str:
        """Its text. It is ASCII, and a quote always ends it: base64 and URLs have neither."""
        self._at += 1
        end = self._content.find(b'"', self._at)
        if end < 0:
            self._at = len(self._content)
            raise self._wrong("quotes around base64", name)
        pieces = []
        while self._at < end:
            stop = self._piece_end(end)
            try:
                text = self._content[self._at : stop].decode("ascii")
                piece = json.loads(f'"{text}"')
            except (UnicodeDecodeError, json.JSONDecodeError) as error:
                # Both say where in the piece; the quote before it was added.
                place = error.start if isinstance(error, UnicodeDecodeError) else error.pos - 1
                self._at += max(0, place)
                raise self._wrong("base64 as valid JSON", name) from error
            if not piece.isascii():  # an escape; one such character makes all others four bytes
                raise self._wrong("base64", name)
            pieces.append(piece)
            self._at = stop
        self._at = end + 1
        return "".join(pieces)

    def _piece_end(self, end: int) -> int:
        """Where the next piece may end: not within an escape."""
        stop = self._at + _PIECE
        if stop >= end:
            return end
        escape = self._content.rfind(b"\\", stop - _ESCAPE, stop)
        return stop if escape < 0 else escape

    def _skip_space(self) -> None:
        match = _SPACE.match(self._content, self._at, self._at + _LONGEST_SPACE)
        self._at = match.end() if match else self._at

    def _is_next(self, character: bytes) -> bool:
        self._skip_space()
        return self._content.startswith(character, self._at)

    def _take(self, character: bytes, accepted: str) -> None:
        if not self._is_next(character):
            raise self._wrong(accepted)
        self._at += 1
        self._skip_space()

    def _wrong(self, accepted: str, field: str = "body", saw: str | None = None) -> InvalidRequest:
        """What stands at this place, and what should."""
        at = self._at
        if saw is None:
            saw = chr(self._content[at]) if at < len(self._content) else "the end"
        line = self._content.count(b"\n", 0, at) + 1
        column = at - self._content.rfind(b"\n", 0, at)
        value = f"{saw} at line {line}, column {column}, byte {at}"
        return InvalidRequest(field=field, value=value, accepted=accepted)
