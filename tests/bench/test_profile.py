"""The profile of a remix names the operators that ran."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from PIL import Image

from remixlab import Remixer, RemixRequest
from remixlab.bench.profile import write_profile


def test_trace_and_operators(
    tiny_remixer: Remixer, product: Image.Image, reference: Image.Image, tmp_path: Path
) -> None:
    write_profile(tiny_remixer, RemixRequest(product_image=product, ref_image=reference), tmp_path)
    events = json.loads(gzip.decompress((tmp_path / "trace.json.gz").read_bytes()))["traceEvents"]
    names = {event.get("name") for event in events}
    assert {"aten::convolution", "aten::scaled_dot_product_attention"} <= names
    assert "convolution" in (tmp_path / "operators.txt").read_text()
