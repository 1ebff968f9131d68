"""The pictures of a run as data URLs, small enough that a page can carry them all."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path

from remixlab import images
from remixlab.errors import RemixError
from remixlab.sweep.report.contents import Cell

LARGEST, SMALLEST = 384, 96  # pixels a side
_FULL_SIZE = 300  # pictures up to which they keep the largest side; some 30 kB each
_QUALITY = 80


def side_for(count: int) -> int:
    """The longest side that `count` pictures are reduced to: the page's size stays about level."""
    shrunk = LARGEST * math.sqrt(_FULL_SIZE / max(count, _FULL_SIZE))
    return max(SMALLEST, int(shrunk))


def path_of(folder: Path, cell: Cell) -> Path:
    """Where a cell's finished picture lies, lossless."""
    return folder / "images" / f"{cell.id}_image.png"


def data_url(path: Path, side: int) -> str | None:
    """A picture as WebP of at most `side` pixels a side; None where it cannot be read.

    One broken file is a gap in the report and no reason to have none.
    """
    try:
        picture = images.flatten(images.decode(path, field="report"))
    except (RemixError, OSError):
        return None
    picture = images.resize(picture, images.reduced(picture.size, side))
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
