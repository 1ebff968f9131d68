"""`remixlab playground`, without what it needs: `remixlab --help` is not to wait for Gradio."""

from __future__ import annotations

from typing import Annotated

import typer


def playground(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="`key=value` settings, as of `remixlab remix`.", show_default=False),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; other than loopback asks for a password.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help="Port; default: the first free one from 7860.")
    ] = None,
    open: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Open a page to try products, references and dials on (extra `playground`)."""
    from remixlab.serve.playground.launch import serve

    serve(overrides or [], host=host, port=port, open=open)
