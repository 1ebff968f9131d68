"""Serving the page: on loopback, without telemetry, and with nothing from other hosts in it."""

from __future__ import annotations

import os
import secrets
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from remixlab.config import compose_config
from remixlab.errors import InvalidConfig
from remixlab.images import DEFAULT_LIMITS
from remixlab.loopback import bypass_proxies, check_proxies, is_loopback
from remixlab.remix import Remixer
from remixlab.serve.listening import bound

USER = "remixlab"
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def require_gradio() -> None:
    """Import Gradio, quietly: it reads its environment when it is imported.

    Raises:
        InvalidConfig: it is not installed, or a proxy of the environment, which it reads too,
            cannot be used.
    """
    check_proxies()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        accepted = "this command after `pip install remixlab[playground]`"
        raise InvalidConfig(field="playground", value="no Gradio", accepted=accepted) from error


def serve(
    overrides: Sequence[str], *, host: str = "127.0.0.1", port: int | None = None, open: bool = True
) -> None:
    """Load the suite and serve the page until it is interrupted.

    Args:
        overrides: `key=value` settings.
        host: the address to listen on; on another than loopback a password is drawn and printed.
        port: None takes the first free one from 7860.
        open: open the page in the browser.

    Raises:
        InvalidConfig: Gradio is missing, an override is wrong, or the host or port cannot be had.
        MissingWeights: the suite's files are not here and cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="remixlab-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # all that is uploaded or made goes with the page
        bypass_proxies(host)  # Gradio asks its own page whether it is there
        require_gradio()
        with bound(host, port or 0, fields=("--host", "--port")):
            pass  # known before the suite is loaded; Gradio makes a socket of its own
        from transformers.utils.logging import disable_progress_bar

        from remixlab.serve.playground.examples import find_examples
        from remixlab.serve.playground.page import build_page
        from remixlab.serve.playground.studio import Studio

        disable_progress_bar()
        remixer = Remixer.from_settings(compose_config(overrides))
        studio = Studio(remixer, Path(folder), overrides=overrides)
        page = build_page(studio, find_examples())
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended as by Ctrl+C
        try:
            options = launch_options(host, port)
            _, url, _ = page.launch(**options, inbrowser=open, prevent_thread_lock=True)
            print(f"{url} (Ctrl+C ends it)", flush=True)
            page.block_thread()
        except OSError as error:
            accepted = f"a free port of {host} ({error})"
            raise InvalidConfig(field="--port", value=port, accepted=accepted) from error
        finally:
            studio.close()


def launch_options(host: str, port: int | None) -> dict[str, Any]:
    """What `gr.Blocks.launch` is told: who may ask, from where, and how the page looks."""
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    options: dict[str, Any] = {
        "server_name": host,
        "server_port": port,
        "quiet": True,
        "share": False,
        "ssr_mode": False,
        "run_history": False,
        "footer_links": [],
        "max_file_size": DEFAULT_LIMITS.bytes,
        "theme": _theme(),
        "css_paths": Path(__file__).with_name("page.css"),
    }
    if is_loopback(host):
        # Against pages that let their own host name point at this machine.
        guard = Middleware(TrustedHostMiddleware, allowed_hosts=[*_LOOPBACK, host])
        return options | {"app_kwargs": {"middleware": [guard]}}
    password = secrets.token_urlsafe(12)
    print(f"{host} can be reached by others: user {USER}, password {password}")
    return options | {"auth": (USER, password)}


def _theme() -> Any:
    """Gradio's own, with the system's fonts and explanations dark enough to read."""
    import gradio as gr

    theme = gr.themes.Default(
        font=["Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"],
        font_mono=["Menlo", "Consolas", "monospace"],
    )
    return theme.set(block_info_text_color="*neutral_500", body_text_color_subdued="*neutral_500")
