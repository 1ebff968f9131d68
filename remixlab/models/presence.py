"""Whether a suite's files are on this machine, without asking a hub or loading anything."""

from __future__ import annotations

from remixlab.errors import RemixError
from remixlab.models.parts import CLASSES, FOLDERS
from remixlab.models.sources import locate
from remixlab.models.spec import Source, SuiteSpec


def is_present(spec: SuiteSpec) -> bool:
    """True if every part of the suite has a weight file here."""
    try:
        return all(_has_weights(spec, part) for part in (*CLASSES, "vae", "ip_adapter"))
    except RemixError:
        return False


def _has_weights(spec: SuiteSpec, part: str) -> bool:
    source: Source | None = getattr(spec, part, None)
    located = locate(spec, part, source, FOLDERS.get(part, part), local_only=True)
    return located.file is not None or any(located.folder.glob("*.safetensors"))
