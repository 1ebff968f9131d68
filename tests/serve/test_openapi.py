"""Requests made from the OpenAPI document, and bodies of all kinds: never 500, never 422."""

from __future__ import annotations

import string

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.serve.fakes import make_body

_CALLS = 5000
_GOOD = make_body()
_QUIET = settings(
    deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
_VALUES = _JSON | st.sampled_from(
    [_GOOD["product_image"], "http://127.0.0.1/", "data:,", "-1", 2**32, "9" * 5000, " ", "\0"]
)
_BASE64 = st.text(string.ascii_letters + string.digits + "+/=_- \n", max_size=200)
