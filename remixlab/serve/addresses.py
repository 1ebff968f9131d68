"""Which addresses a URL of a client may lead to: the public internet's, by our own table.

`ipaddress.is_global` alone lets NAT64, 6to4, 168.63.129.16 and others through, and changes
between releases of Python.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from remixlab.serve.config import Network

# IANA's special-purpose registries (RFC 6890 and its updates), multicast, the reserved class E,
# and 168.63.129.16, which is every Azure machine's own host.
_CLOSED_4 = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32",
        "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
        "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
# All of IPv6's public addresses are in here; loopback, mapped, NAT64, local and multicast are not.
_OPEN_6 = ipaddress.IPv6Network("2000::/3")
# Protocol assignments with Teredo, documentation, 6to4, AS112, the 6bone with the first Teredo,
# documentation again.
_CLOSED_6 = [
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20",
    )
]  # fmt: skip
# ISATAP (RFC 5214, 6.1): under any prefix, public ones too, these interface identifiers make a
# router dial the IPv4 address in the last 32 bits.
_ISATAP = (0x00005EFE, 0x02005EFE)


def is_allowed(address: str, networks: Sequence[Network] = ()) -> bool:
    """Whether an IP address (as text) is public, or in one of the private `networks` allowed.

    An IPv6 address that stands for an IPv4 one is neither, whatever both are. Translators with a
    prefix of a network's own (NAT64 of RFC 6052, 6rd) cannot be told from other addresses.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if parsed.version == 6 and (int(parsed) >> 32) & 0xFFFFFFFF in _ISATAP:
        return False
    if any(parsed in network for network in networks):
        return True
    if isinstance(parsed, ipaddress.IPv4Address):
        closed = any(parsed in network for network in _CLOSED_4)
    else:
        closed = parsed not in _OPEN_6 or any(parsed in network for network in _CLOSED_6)
    return parsed.is_global and not closed
