"""The fetcher: hostile URLs are refused before a connection, hostile servers in bounded time."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remixlab.errors import ImageTooLarge, InvalidImage, InvalidRequest
from remixlab.serve.config import ServeConfig
from remixlab.serve.fetch import Fetcher, parse
from tests.serve.fakes import make_body, picture_of, running
from tests.serve.sites import PNG, Site, serving

_ADDRESSES = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.255.255.254
168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.254 192.0.0.1
192.0.0.9 192.0.0.170 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1
198.18.0.1 198.19.255.254 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1
255.255.255.255
:: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1 64:ff9b::7f00:1
64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1
2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1 2002:808:808::1 2620:4f:8000::1 3fff::1 5f00::1
2a01:1:2:3:0:5efe:a00:1 2a01:1:2:3:200:5efe:7f00:1 2a01:1:2:3:0:5efe:808:808 3ffe:831f::1
fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 ff0e::1
"""
_SPELLINGS = r"""
http://user@example.com/ http://user:pass@example.com/ http://127.0.0.1@example.com/
http://example.com@127.0.0.1/ http://example.com\@127.0.0.1/ http:\\127.0.0.1/
http://127.0.0.1\.example.com/ http://localhost./ http://example.com./ http://127.0.0.1./
http://0177.0.0.1/ http://0x7f.0.0.1/ http://0x7f000001/ http://2130706433/ http://017700000001/
http://127.1/ http://127.0.1/ http://0/ http://127.0.0.1.1/ http://127.0.0.256/ http://1.2.3.08/
http://127.0.0.%31/ http://%6c%6fcalhost/ http://127%2e0.0.1/ http://example.com%2f@127.0.0.1/
http://[::1%25lo]/ http://[::1 http://[v1.a]/ http://[::ffff:127.0.0.1 http://[1.2.3.4]/
http://127.0.0.1:80a/ http://127.0.0.1:0/ http://127.0.0.1:99999/ http://127.0.0.1:/ http:///x
http:// http://.example.com/ http://a..b/ http://-a.example/ http://exa%00mple.com/
http://xn--a_b-/
ftp://127.0.0.1/ file:///etc/passwd gopher://127.0.0.1:70/ dict://127.0.0.1:11211/ jar:http://x/
http:127.0.0.1 http:/127.0.0.1 //127.0.0.1/ https://127.0.0.1:443#@example.com/
"""
_UNICODE_AND_SPACE = [
    "http://\u2460\u2461\u2466.0.0.1/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://127\u30020\u30020\u30021/",
    "http://\u24db\u24de\u24d2alhost/",
    "http://localhost\u3002/",
    "http://127.0.0.1/\r\nHost: x",
    "http://exa mple.com/",
    "http://a\tb/",
    "http://\x00/",
]
ADDRESSES = _ADDRESSES.split()
SPELLINGS = [*_SPELLINGS.split(), *_UNICODE_AND_SPACE]
LITERALS = [f"http://[{a}]/x" if ":" in a else f"http://{a}/x" for a in ADDRESSES]
# Names that lead to where they should not; the second one has one good address and one bad.
NAMES = {f"host{number}.example": [address] for number, address in enumerate(ADDRESSES)}
NAMES["mixed.example"] = ["8.8.8.8", "10.0.0.1"]
_connects: list[Any] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _connects is not None:
        _connects.append(arguments[1])


sys.addaudithook(_audit)


@pytest.fixture
def connects() -> Iterator[list[Any]]:
    """The addresses that any socket of this process connects to, from now on."""
    global _connects
    _connects = []
    yield _connects
    _connects = None


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as running_site:
        yield running_site


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A resolver of our own; addresses resolve to themselves."""
    table = dict(NAMES)
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        found = table.get(host, [host])
        return [entry for each in found for entry in real(each, port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return table


def fetch(url: str, **changes: Any) -> bytes:
    return asyncio.run(Fetcher(ServeConfig(**changes)).fetch(url, "product_image"))


def test_there_are_enough_hostile_urls() -> None:
    assert len({*LITERALS, *SPELLINGS, *NAMES}) > 150


@pytest.mark.parametrize("url", [*LITERALS, *SPELLINGS, *(f"https://{name}/x" for name in NAMES)])
def test_hostile_urls_are_refused_without_a_connection(
    url: str, names: dict[str, list[str]], connects: list[Any]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        fetch(url)
    assert connects == []
    assert "example" not in str(caught.value) and "127" not in str(caught.value)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(), st.from_regex(r"https?://[ -~]{0,40}", fullmatch=True)))
def test_any_text_is_taken_apart_or_refused(text: str) -> None:
    try:
        target = parse(text, "product_image")
    except InvalidRequest:
        return
    assert target.scheme in ("http", "https") and 0 < target.port < 65536
    assert not set(target.host) & set("@%\\/ #?") and target.path.startswith("/")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://a.test/my cup.png", "blanks .* character 17: %20"),
        ("http://a.test/x\ny", "line breaks, as at character 16"),
        ("http://a.test/x\x00y", "control character, as at character 16"),
        ("http://a.test/k\u00f6ln.png", "ASCII, which character 16 is not: percent-encode"),
        ("http://k\u00f6ln.test/x", "character 9 is not.*xn--"),
        ("http://a.test\\x", "backslash, as at character 14: %5C"),
        ("http://a.test/" + "x" * 2048, "at most 2048 characters"),
        ("ftp://a.test/x", "begins with http://"),
        ("//a.test/x", "begins with http://"),
        ("http:///x.png", "a host name or address"),
        ("http:x.png", "a host name or address"),
        ("http://:80/", "a host name or address"),
        ("http://me:secret@a.test/", "without a user name or a password"),
        ("http://a.test:99999/", "port is a number from 1 to 65535"),
        ("http://a.test:0/", "port is a number from 1 to 65535"),
        ("http://a.test:/", "port is a number from 1 to 65535"),
        ("http://a.test:8o/", "port is a number from 1 to 65535"),
        ("http://[::1]:x/", "port is a number from 1 to 65535"),
        ("http://[::1/", "in square brackets"),
        ("http://[fe80::1%25lo]/", "without a zone"),
        ("http://8.8.8.256/", "four decimal numbers up to 255"),
        ("http://8.8.8/", "four decimal numbers"),
        ("http://a..test/", "host name has letters"),
        ("http://a.test./", "between single dots"),
        ("http://a%2etest/", "host name has letters"),
    ],
)
def test_what_is_wrong_with_a_url_is_said(url: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told) as caught:
        parse(url, "ref_image")
    text = str(caught.value)
    assert text.startswith("ref_image: got 'a URL'; accepted: an http(s) URL ")
    assert "test" not in text and "secret" not in text and "public" not in text


@pytest.mark.parametrize("page", ["/file", "/userinfo"])
def test_where_a_server_leads_is_not_told(site: Site, page: str) -> None:
    with pytest.raises(InvalidRequest, match="that leads, if anywhere else") as caught:
        allowed(site, page)
    assert "user name" not in str(caught.value) and "begins" not in str(caught.value)


def allowed(site: Site, page: str, **changes: Any) -> bytes:
    settings = {"allow_networks": ["127.0.0.1/32"], "fetch_s": 0.8, "image_mb": 1.0}
    return fetch(site.url + page, **settings | changes)


def test_an_image_is_fetched_as_it_is(site: Site) -> None:
    site.seen.clear()
    assert allowed(site, "/relative") == PNG
    assert "accept-encoding: identity" in site.seen[-1]
    assert f"host: 127.0.0.1:{site.port}" in site.seen[-1]


@pytest.mark.parametrize(
    ("page", "error"),
    [
        ("/missing", InvalidImage),
        ("/gzip", InvalidImage),
        ("/declares", ImageTooLarge),
        ("/flood", ImageTooLarge),
        ("/short", InvalidImage),
        ("/garbage", InvalidImage),
        ("/drip", InvalidImage),
        ("/silence", InvalidImage),
        ("/reset", InvalidImage),
        ("/loop", InvalidImage),
        ("/four", InvalidImage),
        ("/metadata", InvalidRequest),
        ("/file", InvalidRequest),
        ("/userinfo", InvalidRequest),
        ("/other", InvalidRequest),
        ("/open-bracket", InvalidRequest),
        ("/half-bracket", InvalidRequest),
        ("/no-address", InvalidRequest),
        ("/bad-port", InvalidRequest),
    ],
)
def test_hostile_servers_end_in_bounded_time(
    site: Site, page: str, error: type[Exception], connects: list[Any]
) -> None:
    start = time.monotonic()
    with pytest.raises(error) as caught:
        allowed(site, page)
    assert time.monotonic() - start < 2
    assert {address[0] for address in connects} == {"127.0.0.1"}
    assert len(connects) <= 4, "three redirects at most"
    assert str(site.port) not in str(caught.value)


def test_three_redirects_are_followed(site: Site) -> None:
    assert allowed(site, "/two") == PNG
    assert allowed(site, "/three") == PNG


def test_nobody_listens(connects: list[Any]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(InvalidImage):
            fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/", allow_networks=["127.0.0.0/8"])


def test_the_address_that_was_checked_is_dialled(
    site: Site, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch, connects: list[Any]
) -> None:
    """Rebinding: the second time the name is asked for, it leads elsewhere."""
    asked: list[str] = []
    fake = socket.getaddrinfo

    def rebinding(host: str, *args: Any, **options: Any) -> list[Any]:
        asked.append(host)
        names["rebind.example"] = ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]
        return fake(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = f"http://rebind.example:{site.port}/p.png"
    assert fetch(url, allow_networks=["127.0.0.0/8"]) == PNG
    assert asked.count("rebind.example") == 1
    assert [address[0] for address in connects] == ["127.0.0.1"]
    assert f"host: rebind.example:{site.port}" in site.seen[-1]


def test_the_next_address_is_tried(site: Site, names: dict[str, list[str]]) -> None:
    names["two.example"] = ["127.0.0.3", "127.0.0.1"]  # nobody listens at the first one
    url = f"http://two.example:{site.port}/p.png"
    assert fetch(url, allow_networks=["127.0.0.0/8"]) == PNG


def test_only_listed_hosts(site: Site, names: dict[str, list[str]], connects: list[Any]) -> None:
    names.update({"good.example": ["127.0.0.1"], "bad.example": ["127.0.0.1"]})
    options: dict[str, Any] = {
        "allow_networks": ["127.0.0.0/8"],
        "allow_hosts": ["Good.example"],
    }
    assert fetch(f"http://GOOD.example:{site.port}/p.png", **options) == PNG
    connects.clear()
    with pytest.raises(InvalidRequest):
        fetch(f"http://bad.example:{site.port}/p.png", **options)
    assert connects == []


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_no_proxy_of_the_environment(
    site: Site, monkeypatch: pytest.MonkeyPatch, connects: list[Any], variable: str
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.2:9")
    assert allowed(site, "/p.png") == PNG
    assert [address[0] for address in connects] == ["127.0.0.1"]


def test_urls_through_the_server(site: Site, tmp_path: Any) -> None:
    urls = {"product_image": site.url + "/p.png", "ref_image": site.url + "/r.jpg"}
    with running(tmp_path, "serve.allow_urls=true", "serve.allow_networks=[127.0.0.1/32]") as live:
        assert picture_of(live.post(make_body(**urls))).size == (64, 64)
        answer = live.post(make_body(ref_image=site.url + "/html"))
        assert answer.status_code == 400 and "secret" not in answer.text
        assert live.post(make_body(ref_image=site.url + "/other")).status_code == 400
    with running(tmp_path, "serve.allow_urls=true") as live:  # the network was not allowed
        assert live.post(make_body(**urls)).status_code == 400
    site.seen.clear()
    with running(tmp_path, "serve.allow_networks=[127.0.0.1/32]") as live:  # URLs are off
        answer = live.post(make_body(**urls))
        assert answer.status_code == 400 and "URLs are off" in answer.text
    assert site.seen == []


def test_tls_names_the_host_and_not_the_address(names: dict[str, list[str]]) -> None:
    """What the client says first holds the server's name (SNI); no certificate, no image."""
    names["sni.example"] = ["127.0.0.1"]
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            with listener.accept()[0] as connection:
                heard.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=listen)
        thread.start()
        with pytest.raises(InvalidImage):
            url = f"https://sni.example:{listener.getsockname()[1]}/"
            fetch(url, allow_networks=["127.0.0.0/8"], fetch_s=5)
        thread.join()
    assert heard[0][0] == 0x16 and b"sni.example" in heard[0]
