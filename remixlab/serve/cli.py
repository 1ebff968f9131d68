"""`remixlab serve`, `keys` and `playground`; what they need is imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from remixlab.errors import InvalidConfig
from remixlab.serve.playground.command import playground

_SERVE_HELP = """
Answer the Remix HTTP API on this machine: `POST /v1/inference/remix`.

Settings are `key=value` overrides, as for `remixlab remix`:

    remixlab serve model=realvisxl_lightning serve.port=9000

    remixlab serve serve.host=0.0.0.0 serve.allowed_hosts=[gpu.example.com]

    remixlab serve serve.allow_urls=true serve.queue=64 runtime.batch_size=4

Without API keys it listens on the loopback only. `remixlab keys add NAME` makes one.
"""
_FILE = Path("~/.config/remixlab/keys.json")
KeysFile = Annotated[Path, typer.Option("--file", help="As `serve.keys_file`.")]
keys = typer.Typer(no_args_is_help=True, help="API keys of `remixlab serve`: add, list, revoke.")


def register(app: typer.Typer) -> None:
    """Add the commands to `remixlab`."""
    app.command(help=_SERVE_HELP)(serve)
    app.add_typer(keys, name="keys")
    app.command()(playground)


def serve(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="`key=value` settings, see above.", show_default=False),
    ] = None,
    host: Annotated[str | None, typer.Option(help="The same as serve.host=...")] = None,
    port: Annotated[int | None, typer.Option(help="The same as serve.port=...")] = None,
) -> None:
    """See `_SERVE_HELP`."""
    from remixlab.serve.config import compose_server

    flags = {"serve.host": host, "serve.port": port}
    given = [f"{name}={value}" for name, value in flags.items() if value is not None]
    config = compose_server([*(overrides or []), *given])
    try:
        from remixlab.serve.run import run_server
    except ImportError as error:
        raise InvalidConfig(
            field="serve", value=error.name, accepted="first: pip install remixlab[serve]"
        ) from error
    run_server(config)


@keys.command()
def add(name: str, file: KeysFile = _FILE) -> None:
    """Make a key for NAME and print it, this once."""
    from remixlab.serve.auth import KeyFile, key_path

    print(KeyFile(key_path(file)).add(name))


@keys.command("list")
def list_keys(file: KeysFile = _FILE) -> None:
    """Names of the keys, when they were made, and the beginnings of their hashes."""
    from remixlab.serve.auth import KeyFile, key_path

    for key in KeyFile(key_path(file)).read():
        print(f"{key.name}  {key.created}  sha256 {key.sha256[:12]}")


@keys.command()
def revoke(name: str, file: KeysFile = _FILE) -> None:
    """Forget the key of NAME; a running server refuses it from then on."""
    from remixlab.serve.auth import KeyFile, key_path

    KeyFile(key_path(file)).revoke(name)
