"""What the jobs of one `--multirun` are called, so that each has a run folder of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

_IN_THE_FOLDER = ("name", "model", "out")  # a folder is OUT/NAME_MODEL already
_UNSAFE = re.compile(r"[^A-Za-z0-9_.,=-]")
_LONGEST = 80  # characters


def suffix(arguments: Sequence[str], job: Sequence[str]) -> str:
    """What to append to a job's name: the settings that the jobs differ in, `_steps=4`.

    Args:
        arguments: of the command line; those with several values are what the jobs differ in.
        job: the overrides of one job.

    Returns:
        "" where the jobs differ in name, model and folder only. Where a name cannot hold the
        settings as they were typed, they are cut and a hash of them stands behind.
    """
    typed = [text for text in arguments if "=" in text and not text.startswith("-")]
    varied = {o.key_or_group for o in _parsed(typed) if o.is_sweep_override()} - {*_IN_THE_FOLDER}
    own = {o.key_or_group: text for o, text in zip(_parsed(job), job, strict=True)}
    text = ",".join(text.lstrip("+") for key, text in own.items() if key in varied)
    plain = _UNSAFE.sub("-", text)[:_LONGEST]
    if plain != text:
        plain += "-" + hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"_{plain}" if plain else ""


def _parsed(overrides: Sequence[str]) -> list[Override]:
    return OverridesParser.create().parse_overrides(list(overrides))
