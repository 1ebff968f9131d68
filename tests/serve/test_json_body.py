"""Bodies: read as any JSON parser reads them, or refused where they first go wrong, cheaply."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixlab.errors import InvalidRequest
from remixlab.fields import image_bytes
from remixlab.serve import json_body
from remixlab.serve.json_body import parse_body
from tests.serve.fakes import Live, check_envelope, make_body, picture_of

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
_BASE64 = st.text("ABCabc019+/= \n\t\r")
_SHORT = ["prompt", "negative_prompt", "seed", "cfg_scale", "outline_fidelity", "style_fidelity"]
_BODIES = st.fixed_dictionaries(
    {},
    optional={
        **{name: _SCALARS for name in _SHORT},
        "product_image": _BASE64,
        "ref_image": _BASE64 | st.none(),
    },
)
_SIZE = 4 * 2**20


def peak(work: Callable[[], object]) -> int:
    """Most bytes allocated at a time while something fails or works."""
    tracemalloc.start()
    try:
        work()
    except InvalidRequest:
        pass
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most


def refused(content: bytes) -> str:
    with pytest.raises(InvalidRequest) as caught:
        parse_body(bytearray(content))
    return str(caught.value)


def filled(start: bytes, unit: bytes, size: int = _SIZE) -> bytearray:
    return bytearray(start + unit * ((size - len(start)) // len(unit)))


@given(body=_BODIES, indent=st.none() | st.integers(0, 2), escaped=st.booleans(), bom=st.booleans())
def test_good_json_is_read_as_json(body: Any, indent: int | None, escaped: bool, bom: bool) -> None:
    text = json.dumps(body, indent=indent, ensure_ascii=escaped).replace("/", r"\/")
    try:
        content = bytearray(text.encode("utf-8-sig" if bom else "utf-8"))
    except UnicodeEncodeError:
        return  # half a surrogate pair is no UTF-8
    assert parse_body(content) == body


@given(st.binary() | st.text('{}[]",:\\ntru1.e-"seed"prompt\n\ud800', max_size=40).map(
    lambda text: text.encode("utf-8", "surrogatepass")
))  # fmt: skip
def test_bad_json_is_refused(content: bytes) -> None:
    try:
        found = parse_body(bytearray(content))
    except InvalidRequest:
        return
    assert found == json.loads(content.decode("utf-8-sig"))


@given(
    text=st.text("AB/\n\\", max_size=40).map(lambda text: json.dumps(text).replace("/", r"\/")),
    piece=st.integers(8, 12),
)
def test_pictures_in_pieces_are_the_same(text: str, piece: int) -> None:
    content = bytearray(b'{"ref_image": %s}' % text.encode())
    expected = json.loads(content)["ref_image"]
    whole, json_body._PIECE = json_body._PIECE, piece
    try:
        assert parse_body(content) == {"ref_image": expected}
    except InvalidRequest:
        assert "\\" in expected, "a backslash is in no base64"
    finally:
        json_body._PIECE = whole


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "the end at line 1, column 1, byte 0"),
        (b"[]", "[ at line 1, column 1, byte 0"),
        (b'{"seed": 1,}', "} at line 1, column 12, byte 11"),
        (b'{"seed": 1\n "prompt": ""}', '" at line 2, column 2, byte 12'),
        (b'{\n "seed" 1}', "1 at line 2, column 9, byte 10"),
        (b'{"seed": 1} {}', "{ at line 1, column 13, byte 12"),
        (b'{"seed": 01}', "1 at line 1, column 11, byte 10"),
        (b'{"seed": NaN}', "N at line 1, column 10, byte 9"),
        (b'{"seed": 1', "the end at line 1, column 11, byte 10"),
        (b'{"seed": 1, "seed": 2}', "seed at line 1, column 13, byte 12"),
        (b'{"x": 1}', "x at line 1, column 2, byte 1"),
        (b"{'seed': 1}", "' at line 1, column 2, byte 1"),
        (b'{"ref_image": "AA\nA"}', "line 1, column 18, byte 17"),
        (b'{"ref_image": "AA\xc3\xa9"}', "line 1, column 18, byte 17"),
        (b'{"ref_image": "AAA', "the end at line 1, column 19, byte 18"),
    ],
)
def test_the_words_say_where_and_what(content: bytes, place: str) -> None:
    message = refused(content)
    assert place in message and "accepted: " in message


@pytest.mark.parametrize(
    "content",
    [
        filled(b'{"a":[', b"[],"),
        filled(b'{"seed":[', b"[],"),
        filled(b'{"ref_image":[', b'{"":0},'),
        filled(b"[", b"[],"),
        filled(b"", b"["),
        filled(b"{", b'"seed":1,'),
        filled(b'{"prompt":"\xf0\x9f\x98\x80', b"a"),
        filled(b'{"', b"a"),
        filled(b'{"seed":', b"9"),
        filled(b'{"cfg_scale":1e', b"9"),
        filled(b"{", b" "),
        filled(b'{"seed":1', b" "),
    ],
    ids=lambda content: content[:12].decode(errors="replace"),
)
def test_what_is_long_and_no_picture_is_refused_before_it_is_built(content: bytearray) -> None:
    """`json` takes up to 25 times the body for these, and all of it before any check."""
    assert peak(lambda: parse_body(content)) < _SIZE / 8
    with pytest.raises(InvalidRequest):
        parse_body(content)


@pytest.mark.parametrize(
    "unit", [b"aaaa", b"\\n", b"\\u0041", b"\\ud83d\\ude00", b"\xf0\x9f\x98\x80", b'\\"']
)
def test_pictures_take_no_more_than_themselves_twice(unit: bytes) -> None:
    content = filled(b'{"ref_image": "', unit) + b'"}'
    assert peak(lambda: parse_body(content)) < 2.5 * _SIZE


@pytest.mark.parametrize("unit", ["aa ", "aaaa", "a\n", " ", "aaa\xa0"])
def test_base64_with_much_white_space_takes_about_twice_its_size(unit: str) -> None:
    text = unit * (_SIZE // len(unit))
    assert peak(lambda: image_bytes("ref_image", text, 2**30)) < 2.2 * len(text)


def test_white_space_in_base64_is_left_out() -> None:
    encoded = base64.encodebytes(bytes(range(256))).decode().replace("\n", " \t\r\n\x0b\x0c")
    assert image_bytes("ref_image", encoded, 1000) == bytes(range(256))
    with pytest.raises(InvalidRequest):
        image_bytes("ref_image", encoded.replace(" ", "\u2003"), 1000)


def test_escaped_slashes_and_a_byte_order_mark_over_http(live: Live) -> None:
    """PHP escapes every slash of its base64, and PowerShell begins with a byte order mark."""
    content = json.dumps(make_body()).replace("/", r"\/").encode("utf-8-sig")
    answer = live.post(data=content, headers={"Content-Type": "application/json"})
    assert picture_of(answer).size == (64, 64)


def test_a_hostile_body_over_http_is_told_where_it_goes_wrong(live: Live) -> None:
    content = bytes(filled(b'{\n"prompt": "x",\n"a":[', b"[],", 32 * 2**20))
    answer = live.post(data=content, headers={"Content-Type": "application/json"})
    check_envelope(answer)
    assert answer.status_code == 400 and "a at line 3, column 1, byte 17" in answer.text
