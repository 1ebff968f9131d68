"""A client of any server that speaks the Remix HTTP API.

Examples:
    >>> from remixlab import RemixClient
    >>> with RemixClient("http://127.0.0.1:8000", key="...") as client:
    ...     answer = client.remix(product_image="p.png", ref_image="r.jpg", prompt="on a beach")
    ...     answer.save("out.png")
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from PIL import Image

from remixlab import images
from remixlab.errors import InvalidConfig, InvalidImage, RemixError
from remixlab.files import write_whole
from remixlab.images import ImageSource
from remixlab.loopback import check_proxies, is_loopback

try:
    import httpx2
except ImportError as error:
    raise InvalidConfig(
        field="RemixClient", value=error.name, accepted="first: pip install remixlab[client]"
    ) from error

_PATH = "/v1/inference/remix"
_LONGEST_WAIT_S = 60.0


class RemixServerError(RemixError):
    """The server did not give a picture: `status_code` and `body` are its answer's."""

    def __init__(self, status_code: int, body: str) -> None:
        self.status_code = status_code
        self.body = body
        super().__init__(field="server", value=status_code, accepted=f"200; it says: {body[:500]}")


@dataclass(frozen=True)
class RemixAnswer:
    """A picture as the server sent it; `seed` is None where the server does not tell it.

    `warnings` say what was not done as asked; a long one is cut, and whole in the metadata.
    """

    png: bytes
    seed: int | None
    warnings: tuple[str, ...] = ()

    @property
    def image(self) -> Image.Image:
        """The picture, RGB."""
        return Image.open(io.BytesIO(self.png), formats=("PNG",)).convert("RGB")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the PNG as it came, with the server's metadata."""
        write_whole(Path(path), self.png)


class RemixClient:
    """Sends requests to a server, again where it is busy or not up yet.

    Args:
        url: where the server is, such as `http://127.0.0.1:8000`.
        key: an API key; None: the server has none.
        timeout_s: for one answer.
        retries: how often a 503 is tried again, after the seconds of its Retry-After, and a server
            that refuses the connection, which ours does for the seconds that its model loads.

    The environment's proxies count, but for a server on this machine.

    Raises:
        InvalidConfig: `url` is none, or the proxy on the way to it cannot be used.
    """

    def __init__(
        self, url: str, *, key: str | None = None, timeout_s: float = 300, retries: int = 5
    ) -> None:
        headers = {"X-Photio-Key": key} if key else {}
        transport = _transport(url)
        self._http = httpx2.Client(
            base_url=url, headers=headers, timeout=timeout_s, transport=transport
        )
        self._retries = retries

    def __enter__(self) -> RemixClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def remix(
        self, *, product_image: ImageSource, ref_image: ImageSource, **fields: Any
    ) -> RemixAnswer:
        """One remix; `fields` are the other fields of the API, which the server checks.

        An image is a path, bytes, a PIL image, or an http(s) URL that the server fetches.

        Raises:
            InvalidImage: an image cannot be read here.
            RemixServerError: any answer but 200, a last 503 included.
            InvalidConfig: no server took the connection.
            httpx2.HTTPError: it did, and gave no answer.
        """
        body = fields | {
            "product_image": _sent("product_image", product_image),
            "ref_image": _sent("ref_image", ref_image),
        }
        response = self._answer(body)
        text = _body(response)
        if response.status_code != 200:
            raise RemixServerError(response.status_code, text)
        seed = response.headers.get("X-Remix-Seed")
        warnings = _warnings(response.headers.get("X-Remix-Warning"))
        return RemixAnswer(base64.b64decode(text), int(seed) if seed else None, warnings)

    def _answer(self, body: dict[str, Any]) -> httpx2.Response:
        for attempt in range(self._retries):
            wait = None
            with contextlib.suppress(httpx2.ConnectError):  # nothing was sent
                response = self._http.post(_PATH, json=body)
                if response.status_code != 503:
                    return response
                wait = response.headers.get("Retry-After")
            time.sleep(_seconds(wait, attempt))
        try:
            return self._http.post(_PATH, json=body)
        except httpx2.ConnectError as error:
            accepted = f"the address of a server that runs: {error}"
            url = str(self._http.base_url)
            raise InvalidConfig(field="url", value=url, accepted=accepted) from error


def _transport(url: str) -> httpx2.HTTPTransport | None:
    """What needs no proxy, for a server on this machine; else None, which is the library's own."""
    try:
        host = httpx2.URL(url).host
    except (httpx2.InvalidURL, TypeError) as error:
        accepted = "an address such as http://127.0.0.1:8000"
        raise InvalidConfig(field="url", value=url, accepted=accepted) from error
    if is_loopback(host):
        return httpx2.HTTPTransport()
    check_proxies()
    return None


def _sent(field: str, source: ImageSource) -> str:
    if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
        return source
    if isinstance(source, Image.Image):
        source = images.encode_png(source)
    if not isinstance(source, bytes):
        try:
            source = Path(source).read_bytes()
        except OSError as error:
            raise InvalidImage(
                field=field, value=str(source), accepted="a readable file"
            ) from error
    return base64.b64encode(source).decode()


def _seconds(retry_after: str | None, attempt: int) -> float:
    """Retry-After as seconds or as a date (RFC 9110); without it, longer each time."""
    wait = 0.5 * 2**attempt
    if retry_after and retry_after.isdigit():
        wait = float(retry_after)
    elif retry_after:
        with contextlib.suppress(ValueError):
            wait = parsedate_to_datetime(retry_after).timestamp() - time.time()
    return min(_LONGEST_WAIT_S, max(0.0, wait))


def _warnings(header: str | None) -> tuple[str, ...]:
    """A JSON array of texts; what another server puts there instead is one text."""
    if not header:
        return ()
    try:
        found = json.loads(header)
    except (ValueError, RecursionError):
        return (header,)
    return tuple(str(each) for each in found) if isinstance(found, list) else (header,)


def _body(response: httpx2.Response) -> str:
    try:
        return str(response.json()["body"])
    except (ValueError, KeyError, TypeError):  # not the wire format: a proxy's own page
        return response.text[:500]
