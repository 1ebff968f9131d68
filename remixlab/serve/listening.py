"""The addresses that a server listens at, taken before it loads anything."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from remixlab.errors import InvalidConfig

_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # a name may have addresses that are not here


@contextmanager
def bound(
    host: str, port: int, *, fields: tuple[str, str] = ("serve.host", "serve.port")
) -> Iterator[list[socket.socket]]:
    """Sockets bound to every address of `host`; they refuse connections until somebody listens.

    Args:
        host: a name or an address.
        port: 0 takes a free one.
        fields: what host and port are called in errors.

    Raises:
        InvalidConfig: no such host here, or a port that is taken or not this user's.
    """
    with ExitStack() as stack:
        try:
            sockets = [stack.enter_context(one) for one in _bind_all(_addresses(host, port))]
        except OSError as error:
            raise _explained(error, host, port, fields) from error
        yield sockets


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
    found = socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bind_all(
    addresses: Sequence[tuple[socket.AddressFamily, tuple[object, ...]]],
) -> Iterator[socket.socket]:
    failed: OSError | None = None
    count = 0
    for family, address in addresses:
        try:
            yield _bind(family, address)
            count += 1
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            failed = error
    if failed and not count:
        raise failed


def _bind(family: socket.AddressFamily, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        # The connections of a server that has just ended do not keep its port.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def _explained(error: OSError, host: str, port: int, fields: tuple[str, str]) -> InvalidConfig:
    if error.errno == errno.EADDRINUSE:
        accepted = (
            f"a port of {host} that is free: something listens at this one; stop it, or take "
            "another port"
        )
        return InvalidConfig(field=fields[1], value=port, accepted=accepted)
    if error.errno in (errno.EACCES, errno.EPERM):
        accepted = f"a port of {host} that this user may take, 1024 or above"
        return InvalidConfig(field=fields[1], value=port, accepted=accepted)
    accepted = f"a name or an address of this machine ({error.strerror or error})"
    return InvalidConfig(field=fields[0], value=host, accepted=accepted)
