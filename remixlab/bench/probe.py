"""What a suite paints today, in a few numbers: is a result still of the suite beside it?

A result keeps the probe of the suite that it was measured on. Weights, settings and sampler decide
the probe, while moving code about and another machine's rounding do not; so a result whose probe
is no longer painted is stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from PIL import Image

from remixlab.remix import Remixer
from remixlab.request import RemixRequest

TOLERANCE = 0.1
"""Of 255, in the mean: processors round otherwise, which is less than a fifth of that."""
_SIDE, _PROBE = 256, 16


def take_probe(model: str = "mini", overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Two remixes with a suite's own settings, in float32; `thumbnails` is (2, 16, 16, 3), 0..255.

    The product is a disc, the references are stripes and a gradient, drawn here. Raises as
    `Remixer.from_config`.
    """
    remixer = Remixer.from_config(model, overrides=[*overrides, "runtime.dtype=float32"])
    results = remixer.remix_batch([_request(number) for number in range(2)])
    shrunk = (
        cv2.resize(np.asarray(r.background), (_PROBE, _PROBE), interpolation=cv2.INTER_AREA)
        for r in results
    )
    return {"suite": model, "thumbnails": [thumbnail.tolist() for thumbnail in shrunk]}


def probe_difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The mean difference of two probes' thumbnails, of 255; infinite for two suites."""
    if one["suite"] != other["suite"]:
        return float("inf")
    pair = (np.asarray(probe["thumbnails"], float) for probe in (one, other))
    return float(np.abs(np.subtract(*pair)).mean())


def _request(number: int) -> RemixRequest:
    rows, columns = np.mgrid[:_SIDE, :_SIDE] / (_SIDE - 1)
    stripes = np.where(np.floor(8 * columns) % 2 == 0, 0.2, 0.7)
    looks = (
        np.stack([stripes, 0.5 * stripes, 0.3 * rows], 2),
        np.stack([rows, 0.8 * rows, 1 - 0.5 * columns], 2),
    )
    disc = np.hypot(rows - 0.6, columns - 0.5) < 0.25
    product = np.zeros((_SIDE, _SIDE, 4), np.uint8)
    product[disc] = 60, 110, 150, 255
    return RemixRequest(
        product_image=Image.fromarray(product),
        ref_image=Image.fromarray((255 * looks[number]).astype(np.uint8)),
        prompt=("product photograph on a wooden table", "product photograph")[number],
        seed=number + 1,
    )
