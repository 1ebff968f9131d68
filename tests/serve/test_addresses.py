"""The table of addresses that URLs may lead to; hostile ones are in test_fetch.py."""

from __future__ import annotations

import ipaddress
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixlab.serve.addresses import is_allowed
from remixlab.serve.config import ServeConfig


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "192.0.1.1", "100.63.0.1", "100.128.0.1", "2606:4700::1111"]
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(address)


def test_only_the_networks_that_are_named_open() -> None:
    config = ServeConfig(allow_networks=["10.1.0.0/16", "fd00::/8"])
    assert is_allowed("10.1.2.3", config.networks()) and is_allowed("fd00::1", config.networks())
    embedded = "::ffff:10.1.2.3", "fd00::5efe:a01:203"
    for closed in (*embedded, "10.2.0.1", "fe80::1", "127.0.0.1", "not an address"):
        assert not is_allowed(closed, config.networks())


@given(prefix=st.integers(0, 2**64 - 1), universal=st.booleans(), last=st.integers(0, 2**32 - 1))
def test_no_isatap_address_is_public(prefix: int, universal: bool, last: int) -> None:
    identifier = (0x02005EFE if universal else 0x5EFE) << 32 | last
    address = ipaddress.IPv6Address((prefix % 2**61 | 1 << 61) << 64 | identifier)
    assert address in ipaddress.IPv6Network("2000::/3")
    assert not is_allowed(str(address))


def test_what_is_public_is_public_to_python_too() -> None:
    """Our table may only take away."""
    draw = random.Random(0)
    for _ in range(20_000):
        address = ipaddress.ip_address(draw.getrandbits(32))
        assert not is_allowed(str(address)) or address.is_global
        wide = ipaddress.IPv6Address(draw.getrandbits(128))
        assert not is_allowed(str(wide)) or wide.is_global
