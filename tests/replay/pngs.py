"""PNG files with the text that a test wants in them, whatever it is."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

PICTURE = Image.new("RGB", (4, 4), (1, 2, 3))


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk: length, kind, body, checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes, behind: bool = False) -> bytes:
    """A small picture with these chunks in front of its pixels, or behind them."""
    buffer = io.BytesIO()
    PICTURE.save(buffer, format="PNG")
    content = buffer.getvalue()
    place = content.index(b"IEND" if behind else b"IDAT") - 4
    return content[:place] + b"".join(chunks) + content[place:]


def text(body: bytes, key: bytes = b"remixlab") -> bytes:
    """A tEXt chunk."""
    return chunk(b"tEXt", key + b"\0" + body)


def compressed(body: bytes, key: bytes = b"remixlab") -> bytes:
    """A zTXt chunk."""
    return chunk(b"zTXt", key + b"\0\0" + zlib.compress(body, 9))


def international(body: bytes, key: bytes = b"remixlab") -> bytes:
    """A compressed iTXt chunk."""
    return chunk(b"iTXt", key + b"\0\1\0\0\0" + zlib.compress(body, 9))


def rewritten(source: Path, target: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """A copy of a PNG of ours whose metadata `change` edits, or replaces by what it returns."""
    with Image.open(source) as picture:
        told = dict(picture.text)  # pyright: ignore[reportAttributeAccessIssue]
        described = json.loads(told["remixlab"])
        described = change(described) or described
        info = PngImagePlugin.PngInfo()
        for key, value in (told | {"remixlab": json.dumps(described)}).items():
            info.add_text(key, value)
        picture.save(target, pnginfo=info)
    return target


def put(tree: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set what lies at `path`."""
    for name in path[:-1]:
        tree = tree[name]
    tree[path[-1]] = value
