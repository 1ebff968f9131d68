"""Finds the files of a part: in a folder, on the hub or in the package.

The hub is asked for a snapshot of just the files that the part needs, so everything after this
module reads local folders, and the commit is known.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import chain
from pathlib import Path

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    HTTPError,  # of whichever client the installed version uses
    StrictDataclassError,
)
from safetensors import SafetensorError

from remixlab.errors import InvalidConfig, MissingWeights, RemixError
from remixlab.loopback import check_proxies
from remixlab.models.lora_settings import CONFIG, PEFT_FILE, with_settings
from remixlab.models.missing import where_to_get
from remixlab.models.spec import Source, SuiteSpec

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_CONFIGURATION = ("*.json", "*.txt")
_STEMS = ("model", "diffusion_pytorch_model")
# On files of another kind than they expect; an ImportError where a file names a package to use.
_LIBRARIES_RAISE = (
    ValueError,
    LookupError,
    RuntimeError,
    TypeError,
    AttributeError,
    ImportError,
    StrictDataclassError,  # a config.json with values of a wrong kind
)
_ENDINGS = (".safetensors", "-?????-of-?????.safetensors")


@dataclass(frozen=True)
class Origin:
    """Where a part came from: a name without local paths, and the files to hash.

    `files` is empty where `name` says all (a hub commit, a random seed).
    """

    name: str
    files: tuple[Path, ...] = ()

    def identity(self) -> str:
        """`name`, with the SHA-256 over the files where there are any to hash."""
        if not self.files:
            return self.name
        digest = hashlib.sha256()
        for path in self.files:
            with path.open("rb") as file:
                while block := file.read(1 << 22):
                    digest.update(block)
        return f"{self.name} sha256:{digest.hexdigest()}"


@dataclass(frozen=True)
class Located:
    """A part on this machine: `folder` in diffusers' layout, or one `file` in it."""

    folder: Path
    file: Path | None
    variant: str | None
    origin: Origin


def architecture_folder(name: str) -> Path:
    """The folder of configurations behind `architecture`: ours by name, or any folder.

    Raises:
        InvalidConfig: there is no such architecture.
    """
    package = Path(str(files("remixlab")))
    shipped = package / "models" / "architectures"
    for folder in (shipped / name, package / name / "weights", Path(name)):
        if (folder / "unet" / "config.json").is_file():
            return folder
    names = sorted(path.name for path in shipped.iterdir() if path.is_dir())
    raise InvalidConfig(
        field="model.architecture",
        value=name,
        accepted=f"mini (when its weights are installed), {', '.join(names)} or a folder with "
        "unet/config.json, vae/config.json and so on",
    )


def locate(
    spec: SuiteSpec, part: str, source: Source | None, default: str, *, local_only: bool = False
) -> Located:
    """The files of one part, fetched from the hub where that is their place.

    Args:
        spec: the suite, for its base and for messages.
        part: the part's name, for messages.
        source: where the config puts the part; None: in the base.
        default: the part's folder in the base's layout.
        local_only: look no further than this machine.

    Raises:
        MissingWeights: they are not on this machine and cannot be fetched.
        InvalidConfig: `source.repo` is neither a folder nor a hub id.
    """
    source = resolve(spec, source, default)
    with explain_missing(spec, part, source):
        return _locate(spec, source, local_only)


def resolve(spec: SuiteSpec, source: Source | None, default: str) -> Source:
    """Where a part is read from, `default` being its folder where that is in the base."""
    source = source or Source()
    if source.repo is not None or _is_path(source.file):
        return source
    return replace(
        spec.base,
        subfolder=source.subfolder or default,
        file=source.file,
        variant=source.variant or spec.base.variant,
    )


def is_on_hub(source: Source) -> bool:
    """True if `source.repo` is an id on the hub; a folder of that name goes first."""
    return bool(source.repo and not Path(source.repo).is_dir() and _HUB_ID.fullmatch(source.repo))


def hub_patterns(source: Source) -> tuple[list[str], list[str]]:
    """What to ask the hub for, configurations and weights.

    A repository often holds the same weights five times over.
    """
    prefix = f"{source.subfolder}/" if source.subfolder else ""
    if source.file:
        beside = [prefix + CONFIG] if source.file == PEFT_FILE else []
        return beside, [prefix + source.file]
    return (
        [prefix + name for name in _CONFIGURATION],
        [prefix + name for name in _weights(source.variant)],
    )


def _is_path(file: str | None) -> bool:
    return file is not None and Path(file).is_file()


@contextmanager
def explain_missing(spec: SuiteSpec, part: str, source: Source | Path) -> Iterator[None]:
    """Turns the libraries' ways of saying what is wrong with weights into our own two.

    Raises:
        MissingWeights: they are absent, unreadable or out of reach.
        InvalidConfig: they are there and belong to another architecture.
    """
    try:
        yield
    except RemixError:
        raise
    except (OSError, SafetensorError, HTTPError) as error:
        raise MissingWeights(
            field=f"{part} of suite {spec.name}",
            value=source.name if isinstance(source, Path) else label(source),
            accepted=where_to_get(spec, error),
        ) from error
    except _LIBRARIES_RAISE as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InvalidConfig(
            field=f"{part} of suite {spec.name}",
            value=source.name if isinstance(source, Path) else label(source),
            accepted=f"weights that fit the part's configuration ({reason})",
        ) from error


def _locate(spec: SuiteSpec, source: Source, local_only: bool) -> Located:
    if source.repo is None and _is_path(source.file):
        path = Path(source.file or "")
        return Located(path.parent, path, None, Origin(path.name, (*with_settings(path),)))
    if source.repo is None:
        folder = architecture_folder(spec.architecture)
        return _local(folder, source, f"package:{Path(spec.architecture).name}")
    if Path(source.repo).is_dir():
        return _local(Path(source.repo), source, Path(source.repo).resolve().name)
    if not is_on_hub(source):
        raise FileNotFoundError(f"no folder {source.repo}, and no hub id (owner/name) either")
    if not local_only and not constants.HF_HUB_OFFLINE:
        check_proxies()
    folder = snapshot_download(
        source.repo,
        revision=source.revision,
        allow_patterns=[*chain(*hub_patterns(source))],
        local_files_only=local_only,
    )
    return _local(Path(folder), source, f"{source.repo}@{Path(folder).name}", hub=True)


def _local(root: Path, source: Source, name: str, *, hub: bool = False) -> Located:
    folder = root / (source.subfolder or "")
    file = folder / source.file if source.file else None
    if file is not None and not file.is_file():
        raise FileNotFoundError(f"no file {source.file} in {source.subfolder or 'its root'}")
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {source.subfolder}")
    inside = "/".join(part for part in (source.subfolder, source.file) if part)
    names = _weights(source.variant)
    # Configurations too: they decide as much, and are all that tokenizers and samplers have.
    told = (
        with_settings(file)
        if file
        else sorted(p for n in (*_CONFIGURATION, *names) for p in folder.glob(n))
    )
    origin = Origin(f"{name}/{inside}".rstrip("/"), () if hub else tuple(told))
    return Located(folder, file, source.variant, origin)


def _weights(variant: str | None) -> list[str]:
    infix = f".{variant}" if variant else ""
    return [f"{stem}{infix}{end}" for stem in _STEMS for end in _ENDINGS]


def label(source: Source) -> str:
    """Repository, revision and file, for messages."""
    inside = "/".join(part for part in (source.subfolder, source.file) if part)
    repo = source.repo or "the package"
    revision = f"@{source.revision}" if source.repo and not os.path.isdir(source.repo) else ""
    return f"{repo}{revision} {inside}".strip()
