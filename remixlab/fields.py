"""Checks of single request fields, the same for all ways in; each returns the clean value."""

from __future__ import annotations

import base64
import contextlib
import math
import numbers
import re
import string

from remixlab.errors import ImageTooLarge, InvalidRequest

MAX_TEXT = 4000  # characters
MAX_SEED = 2**32  # inclusive
LARGEST = {"cfg_scale": 30, "outline_fidelity": 2, "style_fidelity": 2}
# Numbers as text, in words that regular expressions of Python, JavaScript and JSON schemas share:
# plain decimals as forms send them, though Python also reads 1_0, 1e1 and digits of other scripts.
_SPACE = r"[ \t\r\n]*"
NUMBER_TEXT = rf"{_SPACE}[+-]?[0-9]+(\.[0-9]+)?{_SPACE}"
SEED_TEXT = rf"{_SPACE}([+-]?[0-9]{{1,20}})?{_SPACE}"
_BASE64 = "base64 or a data URL of a PNG, JPEG or WebP image"


def clean_text(name: str, value: object) -> str:
    """Text of at most 4,000 characters, or InvalidRequest."""
    accepted = f"text of at most {MAX_TEXT} characters"
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise InvalidRequest(field=name, value=value, accepted=accepted)
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        # JSON can smuggle half a surrogate pair in, and tokenizers cannot encode it.
        raise InvalidRequest(field=name, value=value, accepted=f"{accepted}, valid Unicode")
    return value


def clean_seed(value: object) -> int:
    """An integer or its text: 1 to 2^32 inclusive, -1 or blank for -1, or InvalidRequest."""
    if value is None or (isinstance(value, str) and not value.strip(" \t\r\n")):
        return -1
    if isinstance(value, str) and re.fullmatch(SEED_TEXT, value):
        value = int(value)
    number = 0  # outside the range
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        number = int(value)
    if number != -1 and not 1 <= number <= MAX_SEED:
        accepted = f"-1 or blank to draw one, or an integer from 1 to {MAX_SEED}"
        raise InvalidRequest(field="seed", value=value, accepted=accepted)
    return number


def clean_number(name: str, value: object, largest: float) -> float:
    """A finite number, or its text in plain digits, from 0 to `largest`, or InvalidRequest."""
    number = math.nan
    if isinstance(value, str):
        number = float(value) if re.fullmatch(NUMBER_TEXT, value) else math.nan
    elif isinstance(value, numbers.Real) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(value)
    if not 0 <= number <= largest:  # also false for NaN
        accepted = f"a number from 0 to {largest:g}"
        accepted += ", in plain digits" if isinstance(value, str) else ""
        raise InvalidRequest(field=name, value=value, accepted=accepted)
    return number + 0.0  # -0.0 becomes 0.0, so that equal requests also print equally


def image_bytes(name: str, value: object, max_bytes: int) -> bytes:
    """Base64, a data URL of it, or bytes -> the file's bytes, at most `max_bytes`.

    Raises InvalidRequest, or ImageTooLarge, which for text is told before it is decoded. No
    error repeats the text: it is the image.
    """
    if isinstance(value, str):
        shown = f"{len(value)} characters"
        if len(value) > max_bytes * 3 // 2:  # base64 is 4/3; the rest is room for line breaks
            raise ImageTooLarge(field=name, value=shown, accepted=f"at most {max_bytes} bytes")
        value = _decode_base64(name, value, shown)
    if not isinstance(value, bytes):
        raise InvalidRequest(field=name, value=value, accepted=_BASE64)
    if len(value) > max_bytes:
        raise ImageTooLarge(field=name, value=value, accepted=f"at most {max_bytes} bytes")
    return value


def _decode_base64(name: str, text: str, shown: str) -> bytes:
    payload = text.lstrip()
    if payload[:8].lower().startswith(("http://", "https://")):
        accepted = f"{_BASE64}; URLs are off here, send the image itself"
        raise InvalidRequest(field=name, value="a URL", accepted=accepted)
    if payload[:5].lower() == "data:":
        head, _, payload = payload.partition(",")
        if not head.lower().endswith(";base64"):
            raise _no_base64(name, shown, "this data URL does not say ;base64 before its comma")
    data = None
    with contextlib.suppress(ValueError):  # binascii.Error is one; the error would hold a copy
        data = base64.b64decode(_without_space(payload), validate=True)
    if data is None:
        raise _no_base64(name, shown, _fault(payload))
    if not data:
        raise _no_base64(name, shown, "there is nothing in this")
    return data


def _without_space(text: str) -> bytes:
    """The text's bytes without ASCII white space: of base64 as many as there are characters.

    Raises ValueError for text that is not ASCII. Splitting and joining would make an object of
    every word, which for three-letter words is 30 times the text.
    """
    return text.encode("ascii").translate(None, string.whitespace.encode())


def _no_base64(name: str, shown: str, fault: str) -> InvalidRequest:
    return InvalidRequest(field=name, value=shown, accepted=f"{_BASE64}; {fault}")


def _fault(payload: str) -> str:
    """Why a text is no base64 (RFC 4648, section 4), without repeating any of it."""
    if "%" in payload:
        return "this is percent-encoded: decode it first, %2B is +, %2F is / and %3D is ="
    odd = re.search(r"[^A-Za-z0-9+/=\s_-]", payload, re.ASCII)
    if odd:
        return f"character {odd.start() + 1} of this is none of base64's"
    if "-" in payload or "_" in payload:
        return "this is in the URL-safe alphabet: write + for each - and / for each _"
    digits = _without_space(payload).rstrip(b"=")
    if b"=" in digits:
        return "this goes on behind its padding, as several texts in one do"
    if len(digits) % 4 == 1:
        return "this is cut short: its last character is part of no whole byte"
    return f"the padding of this is not right: at its end belong {-len(digits) % 4} ="
