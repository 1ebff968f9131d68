"""The page: form and outputs side by side, and what happens on which event."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, TypeVar

import gradio as gr

from remixlab.request import RemixError
from remixlab.serve.playground import snippets, status
from remixlab.serve.playground.examples import Examples
from remixlab.serve.playground.form import Form, add_form
from remixlab.serve.playground.grid import Axis
from remixlab.serve.playground.history import Entry, forget, remember
from remixlab.serve.playground.output import GridTab, RemixTab, add_grid_tab, add_remix_tab
from remixlab.serve.playground.settings import Settings
from remixlab.serve.playground.streaming import Stopped
from remixlab.serve.playground.studio import Step, Studio

Updates = dict[Any, Any]
Result = TypeVar("Result")

# Gradio lets one event at a time through of all that name the model; these wait for nothing.
_MODEL: dict[str, Any] = {
    "concurrency_id": "model",
    "concurrency_limit": 1,
    "show_progress": "hidden",
    "api_visibility": "private",
}
_LIGHT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def build_page(studio: Studio, examples: Examples) -> gr.Blocks:
    """The page over `studio`, ready to be launched."""
    name = studio.remixer.suite.spec.name
    with gr.Blocks(title="remixlab", analytics_enabled=False, fill_width=True) as page:
        gr.Markdown(f"### remixlab playground · `{name}`, {studio.steps} steps")
        history = gr.State([], delete_callback=forget)
        with gr.Row():
            with gr.Column(scale=5, min_width=320):
                form = add_form(examples)
            with gr.Column(scale=6, min_width=320), gr.Tabs():
                with gr.Tab("remix"):
                    remix = add_remix_tab()
                with gr.Tab("X/Y grid"):
                    grid = add_grid_tab()
        Events(studio, form, remix, grid, history).connect()
    page.queue(default_concurrency_limit=1)
    return page


class Events:
    """What the page does; every method returns or yields new values by component."""

    def __init__(
        self, studio: Studio, form: Form, remix: RemixTab, grid: GridTab, history: gr.State
    ) -> None:
        self.studio = studio
        self.form, self.remix, self.grid, self.history = form, remix, grid, history

    def connect(self) -> None:
        """Tie the methods to the buttons."""
        remix, grid, form = self.remix, self.grid, self.form
        inputs = list(form.inputs.values())
        shown = [remix.status, remix.image, remix.details, remix.download, remix.pictures]
        shown += [remix.curl, remix.python, remix.command, remix.gallery, self.history]
        running = remix.run.click(self.make, [self.history, *inputs], shown, **_MODEL)
        axes = [grid.x_field, grid.x_values, grid.y_field, grid.y_values]
        drawing = grid.run.click(
            self.make_grid, [*axes, *inputs], [grid.status, grid.image], **_MODEL
        )
        for tab, event in ((remix, running), (grid, drawing)):
            stopping = tab.stop.click(None, cancels=[event], **_LIGHT)
            # Said afterwards: a step that was on its way may still arrive.
            stopping.then(lambda: status.STOPPED, None, tab.status, **_LIGHT)
        restored = [*inputs, *shown[:-1]]
        remix.gallery.select(self.restore, self.history, restored, **_LIGHT)
        form.dice.click(lambda: -1, None, form.inputs["seed"], **_LIGHT)
        form.reuse.click(self.last_seed, self.history, form.inputs["seed"], **_LIGHT)
        self._connect_placement()

    def _connect_placement(self) -> None:
        inputs = self.form.inputs
        names = ("product_image", "size", "scale", "padding", "horizontal", "vertical")
        gr.on(
            [inputs[name].change for name in names],
            self.frame,
            list(inputs.values()),
            [self.form.placement, self.form.framed],
            trigger_mode="always_last",
            **_LIGHT,
        )

    def make(self, history: list[Entry], *values: Any) -> Iterator[Updates]:
        """A remix: its steps, then all that there is to see of it."""
        entry = yield from _followed(self.studio.remix(Settings(*values)), self.remix)
        if entry is not None:
            kept = remember(history, entry)
            yield self.show(entry) | {self.history: kept, self.remix.gallery: _gallery(kept)}

    def make_grid(
        self, x_field: str, x_values: str, y_field: str, y_values: str, *values: Any
    ) -> Iterator[Updates]:
        """A grid: drawn anew whenever cells are finished."""
        x, y = Axis(x_field, x_values), Axis(y_field, y_values)
        file = yield from _followed(self.studio.grid(Settings(*values), x, y), self.grid)
        if file is not None:
            yield {self.grid.status: status.DONE, self.grid.image: str(file)}

    def show(self, entry: Entry) -> Updates:
        """Everything about one finished remix but the form."""
        remix, files = self.remix, entry.pictures
        overrides = self.studio.overrides
        image = str(files["image"])
        names = ("product", "mask", "outline", "background")
        return {
            remix.status: status.finished(entry),
            remix.image: image,
            remix.details: gr.Column(visible=True),
            remix.download: image,
            remix.pictures: [(str(files[name]), name) for name in names],
            remix.curl: snippets.as_curl(entry.settings),
            remix.python: snippets.as_python(entry.settings, overrides),
            remix.command: snippets.as_command(entry.settings, overrides),
        }

    def restore(self, event: gr.SelectData, history: list[Entry]) -> Updates:
        """The form and the result of the chosen entry of the history."""
        entry = history[event.index]
        inputs = self.form.inputs.values()
        return dict(zip(inputs, entry.settings.values(), strict=True)) | self.show(entry)

    def last_seed(self, history: list[Entry]) -> int:
        """The seed that the last remix used; -1 before there is one."""
        return history[0].settings.seed if history else -1

    def frame(self, *values: Any) -> Updates:
        """The product in its frame, or nothing to place."""
        settings = Settings(*values)
        placement, framed = self.form.placement, self.form.framed
        if not settings.size:
            return {placement: gr.Column(visible=False)}
        try:
            picture = settings.framed_product(self.studio.segmenter)
        except RemixError:  # said when the remix is asked for
            picture = None
        return {placement: gr.Column(visible=True), framed: picture}


def _followed(
    run: Generator[Step, None, Result], tab: RemixTab | GridTab
) -> Generator[Updates, None, Result | None]:
    """Progress, previews and errors of a run; returns its result where it has one.

    However the page leaves it, the run is closed and so stopped.
    """
    try:
        while True:
            step = next(run)
            preview = {tab.image: step.picture} if step.picture else {}
            yield {tab.status: status.running(step)} | preview
    except StopIteration as end:
        return end.value
    except Stopped:
        yield {tab.status: status.STOPPED}
    except status.TOLD_ERRORS as error:
        yield {tab.status: status.failed(error)}
    finally:
        run.close()
    return None


def _gallery(history: list[Entry]) -> Any:
    pictures = [(str(entry.pictures["image"]), entry.caption) for entry in history]
    return gr.Gallery(value=pictures, selected_index=None)
