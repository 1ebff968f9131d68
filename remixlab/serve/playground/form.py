"""The left column: everything that decides what a picture looks like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from remixlab.fields import LARGEST
from remixlab.request import SIZES
from remixlab.serve.playground.examples import Examples
from remixlab.serve.playground.placement import LARGEST_PADDING
from remixlab.serve.playground.settings import Settings

_DICE = Path(__file__).with_name("dice.svg")
_HINTS = {
    "product_image": "What stays as it is: cut out, with alpha.",
    "ref_image": "Whose style is followed; may be left out.",
}


@dataclass(frozen=True)
class Form:
    """The column's components: `inputs` by the names of `Settings`, in its order."""

    inputs: dict[str, Any]
    dice: gr.Button
    reuse: gr.Button
    placement: gr.Column
    framed: gr.Image


def add_form(examples: Examples) -> Form:
    """Add the column to the page being built."""
    first = examples.first
    found: dict[str, Any] = {}
    with gr.Row():
        found["product_image"] = _picture("product_image", first, examples.products)
        found["ref_image"] = _picture("ref_image", first, examples.references)
    found["prompt"] = _text("prompt", first, "What the picture shows.")
    dice, reuse = _add_dials(found, first)
    placement, framed = _add_placement(found, first)
    info = "What it must not show. Empty means this default, a single space nothing."
    found["negative_prompt"] = _text("negative_prompt", first, info)
    inputs = {name: found[name] for name in Settings.names()}
    return Form(inputs, dice, reuse, placement, framed)


def _text(name: str, first: Settings, info: str) -> gr.Textbox:
    return gr.Textbox(getattr(first, name), label=name, lines=2, info=info, elem_id=name)


def _picture(name: str, first: Settings, files: list[str]) -> gr.Image:
    with gr.Column(min_width=150):
        picture = gr.Image(
            getattr(first, name),
            label=name,
            sources=["upload", "clipboard"],
            type="filepath",
            image_mode=None,
            height=230,
            buttons=[],
            elem_id=name,
        )
        # Gradio would open the file first, in any format and without limits; only `images.decode`
        # is to read it. (A subclass would be tidier, but Gradio writes a stub beside its module.)
        picture.preprocess = _path
        gr.HTML(_HINTS[name], elem_classes="hint")
        if files:
            _add_examples(name, files, picture)
    return picture


def _add_examples(name: str, files: list[str], picture: gr.Image) -> None:
    # gr.Examples would make the picture anew when one is chosen, with its own way to read files.
    examples = gr.Dataset(
        components=[gr.Image(render=False, image_mode=None)],
        samples=[[file] for file in files],
        samples_per_page=len(files),
        type="index",
        label="examples",
        elem_id=f"{name}_examples",
    )
    examples.click(
        lambda number: files[number],
        examples,
        picture,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


def _path(payload: ImageData | None) -> str | None:
    return payload.path if payload else None


def _add_dials(found: dict[str, Any], first: Settings) -> tuple[gr.Button, gr.Button]:
    dials = {
        "outline_fidelity": "How firmly the product's outline holds; 0 leaves it out.",
        "style_fidelity": "How closely the reference is followed; 0 leaves it out.",
        "cfg_scale": "How strongly the prompt steers; at 1 or below not at all.",
    }
    with gr.Row():
        for name in ("outline_fidelity", "style_fidelity"):
            found[name] = _slider(name, first, (0, LARGEST[name], dials[name]), step=0.05)
    with gr.Row():
        guidance = (0, LARGEST["cfg_scale"], dials["cfg_scale"])
        found["cfg_scale"] = _slider("cfg_scale", first, guidance, step=0.05)
        with gr.Column(min_width=200):
            info = "1 to 4294967296; -1 draws one each time."
            found["seed"] = gr.Number(first.seed, label="seed", info=info, elem_id="seed")
            with gr.Row(equal_height=True):
                dice = gr.Button("draw one", icon=_DICE, size="sm", elem_id="dice", min_width=80)
                reuse = gr.Button("use the last", size="sm", elem_id="reuse", min_width=80)
    return dice, reuse


def _add_placement(found: dict[str, Any], first: Settings) -> tuple[gr.Column, gr.Image]:
    choices = [("as the product is", "")]
    choices += [(f"{s.name} {s.ratio}, {s.width}x{s.height}", s.tag) for s in SIZES.values()]
    info = "Any other choice cuts the product to what is seen of it and places it anew."
    found["size"] = gr.Dropdown(
        choices, value=first.size, label="size", info=info, elem_id="size", filterable=False
    )
    shares = {
        "scale": (0.05, 1, "Of the largest that fits."),
        "padding": (0, LARGEST_PADDING, "Free border, of the shorter side."),
        "horizontal": (0, 1, "0 is left, 1 is right."),
        "vertical": (0, 1, "0 is top, 1 is bottom."),
    }
    with gr.Column(visible=bool(first.size)) as placement:
        framed = gr.Image(
            label="the product in its frame",
            format="png",
            image_mode=None,
            interactive=False,
            height=240,
            buttons=["download"],
            elem_id="framed",
        )
        for pair in (("scale", "padding"), ("horizontal", "vertical")):
            with gr.Row():
                for name in pair:
                    found[name] = _slider(name, first, shares[name], step=0.01)
    return placement, framed


def _slider(
    name: str, first: Settings, what: tuple[float, float, str], *, step: float
) -> gr.Slider:
    low, high, info = what
    return gr.Slider(
        low,
        high,
        getattr(first, name),
        step=step,
        label=name,
        info=info,
        elem_id=name,
        min_width=200,
    )
