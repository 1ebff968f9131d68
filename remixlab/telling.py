"""What commands and scripts say where something is wrong: one line, and exit status 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from remixlab.errors import RemixError


@contextmanager
def one_line(*, kept: str = "") -> Iterator[None]:
    """End the process with one line on standard error for errors of ours and of the system.

    `kept` is added to what the system refused, such as a full disk: what is not lost.
    """
    try:
        yield
    except RemixError as error:
        _stop(str(error))
    except OSError as error:
        _stop("; ".join(filter(None, (_reason(error), kept))), error)


def _reason(error: OSError) -> str:
    """The file and the reason, on one line, where the system said both."""
    said = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else ""
    return " ".join((said or str(error) or type(error).__name__).split())


def _stop(text: str, error: OSError | None = None) -> None:
    # Escaped: `remixlab[rembg]` in a message is no markup. Not wrapped: commands can be copied.
    console = Console(stderr=True)
    console.print(f"[red]error:[/] {escape(text)}", highlight=False, soft_wrap=True)
    raise SystemExit(2) from error
