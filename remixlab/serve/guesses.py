"""Wrong keys, slowed down: ten at once from an address, then eight a second, however they come."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Awaitable, Callable

from remixlab.serve.admission import Busy
from remixlab.serve.auth import Keys

_AT_ONCE = 10
_EACH_S = 0.125
_LONGEST_S = 2.0  # a request waits for its turn
_ADDRESSES = 4096  # that are remembered apart from each other


class Guesses:
    """Looks at keys, one address's in turn; only the event loop's thread may use it.

    Whoever guesses learns as much from silence as from a 401. So it is not the answer that waits
    but the look at the key, and after too many wrong keys that is so for the right one, too.
    """

    def __init__(
        self,
        keys: Keys,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._sleep = sleep
        self._taken: dict[str, float] = {}  # until when an address's turns are given out

    async def accept(self, key: bytes, address: str) -> bool:
        """Whether a request with this key may go on; raises Busy where too many wait already."""
        source = self._source(address)
        taken = max(self._taken.get(source, 0.0), self._clock())
        wait = taken - (_AT_ONCE - 1) * _EACH_S - self._clock()
        if wait > _LONGEST_S:
            raise Busy("keys", "too many wrong keys from this address, try again later")
        self._taken[source] = taken + _EACH_S
        if wait > 0:
            await self._sleep(wait)
        right = self._keys.accept(key)
        if right and source in self._taken:
            self._taken[source] -= _EACH_S
        return right

    def _source(self, address: str) -> str:
        """What counts as one address: of IPv6 a whole /64, which is what one machine has."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:  # a socket of this machine has none
            return ""
        if parsed.version == 6:
            address = str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
        if len(self._taken) >= _ADDRESSES:
            now = self._clock()
            self._taken = {source: end for source, end in self._taken.items() if end > now}
        return address if address in self._taken or len(self._taken) < _ADDRESSES else ""
