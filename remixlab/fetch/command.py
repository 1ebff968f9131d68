"""`remixlab fetch`, without what it needs: `remixlab --help` is not to wait for torch."""

from __future__ import annotations

from typing import Annotated

import typer


def fetch(
    suite: Annotated[str, typer.Argument(help="A suite: the NAME of `model=NAME`.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="`key=value` settings of the suite, such as `model/controlnet=diffusers`.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Download without asking.")] = False,
) -> None:
    """Download what a suite needs from the hub, and check it.

    Says first which files, how large and under which licence. HF_HOME, HF_ENDPOINT (a mirror),
    HF_TOKEN and HF_HUB_OFFLINE (checks what is here) count. Run again after it stopped, it
    skips the files that are whole.
    """
    from rich.console import Console

    from remixlab.fetch.run import fetch_suite

    def agree(question: str) -> bool:
        return yes or typer.confirm(question)

    if not fetch_suite(suite, overrides or [], console=Console(), agree=agree):
        raise typer.Exit(1)
