"""How many connections there may be, and who goes when there are too many."""

from __future__ import annotations

import asyncio
import resource

import structlog

BACKLOG = 128  # connections that the event loop accepts at once, before it looks at any of them
_OTHER_FILES = 64  # descriptors for weights, logs, libraries and fetches
_FEWEST = 8
_log = structlog.get_logger()


class Gate:
    """Counts connections, by their transports; only the event loop's thread may use it.

    Descriptors must not run out: a server that cannot accept answers nobody. So there are never
    more than `most` connections, nor more than descriptors are left for, and where one more comes
    the one goes that has waited longest without a request: silence is what an attacker can afford,
    and whoever means to be served speaks at once.
    """

    def __init__(self, most: int) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files != resource.RLIM_INFINITY:
            most = min(most, max(_FEWEST, files - BACKLOG - _OTHER_FILES))
        self.most = most
        self._idle: dict[asyncio.Transport, None] = {}  # in the order in which they fell idle
        self._busy: set[asyncio.Transport] = set()

    def enter(self, transport: asyncio.Transport) -> bool:
        """Count a new connection; False where every other one is at work and it has to go."""
        if len(self._idle) + len(self._busy) >= self.most:
            oldest = next(iter(self._idle), None)
            _log.warning("too many connections", most=self.most, refused=oldest is None)
            if oldest is None:
                return False
            self.leave(oldest)
            oldest.abort()
        self._idle[transport] = None
        return True

    def mark(self, transport: asyncio.Transport, busy: bool) -> None:
        """Note whether a connection that was let in has a request that is not answered yet."""
        if busy and transport in self._idle:
            del self._idle[transport]
            self._busy.add(transport)
        elif not busy and transport in self._busy:
            self._busy.discard(transport)
            self._idle[transport] = None

    def leave(self, transport: asyncio.Transport) -> None:
        """Forget a connection that is lost."""
        self._idle.pop(transport, None)
        self._busy.discard(transport)
