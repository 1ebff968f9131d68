"""The addresses of a server are its own before it has loaded anything."""

from __future__ import annotations

import socket

import pytest

from remixlab.errors import InvalidConfig
from remixlab.serve import listening
from remixlab.serve.listening import bound


def test_connections_are_refused_until_somebody_listens() -> None:
    with bound("127.0.0.1", 0) as (only,):
        address = only.getsockname()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, 5)
        only.listen()
        socket.create_connection(address, 5).close()
        with pytest.raises(InvalidConfig) as caught, bound("127.0.0.1", address[1]):
            pass
    assert (caught.value.field, caught.value.value) == ("serve.port", address[1])


def test_a_port_can_be_had_again_at_once() -> None:
    with bound("127.0.0.1", 0) as (first,):
        first.listen()
        address = first.getsockname()
        with socket.create_connection(address, 5) as client:
            accepted, _ = first.accept()
            accepted.close()  # the server's side waits for the last packets of this one
            client.recv(1)
    with bound("127.0.0.1", address[1]) as (again,):
        assert again.getsockname() == address


def test_what_cannot_be_bound_is_named() -> None:
    for host in ("192.0.2.1", "no-such-host.invalid"):
        fields = ("--host", "--port")
        with pytest.raises(InvalidConfig) as caught, bound(host, 0, fields=fields):
            pass
        assert (caught.value.field, caught.value.value) == ("--host", host)


def test_a_port_of_the_system_s_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(listening, "_bind", denied)
    with pytest.raises(InvalidConfig, match="1024 or above"), bound("127.0.0.1", 80):
        pass


def test_addresses_that_a_name_has_elsewhere_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [
        (socket.AF_INET, ("192.0.2.1", 0)),
        (socket.AF_INET, ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(listening, "_addresses", lambda *_: both)
    with bound("a-name", 0) as sockets:
        assert [each.getsockname()[0] for each in sockets] == ["127.0.0.1"]
