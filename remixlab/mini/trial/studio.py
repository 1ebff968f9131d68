"""What every trial needs: the suite, the scorer, and products and references it has never seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from PIL import Image
from rich.progress import Progress

from remixlab import Remixer, RemixRequest, images
from remixlab.metrics.clip import Scorer
from remixlab.metrics.intervals import Interval
from remixlab.metrics.metric import Picture
from remixlab.mini.dataset import HELD_OUT
from remixlab.mini.render import render
from remixlab.mini.scenes import Scene, draw_scene, reference_of

SIDE = 512
AMONG = 8
"""References to a group, of which the true one should rank first."""
_FIRST = HELD_OUT + 1000


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was measured, what is wanted, and whether it holds.

    `raw` are the values behind `value`, one a picture or a pair of pictures.
    """

    what: str
    wanted: str
    value: Interval
    holds: bool
    raw: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Studio:
    """A suite with a scorer, and cut-outs (RGBA) to photograph."""

    remixer: Remixer
    scorer: Scorer
    products: Sequence[Image.Image]
    photographs: Sequence[Image.Image]
    progress: Progress

    def pictures(self, requests: Sequence[RemixRequest], about: str) -> list[Picture]:
        """Remix them all, a batch at a time."""
        size = self.remixer.config.runtime.batch_size
        parts = [requests[i : i + size] for i in range(0, len(requests), size)]
        made: list[Picture] = []
        for part in self.progress.track(parts, description=about):
            results = self.remixer.remix_batch(part)
            made += [Picture.of(*pair) for pair in zip(part, results, strict=True)]
        return made

    def product(self, number: int) -> Image.Image:
        """The cut-outs in turn."""
        return self.products[number % len(self.products)]


def held_out_scenes(count: int) -> list[Scene]:
    """Scenes in styles of the mini world that are those of no photograph."""
    scenes = (draw_scene(number) for number in range(_FIRST, HELD_OUT * 2))
    return list(islice((scene for scene in scenes if scene.style.crop is None), count))


def held_out_references(count: int) -> list[Image.Image]:
    """A reference in the style of each of the first `count` held-out scenes."""
    return references_of(held_out_scenes(count))


def references_of(scenes: Sequence[Scene]) -> list[Image.Image]:
    """A reference in the style of each scene."""
    pictures, _ = render([reference_of(scene) for scene in scenes], (384, 384))
    return [images.to_image(picture * 2 - 1) for picture in pictures]


def squared(picture: Image.Image) -> Image.Image:
    """A cut-out in the middle of a transparent square of `SIDE`."""
    longest = max(picture.size)
    square = Image.new("RGBA", (longest, longest))
    left, top = ((longest - side) // 2 for side in picture.size)
    square.paste(picture, (left, top))
    return images.resize(square, (SIDE, SIDE))
