"""Whether downloaded files are what the hub has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from remixlab.fetch.plan import HubFile

_BLOCK = 1 << 22


def is_intact(path: Path, file: HubFile, advance: Callable[[int], object]) -> bool:
    """True if `path` has the size and hash of `file`.

    `advance` is told the bytes read, in blocks; a file of another size is not read.
    """
    if path.stat().st_size != file.size:
        return False
    # Git hashes a header before the content; large files carry a plain SHA-256.
    digest = hashlib.sha1(b"blob %d\0" % file.size) if file.in_git else hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest() == file.digest.lower()
