"""What every request passes before and after its route: host, id, log, metrics, last resort."""

from __future__ import annotations

import ipaddress
import time
import uuid
from fnmatch import fnmatchcase

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from remixlab.serve.answers import answer
from remixlab.serve.metrics import Metrics

_log = structlog.get_logger()


class Front:
    """ASGI middleware around all routes.

    A Host header must be a plain address, localhost or an allowed name: DNS rebinding needs a
    name. HTTP/1.0 may come without: no browser speaks it. HEAD goes where GET goes, and whoever
    writes the answer to the wire leaves its body out. Whatever a route raises becomes a 500 in
    the envelope, whose id the log explains.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, hosts: list[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._hosts = [host.lower() for host in ("localhost", *hosts)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an HTTP request on; anything else goes through as it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(send)
        scope["state"] = {**scope.get("state", {}), "id": exchange.name}
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        with structlog.contextvars.bound_contextvars(request=exchange.name):
            await self._pass(scope, receive, exchange)
            if scope["path"].startswith("/v1/"):  # probes would drown what matters
                self._metrics.answers.labels(str(exchange.status)).inc()
            seconds = round(time.monotonic() - exchange.born, 4)
            _log.info("answered", path=scope["path"], status=exchange.status, seconds=seconds)

    async def _pass(self, scope: Scope, receive: Receive, exchange: _Exchange) -> None:
        host = Headers(scope=scope).get("host")
        if not (self._knows(host or "") or (host is None and scope["http_version"] == "1.0")):
            accepted = "Host: accepted: an address, localhost, or a name in serve.allowed_hosts"
            await answer(400, accepted)(scope, receive, exchange.send)
            return
        try:
            await self._app(scope, receive, exchange.send)
        except Exception:
            _log.exception("failed")
            if not exchange.status:
                failed = answer(500, f"internal error, id {exchange.name}")
                await failed(scope, receive, exchange.send)

    def _knows(self, host: str) -> bool:
        name = host.lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return any(fnmatchcase(name, pattern) for pattern in self._hosts)
        return True


class _Exchange:
    """One request's id, and the status of its answer."""

    def __init__(self, send: Send) -> None:
        self.name = uuid.uuid4().hex
        self.born = time.monotonic()
        self.status = 0
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-Id"] = self.name
        await self._send(message)
