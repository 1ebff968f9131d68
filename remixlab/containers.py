"""PNG, JPEG and WebP files without what says nothing about their pixels.

Viewers pass over metadata that is broken; Pillow refuses the whole picture. So nothing reaches it
but what decides how a picture looks, and of that only what is whole: a text that unfolds to
gigabytes, a resolution cut short or a checksum that is wrong costs nobody a picture. What holds the
pixels, transparency included, is never touched: where that is broken, the decoder says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_SOS, _COM = 0xDA, 0xFE  # JPEG markers: start of scan, comment
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_APPLICATION = range(0xE0, 0xF0)
_UNFOLDED = 2**20  # bytes; Pillow refuses pictures with a text of more
_RAW_EXIF = b"Raw profile type exif"


@dataclass(frozen=True)
class Chunk:
    """A PNG's chunk: where it starts, and where the next one would; `data` may be cut short."""

    kind: bytes
    data: bytes
    start: int
    end: int
    whole: bool


def pixels_only(content: bytes) -> bytes:
    """The file of the same picture without needless or broken metadata; other files as they are."""
    if content.startswith(_PNG):
        return _kept_png(content)
    if content.startswith(_JPEG):
        return _kept_jpeg(content)
    return _kept_webp(content) if _is_webp(content) else content


def is_picture(content: bytes) -> bool:
    """Whether a file begins as a PNG, a JPEG or a WebP does."""
    return content.startswith((_PNG, _JPEG)) or _is_webp(content)


def _is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def png_chunks(content: bytes, *, longest: int | None = None) -> Iterator[Chunk]:
    """The chunks of a PNG in their order, up to one that ends behind the file.

    Args:
        content: the file.
        longest: bytes of each chunk's data that are wanted; by default all.
    """
    position = len(_PNG)
    while position + 8 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        kind, start = content[position + 4 : position + 8], position + 8
        end = start + length + 4
        wanted = length if longest is None else min(length, longest)
        data = content[start : start + wanted]
        yield Chunk(kind, data, position, end, end <= len(content))
        position = end


def _kept_png(content: bytes) -> bytes:
    parts, start = [], 0
    for chunk in png_chunks(content):
        if not _keeps_chunk(content, chunk):
            parts.append(content[start : chunk.start])
            start = chunk.end
    return b"".join([*parts, content[start:]]) if start else content


def _keeps_chunk(content: bytes, chunk: Chunk) -> bool:
    """All that a decoder cannot do without, transparency, and colour and EXIF that are whole.

    The fifth bit of a kind's first letter marks what can be done without (PNG specification, 5.4).
    """
    if not chunk.kind.isalpha() or chunk.kind[:1].isupper() or chunk.kind == b"tRNS":
        return True
    is_sound = _SOUND.get(chunk.kind)
    if is_sound is None or not chunk.whole or not is_sound(chunk.data):
        return False
    checksum = int.from_bytes(content[chunk.end - 4 : chunk.end], "big")
    return zlib.crc32(chunk.kind + chunk.data) == checksum


def _is_profile(data: bytes) -> bool:
    name, _, rest = data.partition(b"\0")
    return bool(name) and rest[:1] == b"\0"  # the only compression there is


def _is_raw_exif(data: bytes) -> bool:
    """The EXIF of programs that are older than PNG's own chunk for it."""
    name, _, rest = data.partition(b"\0")
    if name != _RAW_EXIF or rest[:1] != b"\0":
        return False
    try:
        return len(zlib.decompressobj().decompress(rest[1:], _UNFOLDED + 1)) <= _UNFOLDED
    except zlib.error:
        return False


def _is_xmp(data: bytes) -> bool:
    """XMP may say how a picture is turned; it is never compressed (XMP part 3, 1.1.5)."""
    return data.startswith(b"XML:com.adobe.xmp\0\0\0")


_SOUND: dict[bytes, Callable[[bytes], bool]] = {
    b"iCCP": _is_profile,
    b"eXIf": bool,
    b"zTXt": _is_raw_exif,
    b"iTXt": _is_xmp,
    b"gAMA": lambda data: len(data) == 4,
    b"cHRM": lambda data: len(data) == 32,
    b"sRGB": lambda data: len(data) == 1,
    b"cICP": lambda data: len(data) == 4,
}


def _kept_jpeg(content: bytes) -> bytes:
    """The scans, and all in front of them that holds no metadata or sound metadata."""
    parts, position = [content[:2]], 2
    while content[position : position + 1] == b"\xff":
        marker = content[position + 1 : position + 2]
        if marker == b"\xff":  # a fill byte
            position += 1
            continue
        length = int.from_bytes(content[position + 2 : position + 4], "big")
        end = position + 2 + length
        if not marker or marker[0] in {_SOS, *_ALONE} or length < 2 or end > len(content):
            break
        if _keeps_segment(marker[0], content[position + 4 : end]):
            parts.append(content[position:end])
        position = end
    return b"".join([*parts, content[position:]])


def _keeps_segment(marker: int, data: bytes) -> bool:
    """What a decoder needs, and of the applications': JFIF, Adobe, EXIF, XMP and profiles.

    The first two say what the samples mean; libjpeg passes over them where they are shorter.
    """
    if marker not in _APPLICATION:
        return marker != _COM
    names = _APPLICATIONS.get(marker, {})
    return any(data.startswith(name) and len(data) >= least for name, least in names.items())


_APPLICATIONS: dict[int, dict[bytes, int]] = {
    0xE0: {b"JFIF\0": 14},
    0xE1: {b"Exif\0\0": 6, b"http://ns.adobe.com/xap/1.0/\0": 29},
    0xE2: {b"ICC_PROFILE\0": 14},
    0xEE: {b"Adobe": 12},
}


def _kept_webp(content: bytes) -> bytes:
    """Without metadata that is cut short, which libwebp takes for a broken picture."""
    position, last = 12, min(len(content), 8 + int.from_bytes(content[4:8], "little"))
    while position + 8 <= last:
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        end = position + 8 + length + length % 2
        if end > len(content) and content[position : position + 4] in (b"EXIF", b"XMP "):
            return b"RIFF" + (position - 8).to_bytes(4, "little") + content[8:position]
        position = end
    return content
