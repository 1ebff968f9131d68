"""What the page's buttons do, without the page: one suite, run by one thread, one run at a time."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from remixlab import images
from remixlab.remix import Remixer
from remixlab.request import RemixRequest, RemixResult
from remixlab.serve.playground.grid import Axis, Grid, expand_grid
from remixlab.serve.playground.history import Entry, Shelf
from remixlab.serve.playground.preview import Preview
from remixlab.serve.playground.settings import Settings
from remixlab.serve.playground.streaming import Emit, Runner
from remixlab.sweep.run import batches, make, named

_PREVIEW_SIDE = 640  # pixels; the longest side of a preview


@dataclass(frozen=True)
class Step:
    """How far a run is: `done` of `total` steps, and what can be seen of it, if that changed."""

    done: int
    total: int
    picture: Image.Image | None = None


class Studio:
    """A loaded suite, the one thread that runs it, and the folder for what it makes."""

    def __init__(self, remixer: Remixer, folder: Path, *, overrides: Sequence[str] = ()) -> None:
        self.remixer = remixer
        self.overrides = list(overrides)
        self.shelf = Shelf(folder)
        self.steps = remixer.config.steps or remixer.suite.spec.steps
        self._preview = Preview.fit(remixer.suite, self.steps)
        self._runner = Runner()

    @property
    def segmenter(self) -> str:
        """How products are cut out."""
        return self.remixer.config.segmenter

    def remix(self, settings: Settings) -> Generator[Step, None, Entry]:
        """Make one remix; yields its steps, returns what is kept of it.

        Closing the generator stops the run at its next step. Raises RemixError on bad settings.
        """
        request = settings.request(self.segmenter)

        def work(emit: Emit[Step]) -> RemixResult:
            def on_step(step: int, steps: int, latents: Any) -> None:
                background = self._preview.picture(latents, step)
                emit(Step(step, steps, _laid_over(request.product, background)))

            emit(Step(0, self.steps))
            return self.remixer.remix(request, on_step=on_step)

        result = yield from self._runner.follow(work)
        return self.shelf.keep(settings, request, result)

    def grid(self, settings: Settings, x: Axis, y: Axis) -> Generator[Step, None, Path]:
        """Make a grid; yields its steps, the drawing whenever cells are finished, returns its file.

        Closing the generator stops the run at its next step. Raises RemixError on bad settings.
        """
        request = settings.request(self.segmenter)
        grid = expand_grid(settings.with_seed(request.seed), self._file(settings, request), x, y)

        def work(emit: Emit[Step]) -> Image.Image:
            return self._make_grid(grid, emit)

        drawing = yield from self._runner.follow(work)
        return self.shelf.write(self.shelf.next_name("grid"), drawing)

    def _make_grid(self, grid: Grid, emit: Emit[Step]) -> Image.Image:
        made: dict[Any, Image.Image] = {}
        total = len(grid.cells) * self.steps
        drawing = grid.draw(made)
        emit(Step(0, total, drawing))
        for part in batches(self.remixer, named(self.remixer, grid.cells)):
            before = len(made) * self.steps
            on_step = partial(_count_step, emit, before=before, size=len(part), total=total)
            for some in make(self.remixer, part, [], on_step=on_step):
                made |= {grid.key(one.row["values"]): one.pictures["image"] for one in some}
                drawing = grid.draw(made)
                emit(Step(len(made) * self.steps, total, drawing))
        return drawing

    def _file(self, settings: Settings, request: RemixRequest) -> str:
        """The product as a file: a sweep's axes name files."""
        if not settings.size and settings.product_image:
            return settings.product_image
        return str(self.shelf.write(self.shelf.next_name("product"), request.product))

    def close(self) -> None:
        """Stop what runs, and take no more."""
        self._runner.close()


def _count_step(
    emit: Emit[Step], step: int, _steps: int, _latents: Any, *, before: int, size: int, total: int
) -> None:
    """Emit a step that `size` cells take together, after `before` steps of others."""
    emit(Step(before + step * size, total))


def _laid_over(product: Image.Image, background: Image.Image) -> Image.Image:
    """A small picture of the product over the preview of its background."""
    size = images.reduced(product.size, _PREVIEW_SIDE)
    picture = background.resize(size, Image.Resampling.BICUBIC)
    if product.mode == "RGBA":
        small = images.resize(product, size)
        picture.paste(small, mask=small.getchannel("A"))
    return picture
