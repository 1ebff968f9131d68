"""The right column: the run's buttons, what came of it, and the X/Y grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from remixlab.serve.playground.grid import AXES


@dataclass(frozen=True)
class RemixTab:
    """One picture: made, looked at, taken along."""

    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    image: gr.Image
    details: gr.Column
    download: gr.DownloadButton
    pictures: gr.Gallery
    curl: gr.Code
    python: gr.Code
    command: gr.Code
    gallery: gr.Gallery


@dataclass(frozen=True)
class GridTab:
    """Many pictures along two axes."""

    x_field: gr.Dropdown
    x_values: gr.Textbox
    y_field: gr.Dropdown
    y_values: gr.Textbox
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    image: gr.Image


def add_remix_tab() -> RemixTab:
    """Add the tab's components to the page being built."""
    run, stop, status = _add_run("remix", "Remix")
    image = gr.Image(
        show_label=False,
        format="webp",  # previews; a result comes as the PNG that it is
        image_mode=None,
        interactive=False,
        buttons=["fullscreen"],
        elem_id="result",
    )
    with gr.Column(visible=False) as details:
        download = gr.DownloadButton("download the PNG with its metadata", elem_id="download")
        with gr.Tabs():
            with gr.Tab("pictures"):
                pictures = _add_gallery("pictures", None, columns=4, preview=True)
            curl = _add_code("curl", "shell")
            python = _add_code("Python", "python")
            command = _add_code("command", "shell")
        label = "history: choose one to bring its settings back"
        gallery = _add_gallery("history", label, columns=6, preview=False)
    return RemixTab(
        run=run,
        stop=stop,
        status=status,
        image=image,
        details=details,
        download=download,
        pictures=pictures,
        curl=curl,
        python=python,
        command=command,
        gallery=gallery,
    )


def add_grid_tab() -> GridTab:
    """Add the tab's components to the page being built."""
    gr.Markdown(
        "All that is not on an axis is as in the form. "
        "Values as `0, 0.5, 1` or `start:stop:step`, both ends included."
    )
    x_field, x_values = _add_axis("x", list(AXES), "style_fidelity", "0, 0.7, 1.4")
    y_field, y_values = _add_axis("y", ["", *AXES], "outline_fidelity", "0:2:1")
    run, stop, status = _add_run("grid", "Make the grid")
    image = gr.Image(
        show_label=False,
        format="webp",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="grid",
    )
    return GridTab(x_field, x_values, y_field, y_values, run, stop, status, image)


def _add_run(name: str, words: str) -> tuple[gr.Button, gr.Button, gr.HTML]:
    with gr.Row():
        run = gr.Button(words, variant="primary", scale=3, min_width=120, elem_id=f"run_{name}")
        stop = gr.Button("Stop", variant="stop", scale=1, min_width=80, elem_id=f"stop_{name}")
    return run, stop, gr.HTML(elem_id=f"status_{name}")


def _add_gallery(name: str, label: str | None, *, columns: int, preview: bool) -> gr.Gallery:
    return gr.Gallery(
        label=label,
        show_label=label is not None,
        format="png",
        columns=columns,
        fit_columns=False,
        height="auto",
        object_fit="contain",
        allow_preview=preview,
        interactive=False,
        buttons=["fullscreen"] if preview else [],
        elem_id=name,
    )


def _add_code(name: str, language: Any) -> gr.Code:
    with gr.Tab(name):
        return gr.Code(
            language=language,
            label=f"copy as {name}",
            interactive=False,
            wrap_lines=True,
            show_line_numbers=False,
            buttons=["copy"],
            elem_id=name.lower(),
        )


def _add_axis(
    name: str, fields: list[str], field: str, values: str
) -> tuple[gr.Dropdown, gr.Textbox]:
    with gr.Row():
        chosen = gr.Dropdown(
            [(entry or "none", entry) for entry in fields],
            value=field,
            label=f"{name} axis",
            filterable=False,
            min_width=170,
            elem_id=f"{name}_field",
        )
        typed = gr.Textbox(values, label=f"{name} values", min_width=170, elem_id=f"{name}_values")
    return chosen, typed
