"""Which files a suite needs, and whether they are on this machine, without loading anything."""

from __future__ import annotations

from remixlab.errors import RemixError
from remixlab.models.parts import CLASSES, FOLDERS
from remixlab.models.single_file import CHECKPOINT_PARTS
from remixlab.models.sources import locate, resolve
from remixlab.models.spec import Source, SuiteSpec

CONFIGURATIONS = ("tokenizer", "tokenizer_2", "scheduler")  # folders without weights


def needed_sources(spec: SuiteSpec) -> dict[str, Source]:
    """Each part that is read from files, by name, and where from; none of random weights."""
    if spec.weights == "random":
        return {}
    given = {part: getattr(spec, part, None) for part in (*CLASSES, "vae", "ip_adapter")}
    needed = {}
    if spec.base.file is None:
        given |= dict.fromkeys(CONFIGURATIONS)
    else:  # one checkpoint holds these
        needed["base"] = spec.base
        given = {k: v for k, v in given.items() if v is not None or k not in CHECKPOINT_PARTS}
    if spec.lora is not None:
        given["lora"] = spec.lora
    for part, source in given.items():
        needed[part] = resolve(spec, source, FOLDERS.get(part, part))
    return needed


def missing_parts(spec: SuiteSpec) -> list[str]:
    """The parts whose files are not on this machine."""
    return [
        part for part, source in needed_sources(spec).items() if not _is_here(spec, part, source)
    ]


def _is_here(spec: SuiteSpec, part: str, source: Source) -> bool:
    try:
        located = locate(spec, part, source, source.subfolder or part, local_only=True)
    except RemixError:
        return False
    wanted = "*.json" if part in CONFIGURATIONS else "*.safetensors"
    return located.file is not None or any(located.folder.glob(wanted))
