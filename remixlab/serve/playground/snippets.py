"""The same request for a shell, for Python and for the `remixlab` command, ready to paste.

Pictures stand in them as file names: the page knows what an upload is called, not where it lies.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from remixlab.serve.playground.settings import Settings

API_URL = "http://127.0.0.1:8000/v1/inference/remix"
_FIELDS = (
    "prompt",
    "negative_prompt",
    "outline_fidelity",
    "style_fidelity",
    "cfg_scale",
    "seed",
)


def as_curl(settings: Settings, *, url: str = API_URL) -> str:
    """A shell command that sends the request to the HTTP API.

    The pictures flow through a pipe, for a command line is too short for them; line breaks inside
    base64 are taken out, for JSON knows none.
    """
    if settings.ref_image is None:
        return "# The HTTP API needs a reference: choose one and make the picture again."
    product, reference = _files(settings)
    body = json.dumps(_fields(settings)).removesuffix("}")
    parts = [
        _printed(f'{body}, "product_image": "'),
        _base64(product),
        _printed('", "ref_image": "'),
        _base64(str(reference)),
        _printed('"}'),
    ]
    return "\n".join(
        [
            "{ " + ";\n  ".join(parts) + "; } |",
            f"curl --request POST --url {shlex.quote(url)} \\",
            '  --header "X-Photio-Key: $REMIXLAB_API_KEY" \\',
            "  --header 'Content-Type: application/json' \\",
            "  --data-binary @- --output answer.json",
        ]
    )


def as_python(settings: Settings, overrides: Sequence[str] = ()) -> str:
    """A Python script that makes the picture."""
    product, reference = _files(settings)
    given: dict[str, Any] = {"product_image": product, "ref_image": reference, **_fields(settings)}
    model, rest = split_model(overrides)
    loading = f"{model!r}, overrides={rest!r}" if rest else repr(model)
    return "\n".join(
        [
            "from remixlab import Remixer, RemixRequest",
            "",
            "request = RemixRequest(",
            *(f"    {name}={value!r}," for name, value in given.items()),
            ")",
            f"remixer = Remixer.from_config({loading})",
            'remixer.remix(request).save("remix.png")',
        ]
    )


def as_command(settings: Settings, overrides: Sequence[str] = ()) -> str:
    """A `remixlab remix` command that makes the picture."""
    product, reference = _files(settings)
    words = ["remixlab", "remix", "--product", product]
    words += ["--ref", reference] if reference else []
    for name, value in _fields(settings).items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join([*words, "--output", "remix.png", *overrides])


def split_model(overrides: Sequence[str]) -> tuple[str, list[str]]:
    """The suite's name out of `key=value` overrides, and the rest of them."""
    named = [o.partition("=")[2] for o in overrides if o.startswith("model=")]
    return (named or ["mini"])[-1], [o for o in overrides if not o.startswith("model=")]


def _fields(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in _FIELDS}


def _files(settings: Settings) -> tuple[str, str | None]:
    return settings.product_name, settings.reference_name


def _printed(text: str) -> str:
    return f"printf %s {shlex.quote(text)}"


def _base64(name: str) -> str:
    # A name that starts with a dash is no option after a redirection.
    return f"base64 < {shlex.quote(name)} | tr -d '\\n'"
