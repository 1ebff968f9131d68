"""Requests made from the OpenAPI document, and bodies of all kinds: never 500, never 422."""

from __future__ import annotations

import json
import string
from collections import Counter
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import negative_data_rejection, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serve.fakes import KEY, PATH, Live, check_envelope, make_body

_EACH = 2500  # calls of the remix route with bodies that fit the schema, and that do not
_CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_GOOD = make_body()
_PICTURES = {name: _GOOD[name] for name in ("product_image", "ref_image")}
_HEALTH = list(HealthCheck)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
_ODD = st.sampled_from(
    [_GOOD["product_image"], "http://127.0.0.1/", "data:,", "-1", 2**32, "9" * 5000, " ", "\0"]
)
_BASE64 = st.text(string.ascii_letters + string.digits + "+/=_- \n", max_size=200)
_FIELD = st.sampled_from([*_GOOD, "cfg_scale", "outline_fidelity", "style_fidelity", "x"])


def quiet(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=_HEALTH,
        database=None,
        derandomize=True,
    )


def call(live: Live, case: Case, checks: list[Any]) -> int:
    """Send a request of schemathesis; the status of an answer that is as documented."""
    with requests.Session() as session:
        answer = case.call(session=session, headers={"X-Photio-Key": KEY}, timeout=20)
    case.validate_response(answer, checks=checks)
    body = json.loads(answer.content)
    assert set(body) == {"status_code", "body"} and body["status_code"] == answer.status_code
    return answer.status_code


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_requests_from_the_openapi_document(live: Live, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(live.url + "/openapi.json")
    checks = list(_CHECKS)
    if mode is GenerationMode.NEGATIVE:
        checks.append(negative_data_rejection)
    statuses: Counter[int] = Counter()

    @quiet(_EACH)
    @given(case=schema[PATH]["POST"].as_strategy(generation_mode=mode))
    def check(case: Case) -> None:
        if mode is GenerationMode.POSITIVE and statuses.total() % 2 and isinstance(case.body, dict):
            case.body |= _PICTURES  # the schema cannot say what a picture is
        statuses[call(live, case, checks)] += 1

    check()
    print(mode.value, dict(statuses))
    assert statuses.total() >= _EACH and not statuses[422]
    assert mode is GenerationMode.NEGATIVE or statuses[200] > _EACH / 10
    assert live.post(_GOOD).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_the_other_routes(live: Live, path: str) -> None:
    schema = schemathesis.openapi.from_url(live.url + "/openapi.json")

    @quiet(20)
    @given(case=schema[path]["GET"].as_strategy())
    def check(case: Case) -> None:
        case.call_and_validate(timeout=20, checks=_CHECKS)

    check()


@quiet(300)
@given(
    changes=st.dictionaries(_FIELD, _JSON | _ODD | _BASE64, min_size=1, max_size=3),
    missing=st.sets(_FIELD, max_size=1),
)
def test_any_fields(live: Live, changes: dict[str, Any], missing: set[str]) -> None:
    fields = {name: value for name, value in (_GOOD | changes).items() if name not in missing}
    headers = {"Content-Type": "application/json"}
    answer = live.post(data=json.dumps(fields), headers=headers)  # also NaN and half surrogates
    check_envelope(answer)
    assert answer.status_code in (200, 400, 413)


@quiet(200)
@given(content=st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body(live: Live, content: bytes) -> None:
    answer = live.post(data=content, headers={"Content-Type": "application/json"})
    check_envelope(answer)
    assert answer.status_code == 400


@quiet(200)
@given(
    name=st.sampled_from(["X-Photio-Key", "Content-Type", "Host", "Accept", "Content-Encoding"]),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")),
)
def test_any_header(live: Live, name: str, value: str) -> None:
    raw = value.encode("latin-1").strip()
    answer = live.post(_GOOD, headers={name: raw})
    check_envelope(answer)
    assert answer.status_code in (200, 400, 401, 415)
