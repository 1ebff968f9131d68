"""Where a request ends: h11's parser, stricter where two programs could read a request two ways."""

from __future__ import annotations

import re
from typing import Any

import h11

HEAD_BYTES = 2**16  # of a request's target and headers together
_MANY_CHUNKS = 1000  # from then on a body's chunks must have ...
_SMALL_CHUNK = 64  # ... so many bytes each: the parsing of one costs as much as thousands of bytes


class Parser(h11.Connection):
    """The server's side of a connection."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, HEAD_BYTES)
        self._fault: h11.RemoteProtocolError | None = None
        self._chunks = 0
        self._bytes = 0

    def complaint(self) -> tuple[int, str]:
        """The status and words for the client that the latest fault calls for.

        h11 ends some of its messages with the very bytes, which may be a key: these are left out.
        """
        if self._fault is None:
            return 400, "HTTP"
        words = re.split(r":?\s+(?:bytearray\()?b?['\"]", str(self._fault))[0]
        return self._fault.error_status_hint, f"HTTP: {words}"

    def next_event(self) -> Any:
        """The next event, as h11 has it; raises h11.RemoteProtocolError.

        A client that stopped sending is NEED_DATA here, though no more data comes: who reads
        events until there are none would otherwise read ConnectionClosed for ever.
        """
        try:
            event = super().next_event()
            if isinstance(event, h11.Request):
                self._chunks = self._bytes = 0
                _check_head(event)
            elif isinstance(event, h11.Data):
                self._check_chunk(event)
        except h11.RemoteProtocolError as error:
            self._fault = error
            raise
        return h11.NEED_DATA if isinstance(event, h11.ConnectionClosed) else event

    def _check_chunk(self, data: h11.Data) -> None:
        self._chunks += data.chunk_start
        self._bytes += len(data.data)
        # The latest one need not be all here.
        if self._chunks > _MANY_CHUNKS and self._bytes < (self._chunks - 1) * _SMALL_CHUNK:
            raise h11.RemoteProtocolError("too many small chunks")


def _check_head(request: h11.Request) -> None:
    """What h11 accepts and RFC 9112 (6.1) calls an attempt at smuggling, or more than 64 KiB."""
    names = [name for name, _ in request.headers]
    if b"transfer-encoding" in names:
        if b"content-length" in names:
            raise h11.RemoteProtocolError("Content-Length and Transfer-Encoding together")
        if request.http_version == b"1.0":
            raise h11.RemoteProtocolError("Transfer-Encoding in HTTP/1.0")
    size = len(request.target) + sum(len(name) + len(value) for name, value in request.headers)
    if size > HEAD_BYTES:
        raise h11.RemoteProtocolError("target and headers are too large", error_status_hint=431)
