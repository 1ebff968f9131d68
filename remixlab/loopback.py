"""This machine's own addresses, and the proxies of the environment, which are not for them."""

from __future__ import annotations

import ipaddress
import os
from importlib.util import find_spec
from urllib.request import getproxies

from remixlab.errors import InvalidConfig

_NAMES = ("localhost", "127.0.0.1", "::1")
_KINDS = ("http", "https", "all")
_PLAIN, _SOCKS = ("http", "https"), ("socks5", "socks5h")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`, an address or a name."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def bypass_proxies(*hosts: str) -> None:
    """Have this process reach the loopback, and `hosts`, without a proxy of the environment."""
    for name in ("NO_PROXY", "no_proxy"):  # libraries read the one or the other
        given = os.environ.get(name) or os.environ.get(name.swapcase()) or ""
        wanted = [*filter(None, map(str.strip, given.split(","))), *_NAMES, *hosts]
        os.environ[name] = ",".join(dict.fromkeys(wanted))


def check_proxies() -> None:
    """Find out that the proxies of the environment can be used, before a library fails over one.

    Raises:
        InvalidConfig: one is of a kind that nobody here speaks, or needs a package that is not
            installed. It names the variable, and of its value, which may hold a password, the kind.
    """
    given = getproxies()
    if "*" in map(str.strip, given.get("no", "").split(",")):
        return
    socks = find_spec("socksio") is not None
    for kind in _KINDS:
        scheme, separator, _ = given.get(kind, "").partition("://")
        if not separator or scheme in _PLAIN or (scheme in _SOCKS and socks):
            continue
        variable = next((n for n in os.environ if n.lower() == f"{kind}_proxy"), f"{kind} proxy")
        accepted = "an http:// proxy, or none (unset it)"
        if scheme in _SOCKS:
            accepted += ", or this one after `pip install socksio`"
        raise InvalidConfig(field=variable, value=f"{scheme}://...", accepted=accepted)
