"""What the jobs of one `--multirun` are called, so that each has a run folder of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser

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
    parsed = OverridesParser.create().parse_overrides(typed)
    varied = {o.key_or_group for o in parsed if o.is_sweep_override()} - {*_IN_THE_FOLDER}
    own = OverridesParser.create().parse_overrides(list(job))
    told = [
        f"{o.key_or_group}={o.get_value_element_as_str()}" for o in own if o.key_or_group in varied
    ]
    text = ",".join(told)
    plain = _UNSAFE.sub("-", text)[:_LONGEST]
    if plain != text:
        plain += "-" + hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"_{plain}" if plain else ""
