"""What a picture says about itself, read as input that anybody may have written.

Sizes and depth are bounded before anything is parsed; what comes out is plain JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from PIL import Image

from remixlab import images
from remixlab.containers import png_chunks
from remixlab.errors import InvalidImage, InvalidRecord

KEY = "remixlab"
PICTURES = ("image", "background")
LIMITS = images.Limits(bytes=2**29)  # a PNG of the largest picture that is remixed, and more
LONGEST = 2**18  # characters of JSON; two prompts of full length take less than half
DEEPEST = 16  # brackets inside brackets; ours have 6
_DIGITS = 20  # of an integer
_SHOWN = 300  # characters of a path or a key


@dataclass(frozen=True)
class Kept:
    """A file: its picture, which picture of a result it is, and what it says, unchecked JSON."""

    path: Path
    picture: Image.Image
    kind: str
    described: dict[str, Any]


def read_kept(path: Path) -> Kept:
    """Read a PNG that a remix or a sweep wrote.

    Raises:
        InvalidImage: no picture, or a broken one.
        InvalidRecord: it says nothing about itself, says it twice, or not as bounded JSON.
    """
    content = _content(path)
    text = images.png_text(content, field=str(path), limits=LIMITS)
    told = [name for name in _text_names(content) if name == KEY.encode()]
    if KEY not in text or len(told) != 1:
        count = "no" if KEY not in text else "more than one"
        accepted = "a PNG that remixlab wrote, with its metadata"
        refuse(path, f"{count} text {KEY!r}", accepted)
    kind = text.get(images.PICTURE_KEY, PICTURES[0])
    if kind not in PICTURES:
        refuse(path, kind, f"as its picture one of {', '.join(PICTURES)}")
    picture = images.decode(content, field=str(path), limits=LIMITS)
    return Kept(path, picture, kind, parse(text[KEY], where=path))


def parse(text: str, *, where: Path) -> dict[str, Any]:
    """A JSON object of bounded size and depth, with finite numbers; or InvalidRecord."""
    if len(text) > LONGEST:
        refuse(where, f"{len(text)} characters", f"at most {LONGEST} characters of JSON")
    if _depth(text) > DEEPEST:
        refuse(where, f"{_depth(text)} levels", f"JSON at most {DEEPEST} levels deep")
    try:
        found = json.loads(text, parse_int=_integer, parse_constant=_integer)
    except ValueError as error:
        refuse(where, "broken JSON", f"JSON ({str(error)[:80]})", error)
    if not isinstance(found, dict):
        refuse(where, type(found).__name__, "a JSON object")
    return found


def refuse(where: object, value: object, accepted: str, cause: Exception | None = None) -> NoReturn:
    """Raise InvalidRecord; `where` may hold a key that a picture says."""
    raise InvalidRecord(field=plain(where)[:_SHOWN], value=value, accepted=accepted) from cause


def plain(text: object) -> str:
    """Text on one line, safe to print: nothing in it steers a terminal or turns its direction."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in str(text)
    )


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise InvalidImage(field=plain(path), value=None, accepted="a PNG file")
    with path.open("rb") as file:
        # No more than there is: Python allocates what it is asked for. One more than is accepted,
        # so that it is told.
        return file.read(min(path.stat().st_size, LIMITS.bytes + 1))


def _text_names(content: bytes) -> Iterator[bytes]:
    """The keys of a PNG's text chunks; Pillow keeps the last of several and does not tell."""
    for chunk in png_chunks(content, longest=80):  # a key has at most 79 bytes
        if chunk.kind in (b"tEXt", b"zTXt", b"iTXt"):
            yield chunk.data.partition(b"\0")[0]


def _depth(text: str) -> int:
    """How deep the brackets outside of strings go."""
    depth = deepest = 0
    quoted = escaped = False
    for letter in text:
        if quoted:
            quoted = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            quoted = True
        elif letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError("an integer of too many digits")
    return int(digits)  # raises ValueError for NaN and Infinity, which are no JSON
