"""Numbers as text: plain decimals in ASCII, whatever else Python would read as a number."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixlab.errors import InvalidRequest
from remixlab.fields import LARGEST, clean_number, clean_seed

_DIGITS = [chr(code) for code in range(0x80, 0x20000) if unicodedata.decimal(chr(code), None)]
_LIKELY = st.text(st.sampled_from([*"0123456789+-._eExXnNaAiIfF \t\n\x0b\x0c\x1f\xa0", *_DIGITS]))


def number_of(text: str) -> float | None:
    try:
        return clean_number("cfg_scale", text, LARGEST["cfg_scale"])
    except InvalidRequest:
        return None


def seed_of(text: str) -> int | None:
    try:
        return clean_seed(text)
    except InvalidRequest:
        return None


@given(_LIKELY | st.text())
def test_text_is_a_number_where_it_is_a_plain_decimal(text: str) -> None:
    plain = re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text.strip(" \t\r\n"), re.ASCII)
    allowed = plain and 0 <= float(text) <= LARGEST["cfg_scale"]
    assert number_of(text) == (float(text) if allowed else None)


@given(_LIKELY | st.text())
def test_text_is_a_seed_where_it_is_a_plain_integer_or_blank(text: str) -> None:
    bare = text.strip(" \t\r\n")
    if not bare:
        assert clean_seed(text) == -1
        return
    plain = re.fullmatch(r"[+-]?[0-9]{1,20}", bare, re.ASCII)
    allowed = plain and (int(bare) == -1 or 1 <= int(bare) <= 2**32)
    assert seed_of(text) == (int(bare) if allowed else None)


@pytest.mark.parametrize(
    "text",
    ["1_0", "\uff11\uff10", "\u0661", "1e1", ".5", "1.", "0x1", "inf", "nan", "1\xa0", "", "1 0"],
)
def test_what_python_reads_and_forms_do_not_send_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="plain digits"):
        clean_number("cfg_scale", text, 30)


@pytest.mark.parametrize("text", ["1_0", "\uff11", "\u0661", "1.0", "1e1", "0x1", "1\xa0", "\xa0"])
def test_seeds_too(text: str) -> None:
    with pytest.raises(InvalidRequest, match="seed"):
        clean_seed(text)


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1.0), (" +1.50\n", 1.5), ("-0", 0.0), ("007", 7)]
)
def test_plain_text_is_read(text: str, number: float) -> None:
    assert clean_number("cfg_scale", text, 30) == number
