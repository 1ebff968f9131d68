"""The settings of the server: those of a remix, and what it takes from whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, cast

from hydra.core.config_store import ConfigStore

from remixlab.config import RemixConfig, compose_config, register_schemas
from remixlab.config_checks import within
from remixlab.errors import InvalidConfig
from remixlab.request import BOTH_IMAGES
from remixlab.serve.auth import key_path

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"


@dataclass
class ServeConfig:
    """What the server listens to, takes and waits for.

    Attributes:
        host, port: where it listens; port 0 takes a free one.
        max_connections: open at once, and fewer where the process may not open that many files;
            whichever is silent longest goes for the next one.
        head_s: seconds for a connection's first byte and for the head of a request.
        answer_s: seconds in which a client has to take its answer.
        keys_file: hashed keys (`remixlab keys`); the environment may hold more of them.
        allowed_hosts: names that a request's Host header may have, beside localhost and plain
            addresses; `*.example.com` and `*` are understood.
        queue: requests in the house at once, those being made included; more are answered 503.
        max_wait_ms: how long a request waits for others to share its batch.
        deadline_s: after so many seconds a request is answered 503.
        body_mb: largest body of a request, in 2^20 bytes; an upload has `upload_s` seconds.
        uploads_mb: all bodies together while they arrive or wait.
        image_mb: largest image file, in 2^20 bytes, sent or fetched.
        max_pixels: pixels of product and reference together.
        allow_urls: images may be http(s) URLs.
        allow_hosts: if there are any, only URLs with these host names are fetched.
        allow_networks: private networks (CIDR) that URLs may lead to.
        fetch_s: seconds for a whole fetch, redirects included.
        metadata: answers carry request, seed, suite and versions, as `remixlab remix` writes.
    """

    host: str = "127.0.0.1"
    port: int = within(8000, 0, 65535)
    max_connections: int = within(512, 8, 65536)
    head_s: float = within(10.0, 0.1, 600)
    answer_s: float = within(60.0, 0.1, 3600)
    keys_file: str = "~/.config/remixlab/keys.json"
    allowed_hosts: list[str] = field(default_factory=list)
    queue: int = within(32, 1, 4096)
    max_wait_ms: float = within(20.0, 0, 10_000)
    deadline_s: float = within(120.0, 0.1, 3600)
    body_mb: float = within(64.0, 0.001, 1024)
    upload_s: float = within(30.0, 0.1, 3600)
    uploads_mb: float = within(512.0, 0.001, 65536)
    image_mb: float = within(32.0, 0.001, 512)
    max_pixels: int = within(2 * 4096 * 4096, 64 * 64, BOTH_IMAGES)
    allow_urls: bool = False
    allow_hosts: list[str] = field(default_factory=list)
    allow_networks: list[str] = field(default_factory=list)
    fetch_s: float = within(15.0, 0.1, 600)
    metadata: bool = True

    @property
    def key_path(self) -> Path:
        """The keys' file, with `~` replaced by the home folder."""
        return key_path(self.keys_file)

    @property
    def image_bytes(self) -> int:
        """Largest image file, in bytes."""
        return int(self.image_mb * 2**20)

    def networks(self) -> list[Network]:
        """`allow_networks`, parsed; raises InvalidConfig."""
        return [_network(text) for text in self.allow_networks]


@dataclass
class ServerConfig(RemixConfig):
    """Everything that `remixlab serve` needs."""

    serve: ServeConfig = field(default_factory=ServeConfig)


def compose_server(overrides: Sequence[str] = ()) -> ServerConfig:
    """The composed and checked settings of `remixlab serve`; raises InvalidConfig."""
    register_schemas()
    ConfigStore.instance().store(name="serve_schema", node=ServerConfig, provider="remixlab")
    config = cast(ServerConfig, compose_config(overrides, name="serve"))
    config.serve.networks()
    return config


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        accepted = "a network such as 192.168.1.0/24 or fd00::/8"
        raise InvalidConfig(field="serve.allow_networks", value=text, accepted=accepted) from error
