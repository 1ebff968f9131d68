"""What to tell people whose weights are missing: why, and the command that gets them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import cache

from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from remixlab.models.spec import PARTS, SuiteSpec

_KEYS = ("repo", "subfolder", "file", "variant", "revision")
_NO_ACCESS = (401, 403)


def where_to_get(spec: SuiteSpec, error: Exception) -> str:
    """What would have helped: the command, the size and licence, and what the libraries said."""
    size = f"{spec.download_gb:g} GB for the whole suite, " if spec.download_gb else ""
    command = fetch_command(spec)
    action = f"`{command}` downloads what is missing" if command else "download it"
    return (
        f"the file on this machine or on a hub that it can reach ({size}licence "
        f"{spec.licence}). {action} with network access and HF_HUB_OFFLINE unset; `remixlab "
        f"doctor` lists what is here. Or put a folder in the source's `repo`, or run "
        f"model.weights=random where only latency matters. Reason: {why(error)}"
    )


def why(error: Exception) -> str:
    """What the hub's client said, in one line, and in our words where it wants a token."""
    said = " ".join(str(error).split())[:300]
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, GatedRepoError):
        return f"its terms must be accepted on the hub, with the account of HF_TOKEN ({said})"
    if isinstance(error, RepositoryNotFoundError) or status in _NO_ACCESS:
        return (
            "the hub has no such repository, or shows it to accounts with access only: set "
            f"HF_TOKEN or run `hf auth login` ({said})"
        )
    if constants.HF_HUB_OFFLINE:
        return f"HF_HUB_OFFLINE is set and the cache does not hold it ({said})"
    return said


@cache
def fetch_command(spec: SuiteSpec) -> str | None:
    """`remixlab fetch SUITE` with the overrides that make it this suite; None if it is no file."""
    # Composing pulls Hydra in, which nobody should pay for whose weights are here.
    from remixlab.config import compose_config, config_folder

    if not (config_folder() / "model" / f"{spec.name}.yaml").is_file():
        return None
    shipped = SuiteSpec.from_config(compose_config([f"model={spec.name}"]).model)
    return shlex.join(["remixlab", "fetch", spec.name, *_differences(spec, shipped)])


def _differences(spec: SuiteSpec, shipped: SuiteSpec) -> Iterator[str]:
    for part in ("base", *PARTS):
        ours, theirs = getattr(spec, part), getattr(shipped, part)
        if ours is None and theirs is not None:
            yield f"model.{part}=null"
        for key in _KEYS if ours is not None else ():
            value = getattr(ours, key)
            if value != getattr(theirs, key, "main" if key == "revision" else None):
                yield f"model.{part}.{key}={'null' if value is None else value}"
