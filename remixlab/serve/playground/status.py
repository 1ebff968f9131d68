"""The line below a run's buttons, as HTML: how far it is, what came of it, or what is wrong.

All text that somebody typed, or that an error repeats, is escaped.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import torch

from remixlab.errors import RemixError
from remixlab.serve.playground.history import Entry
from remixlab.serve.playground.studio import Step

STOPPED = '<p class="state">stopped</p>'
DONE = '<p class="state">done</p>'
TOLD_ERRORS = (RemixError, torch.OutOfMemoryError, MemoryError)
"""The errors that a person at the page can do something about."""


def running(step: Step) -> str:
    """A progress bar and what it counts."""
    words = "waiting for the model" if step.done == 0 else f"step {step.done} of {step.total}"
    if step.done == step.total:
        words = "finishing"
    bar = f'<progress value="{step.done}" max="{step.total}"></progress>'
    return f'<p class="progress">{bar} {words}</p>'


def finished(entry: Entry) -> str:
    """Seed, size, times by stage and warnings of a finished remix."""
    total = sum(entry.timings.values())
    stages = ", ".join(f"{name} {s:.2f}" for name, s in entry.timings.items() if s >= 0.005)
    width, height = entry.size
    parts = [
        f'<p class="state"><b>seed <span class="seed">{entry.settings.seed}</span></b>, '
        f"{width}x{height}, {total:.1f} s</p>",
        f'<p class="small">seconds: {escape(stages)}</p>',
    ]
    parts += [f'<p class="warning">warning: {escape(text)}</p>' for text in entry.warnings]
    return "".join(parts)


def failed(error: BaseException) -> str:
    """What is wrong, with the field's name and what is accepted."""
    if isinstance(error, RemixError):
        got = f" got {escape(_shown(error))};" if error.value is not None else ""
        text = f"<b>{escape(error.field)}</b>:{got} accepted: {escape(error.accepted)}"
    else:
        text = "<b>out of memory</b>: choose a smaller size, or fewer cells"
    return f'<p class="error" role="alert">{text}</p>'


def _shown(error: RemixError) -> str:
    """The wrong value, shortened; a picture by its name, whatever folder holds the upload."""
    if error.field in ("product_image", "ref_image"):
        return Path(str(error.value)).name
    return repr(error.value)[:80]
