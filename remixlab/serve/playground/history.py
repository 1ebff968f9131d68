"""What was made in a session: pictures on disk, and the settings that bring each of them back."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path

from PIL import Image

from remixlab import images
from remixlab.files import write_whole
from remixlab.request import RemixRequest, RemixResult
from remixlab.serve.playground.settings import Settings

LONGEST = 60  # entries that a session keeps


@dataclass(frozen=True)
class Entry:
    """One finished remix.

    Attributes:
        settings: the form's values, with the seed that was used.
        pictures: files by name: `image` (with metadata), `product` (as framed), `mask`,
            `outline`, `background`.
        size: width and height of the picture.
        timings: seconds by stage.
        warnings: as the result had them.
    """

    settings: Settings
    pictures: dict[str, Path]
    size: tuple[int, int]
    timings: dict[str, float]
    warnings: tuple[str, ...]

    @property
    def caption(self) -> str:
        """What tells it from its neighbours."""
        made = self.settings
        dials = f"outline {made.outline_fidelity:g}, style {made.style_fidelity:g}"
        return f"seed {made.seed}, {dials}, cfg {made.cfg_scale:g}"


class Shelf:
    """A folder that finished remixes are written to, under names that nobody else chooses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)

    def keep(self, settings: Settings, request: RemixRequest, result: RemixResult) -> Entry:
        """Write the pictures of `result`, which `request` and so `settings` led to."""
        stem = f"remix_{next(self._numbers):04}_seed_{result.seed}"
        files = {"image": self.folder / f"{stem}.png"}
        result.save(files["image"])
        others = {
            "product": request.product,
            "mask": result.mask,
            "outline": result.outline,
            "background": result.background,
        }
        for name, picture in others.items():
            files[name] = self.write(f"{stem}_{name}", picture)
        return Entry(
            settings.with_seed(result.seed),
            files,
            result.image.size,
            dict(result.timings),
            tuple(result.warnings),
        )

    def write(self, stem: str, picture: Image.Image) -> Path:
        """Write one picture as a PNG; returns its path."""
        path = self.folder / f"{stem}.png"
        write_whole(path, images.encode_png(picture))
        return path

    def next_name(self, kind: str) -> str:
        """A file name, without its ending, that was not given before."""
        return f"{kind}_{next(self._numbers):04}"


def remember(history: list[Entry], entry: Entry) -> list[Entry]:
    """The history with `entry` in front; what is too old is deleted."""
    forget(history[LONGEST - 1 :])
    return [entry, *history[: LONGEST - 1]]


def forget(history: list[Entry]) -> None:
    """Delete the pictures of some entries."""
    for entry in history:
        for path in entry.pictures.values():
            path.unlink(missing_ok=True)
