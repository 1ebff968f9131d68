"""Proxies of the environment: never for this machine, and told where they cannot be used."""

from __future__ import annotations

import os
from collections.abc import Callable
from urllib.request import proxy_bypass

import pytest

from remixlab import RemixClient
from remixlab.errors import InvalidConfig
from remixlab.fetch.run import fetch_suite
from remixlab.loopback import bypass_proxies, check_proxies
from remixlab.models.load import load_suite
from remixlab.models.spec import SuiteSpec

SOCKS = "socks5://me:a-secret@127.0.0.1:1"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for spelling in (name, name.upper()):
            monkeypatch.setenv(spelling, "")  # so that it is put back afterwards
            monkeypatch.delenv(spelling)


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_the_loopback_is_added_to_what_needs_no_proxy(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "example.com")
    bypass_proxies("192.168.1.5")
    bypass_proxies()
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"]
    assert os.environ["NO_PROXY"].split(",") == [
        "example.com", "localhost", "127.0.0.1", "::1", "192.168.1.5",
    ]  # fmt: skip
    assert proxy_bypass("127.0.0.1") and not proxy_bypass("example.org")


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
def test_a_socks_proxy_without_its_package_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remixlab.loopback.find_spec", lambda _: None)
    monkeypatch.setenv(name, SOCKS)
    with pytest.raises(InvalidConfig) as caught:
        check_proxies()
    assert caught.value.field == name and "pip install socksio" in caught.value.accepted
    assert "a-secret" not in str(caught.value)


def test_proxies_that_can_be_used_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("http://proxy:3128", "https://proxy", "proxy:3128", ""):
        monkeypatch.setenv("ALL_PROXY", value)
        check_proxies()
    monkeypatch.setenv("ALL_PROXY", SOCKS)
    monkeypatch.setattr("remixlab.loopback.find_spec", lambda _: object())
    check_proxies()
    monkeypatch.setenv("ALL_PROXY", "socks4://proxy")
    with pytest.raises(InvalidConfig, match=r"ALL_PROXY.*socks4"):
        check_proxies()
    monkeypatch.setenv("NO_PROXY", "*")
    check_proxies()


def fetch() -> object:
    from rich.console import Console

    return fetch_suite("sdxl", [], console=Console(quiet=True), agree=lambda _: True)


def load() -> object:
    from remixlab.config import compose_config

    spec = SuiteSpec.from_config(compose_config(["model=sdxl"]).model)
    import torch

    return load_suite(spec, device="cpu", dtype=torch.float32, kernel=None)  # type: ignore[arg-type]


def ask() -> object:
    return RemixClient("http://gpu.example.com")


def play() -> object:
    from remixlab.serve.playground.launch import require_gradio

    return require_gradio()


@pytest.mark.parametrize("connect", [fetch, load, ask, play])
def test_all_that_connect_say_so(
    connect: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remixlab.loopback.find_spec", lambda _: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("ALL_PROXY", SOCKS)
    with pytest.raises(InvalidConfig, match=r"ALL_PROXY.*socks5.*pip install socksio"):
        connect()
