"""The one fetcher: an image behind an http(s) URL that a client sent.

A URL is taken apart once, its host resolved once, every address checked, and one of those very
addresses dialled under the URL's name, so that nothing between check and use can change its mind.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import anyio
import httpcore2
from httpcore2 import AnyIOBackend, AsyncNetworkStream

from remixlab.errors import ImageTooLarge, InvalidImage, InvalidRequest
from remixlab.serve.addresses import is_allowed
from remixlab.serve.config import ServeConfig

_REDIRECTS = 3
_LONGEST = 2048  # characters of a URL
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")  # browsers read such hosts as IPv4
_PORTS = {"http": 80, "https": 443}
_ACCEPTED = (
    "an http(s) URL with a plain host name or address that is public, or allowed by the server"
)


@dataclass(frozen=True)
class Target:
    """A URL taken apart: `host` is a lower-case name or a bare address, `path` has the query."""

    scheme: str
    host: str
    port: int
    path: str


def is_url(value: object) -> bool:
    """Whether an image field holds a URL, and not base64."""
    return isinstance(value, str) and value[:32].lstrip()[:8].lower().startswith(
        ("http://", "https://")
    )


class Fetcher:
    """Fetches images, within the limits of the settings."""

    def __init__(self, config: ServeConfig) -> None:
        self._seconds = config.fetch_s
        self._limit = config.image_bytes
        self._hosts = [host.lower() for host in config.allow_hosts]
        self._networks = config.networks()

    async def fetch(self, url: str, field: str) -> bytes:
        """The bytes behind `url`, for the request field `field`.

        Raises InvalidRequest (the URL is not allowed), ImageTooLarge, or InvalidImage (the server
        does not give an image). No message repeats the URL, which may hold a secret, nor says
        what a server answered: the fetcher is no port scanner.
        """
        try:
            with anyio.fail_after(self._seconds):
                return await self._follow(url.strip(), field)
        except (TimeoutError, OSError, httpcore2.NetworkError, httpcore2.TimeoutException,
                httpcore2.ProtocolError) as error:  # fmt: skip
            accepted = f"a URL that gives an image within {self._seconds:g} seconds"
            raise InvalidImage(field=field, value="a URL", accepted=accepted) from error

    async def _follow(self, url: str, field: str) -> bytes:
        for _ in range(_REDIRECTS + 1):
            target = parse(url, field)
            if self._hosts and target.host not in self._hosts:
                raise _refused(field)
            addresses = await self._resolve(target, field)
            content, location = await self._get(target, addresses, field)
            if location is None:
                return content
            url = _redirected(url, location, field)
        accepted = f"a URL with at most {_REDIRECTS} redirects"
        raise InvalidImage(field=field, value="a URL", accepted=accepted)

    async def _resolve(self, target: Target, field: str) -> list[str]:
        """All addresses of the host, each of them allowed; a single bad one refuses them all."""
        found = await asyncio.get_running_loop().getaddrinfo(
            target.host, target.port, type=socket.SOCK_STREAM
        )
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not all(is_allowed(each, self._networks) for each in addresses):
            raise _refused(field)
        return addresses

    async def _get(
        self, target: Target, addresses: list[str], field: str
    ) -> tuple[bytes, str | None]:
        """The body, or where a redirect leads."""
        url = httpcore2.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        headers = [
            ("Host", _authority(target)), ("Accept", "image/png, image/jpeg, image/webp"),
            ("Accept-Encoding", "identity"), ("User-Agent", "remixlab"),
        ]  # fmt: skip
        async with (
            httpcore2.AsyncConnectionPool(network_backend=_Dialler(addresses)) as pool,
            pool.stream("GET", url, headers=headers) as response,
        ):
            answered = {name.lower(): value for name, value in response.headers}
            if response.status in (301, 302, 303, 307, 308) and b"location" in answered:
                return b"", answered[b"location"].decode("latin-1")
            encoding = answered.get(b"content-encoding", b"identity").lower()
            if response.status != 200 or encoding != b"identity":
                accepted = "a URL that answers 200 with a plain image"
                raise InvalidImage(field=field, value="a URL", accepted=accepted)
            return await self._read(response.aiter_stream(), answered, field), None

    async def _read(
        self, chunks: AsyncIterator[bytes], headers: dict[bytes, bytes], field: str
    ) -> bytes:
        declared = headers.get(b"content-length", b"0")
        content = bytearray()
        too_large = ImageTooLarge(
            field=field, value="a URL", accepted=f"at most {self._limit} bytes"
        )
        if declared.isdigit() and int(declared) > self._limit:
            raise too_large
        async for chunk in chunks:
            if len(content) + len(chunk) > self._limit:
                raise too_large
            content += chunk
        return bytes(content)


class _Dialler(AnyIOBackend):
    """Connects to the addresses that were checked, whatever name the URL has.

    The name stays in the Host header and in TLS (SNI and the certificate).
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def connect_tcp(self, host: str, port: int, *args: Any, **kw: Any) -> AsyncNetworkStream:
        for address in self._addresses[:-1]:
            try:
                return await super().connect_tcp(address, port, *args, **kw)
            except httpcore2.ConnectError:
                continue
        return await super().connect_tcp(self._addresses[-1], port, *args, **kw)


def parse(url: str, field: str) -> Target:
    """Take a URL apart; what other programs read differently is refused with InvalidRequest."""
    printable = all("!" <= letter <= "~" for letter in url)
    if len(url) > _LONGEST or not printable or "\\" in url:
        raise _refused(field)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(field) from error
    if parts.scheme not in _PORTS or "@" in parts.netloc or port == 0:
        raise _refused(field)
    host = _host(parts.netloc.lower(), field)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def _redirected(url: str, location: str, field: str) -> str:
    """Where a redirect leads; what is no URL is refused as the client's own would be."""
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise _refused(field) from error


def _host(netloc: str, field: str) -> str:
    try:
        if netloc.startswith("["):
            inside, _, rest = netloc[1:].partition("]")
            if re.fullmatch(r"(?::[0-9]+)?", rest) and "%" not in inside:
                return str(ipaddress.IPv6Address(inside))
            raise _refused(field)
        host, _, port = netloc.partition(":")
        if not re.fullmatch(r"[0-9]*", port) or netloc.endswith(":"):
            raise _refused(field)
        if _NUMERIC.fullmatch(host):  # also keeps octal, integer and short forms out
            return str(ipaddress.IPv4Address(host))
    except ipaddress.AddressValueError as error:
        raise _refused(field) from error
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise _refused(field)
    return host


def _authority(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == _PORTS[target.scheme] else f"{host}:{target.port}"


def _refused(field: str) -> InvalidRequest:
    return InvalidRequest(field=field, value="a URL", accepted=_ACCEPTED)
