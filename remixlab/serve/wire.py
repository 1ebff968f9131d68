"""A connection: uvicorn's HTTP/1.1 over h11, with bounds on time, and answers it does not give.

Uvicorn takes a client that stopped sending for one that went away, waits for ever for a request's
head and body and for its answer to be taken, and answers what is no HTTP in plain text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from remixlab.serve.answers import answer
from remixlab.serve.config import ServeConfig
from remixlab.serve.gate import BACKLOG, Gate
from remixlab.serve.http1 import Parser

# A connection that is closed with bytes unread is reset, and a reset takes back the answer that
# the client has not read yet: so long it is only half closed.
_LINGER_S = 2.0
_UNREAD_S = 5.0  # beyond `upload_s`, within which a route that wants the body has answered 408
_PROBES_S = (0.1, 1.0)  # after the first, and between all others


class WireConfig(uvicorn.Config):
    """Uvicorn's settings, with the protocol below under the limits of `serve`."""

    def __init__(self, app: Any, limits: ServeConfig, **options: Any) -> None:
        super().__init__(app, http=WireProtocol, loop="asyncio", backlog=BACKLOG, **options)
        self.limits = limits
        self.gate = Gate(limits.max_connections)


class WireProtocol(H11Protocol):
    """One connection of a client."""

    def __init__(
        self,
        config: WireConfig,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = self._parser = Parser()
        self._limits = config.limits
        self._gate = config.gate
        self._deaf = False  # it is being closed: whatever still comes is not read
        self._phase: tuple[str, object] | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, for as long as it may be silent."""
        super().connection_made(transport)
        if self._gate.enter(transport):
            self._watch()
            return
        self._deaf = True
        self._write_answer(503, "too many connections, try again later", {"Retry-After": "1"})
        transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever works for it."""
        self._gate.leave(self.transport)
        for name in list(self._timers):
            self._stop(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Go on with the request."""
        if not self._deaf:
            super().data_received(data)
            self._watch()

    def eof_received(self) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Stay open where a whole request waits for its answer: it has only stopped sending."""
        if self._deaf:
            return False
        self.conn.receive_data(b"")
        self.handle_events()  # answers 400 to half a request
        self._watch()
        if self._busy:
            self._probe(_PROBES_S[0])
        return self._busy

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Give the client some time to take its answer."""
        super().pause_writing()
        self._start("answer", self._limits.answer_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It is being taken."""
        self._stop("answer")
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; `msg` is uvicorn's, the parser knows better."""
        self._refuse(*self._parser.complaint())

    @property
    def _busy(self) -> bool:
        """Whether a request waits for its answer or the rest of it."""
        return self.cycle is not None and not (
            self.cycle.response_complete or self.cycle.disconnected
        )

    def _watch(self) -> None:
        """Count the time of what the client has to do next; single bytes do not prolong it."""
        self._gate.mark(self.transport, self._busy)
        phase = self._due()
        if self._deaf or phase == self._phase:
            return
        self._phase = phase
        self._stop("phase")
        if phase is not None and phase[0] == "head":
            self._start("phase", self._limits.head_s, self._end_head)
        elif phase is not None:
            self._start("phase", self._limits.upload_s + _UNREAD_S, self.transport.abort)

    def _due(self) -> tuple[str, object] | None:
        """What is awaited: a head, first or begun, or the body of a request; None: neither."""
        if self.conn.their_state is h11.SEND_BODY:
            return "body", self.cycle
        if self.conn.their_state is h11.IDLE and (self.cycle is None or self._begun):
            return "head", self.cycle
        return None

    @property
    def _begun(self) -> bool:
        return bool(self.conn.trailing_data[0])

    def _end_head(self) -> None:
        if self._begun:
            self._refuse(408, f"the head took more than {self._limits.head_s:g} s")
        else:  # a connection that was opened ahead of its use hears nothing it did not ask for
            self.transport.close()

    def _refuse(self, status: int, words: str) -> None:
        """Answer, as long as no answer has begun, and end the connection."""
        self._deaf = True
        if self._busy:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._unset_keepalive_if_required()
        self._write_answer(status, words)
        self._gate.mark(self.transport, busy=False)
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._start("phase", _LINGER_S, self.transport.abort)

    def _write_answer(
        self, status: int, words: str, headers: Mapping[str, str] | None = None
    ) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        made = answer(status, words, {"Connection": "close", **(headers or {})})
        fields = [*self.server_state.default_headers, *made.raw_headers]
        reason = HTTPStatus(status).phrase.encode()
        head = h11.Response(status_code=status, headers=fields, reason=reason)
        for event in (head, h11.Data(data=bytes(made.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")

    def _probe(self, pause: float) -> None:
        """Ask whether somebody still listens: who has closed the connection resets it now.

        The question is an interim answer, which every client of HTTP/1.1 skips; HTTP/1.0 has none.
        """
        if self.conn.our_state is h11.SEND_RESPONSE and self.cycle.scope["http_version"] != "1.0":
            asked = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            self.transport.write(self.conn.send(asked) or b"")
        self._start("probe", pause, lambda: self._probe(_PROBES_S[1]))

    def _start(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        self._stop(name)
        self._timers[name] = self.loop.call_later(seconds, action)

    def _stop(self, name: str) -> None:
        if name in self._timers:
            self._timers.pop(name).cancel()
