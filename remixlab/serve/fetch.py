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
_ACCEPTED = "an http(s) URL of a host that is public, or allowed by the server"
_REDIRECTED = "a URL that leads, if anywhere else, to http(s) URLs that are public or allowed"
# What is wrong with a URL, said so that nothing of it is repeated.
_SCHEME = "that begins with http:// or https://"
_USER = "without a user name or a password"
_NO_HOST = "with a host name or address behind the //"
_BAD_NAME = "whose host name has letters, digits, hyphens and underscores between single dots"
_BAD_PORT = "whose port is a number from 1 to 65535"
_BAD_V4 = "whose IPv4 address is four decimal numbers up to 255, without zeros in front"
_BAD_V6 = "whose IPv6 address is whole, without a zone, and in square brackets"


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
        for hop in range(_REDIRECTS + 1):
            try:
                target = parse(url, field)
            except InvalidRequest as error:
                if hop == 0:
                    raise
                # The client did not write this one, and is not to learn what a server answered.
                raise InvalidRequest(field=field, value="a URL", accepted=_REDIRECTED) from error
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
    """Take a URL apart; what other programs read differently is refused with InvalidRequest.

    The message says what is wrong, and where, but repeats nothing of the URL.
    """
    if fault := _fault_of_letters(url):
        raise _malformed(field, fault)
    try:
        parts = urlsplit(url)
    except ValueError as error:  # square brackets that are not in order
        raise _malformed(field, _BAD_V6) from error
    if parts.scheme not in _PORTS:
        raise _malformed(field, _SCHEME)
    if "@" in parts.netloc:
        raise _malformed(field, _USER)
    host = _host(parts.netloc.lower(), field)
    try:
        port = parts.port
    except ValueError as error:
        raise _malformed(field, _BAD_PORT) from error
    if port == 0:
        raise _malformed(field, _BAD_PORT)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def _redirected(url: str, location: str, field: str) -> str:
    """Where a redirect leads; what is no URL is refused without saying what it is."""
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise InvalidRequest(field=field, value="a URL", accepted=_REDIRECTED) from error


def _fault_of_letters(url: str) -> str | None:
    """What keeps a text from being a URL at all."""
    if len(url) > _LONGEST:
        return f"of at most {_LONGEST} characters"
    odd = re.search(r"[^!-~]|\\", url)
    if odd is None:
        return None
    place, letter = odd.start() + 1, odd[0]
    if letter.isspace():
        return f"without blanks and line breaks, as at character {place}: %20 stands for a blank"
    if letter == "\\":
        return f"without a backslash, as at character {place}: %5C stands for it"
    if not letter.isprintable():
        return f"without a control character, as at character {place}"
    return (
        f"in ASCII, which character {place} is not: percent-encode it as UTF-8, or write a host "
        "name as xn--"
    )


def _host(netloc: str, field: str) -> str:
    bracketed = netloc.startswith("[")
    host = netloc[1:].partition("]")[0] if bracketed else netloc.partition(":")[0]
    port = netloc[len(host) + 2 * bracketed :]
    if bracketed and (port[:1] not in ("", ":") or "%" in host):
        raise _malformed(field, _BAD_V6)
    if not re.fullmatch(r"(?::[0-9]+)?", port):
        raise _malformed(field, _BAD_PORT)
    try:
        if bracketed:
            return str(ipaddress.IPv6Address(host))
        if _NUMERIC.fullmatch(host):  # also keeps octal, integer and short forms out
            return str(ipaddress.IPv4Address(host))
    except ipaddress.AddressValueError as error:
        raise _malformed(field, _BAD_V6 if bracketed else _BAD_V4) from error
    if not host:
        raise _malformed(field, _NO_HOST)
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise _malformed(field, _BAD_NAME)
    return host


def _authority(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == _PORTS[target.scheme] else f"{host}:{target.port}"


def _refused(field: str) -> InvalidRequest:
    return InvalidRequest(field=field, value="a URL", accepted=_ACCEPTED)


def _malformed(field: str, fault: str) -> InvalidRequest:
    return InvalidRequest(field=field, value="a URL", accepted=f"an http(s) URL {fault}")
