"""A server from its settings to its end, over uvicorn."""

from __future__ import annotations

import socket

import structlog
import uvicorn
from transformers.utils.logging import disable_progress_bar

from remixlab.errors import InvalidConfig
from remixlab.loopback import is_loopback
from remixlab.remix import Remixer
from remixlab.serve.app import create_app
from remixlab.serve.auth import ENVIRONMENT, Keys
from remixlab.serve.config import ServerConfig
from remixlab.serve.listening import bound
from remixlab.serve.logs import configure_logs
from remixlab.serve.service import Service
from remixlab.serve.wire import WireConfig

_MARGIN_S = 5.0  # for answers to be written after the last picture is made
# Clients drop idle connections after a few seconds. If the server did so first, a request could
# meet the closing connection and be lost.
_KEEP_ALIVE_S = 75
_log = structlog.get_logger()


class Server(uvicorn.Server):
    """Uvicorn that, told to stop, finishes what is being made and refuses what waits."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where it is: uvicorn does not where it is given its sockets."""
        try:
            await super().startup(sockets)
        except OSError:  # the worker runs by now, and must not be in the middle of something
            await self.lifespan.shutdown()
            raise
        for each in sockets or []:
            _log.info(f"running on {_url(each)}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the worker first: uvicorn then waits for the answers of what runs."""
        self._service.worker.stop()
        await super().shutdown(sockets)


def run_server(config: ServerConfig) -> None:
    """Load the model and serve until a signal comes.

    Raises InvalidConfig for a public address without keys, or one that is taken, and what loading
    the suite raises.
    """
    keys = Keys(config.serve.key_path)
    check_host(config.serve.host, keys)
    with bound(config.serve.host, config.serve.port) as sockets:
        configure_logs()
        disable_progress_bar()  # loading bars are no log events
        service = Service(Remixer.from_settings(config), config, keys)
        serve(service, sockets)


def check_host(host: str, keys: Keys) -> None:
    """Without keys only this machine may reach the server; raises InvalidConfig."""
    if keys.required or is_loopback(host):
        return
    accepted = (
        "127.0.0.1, ::1 or localhost while there are no API keys; make one with "
        f"`remixlab keys add NAME`, or set {ENVIRONMENT}"
    )
    raise InvalidConfig(field="serve.host", value=host, accepted=accepted)


def serve(service: Service, sockets: list[socket.socket]) -> None:
    """Serve at bound sockets until a signal comes."""
    settings = service.config.serve
    configured = WireConfig(
        create_app(service),
        settings,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(settings.deadline_s + _MARGIN_S),
    )
    if not service.keys.required:
        _log.warning("no API keys: whoever reaches this machine's loopback can use the server")
    Server(configured, service).run(sockets)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
