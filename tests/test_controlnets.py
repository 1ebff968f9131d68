"""Remixes through ControlNets of every convention: what reaches the network, and its weight."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from remixlab.prepare import prepare_conditions, prepare_products
from remixlab.product import draw_control
from remixlab.remix import Remixer
from remixlab.request import RemixRequest
from remixlab.runtime import Clock
from tests.conftest import make_product


def asked(remixer: Remixer, control: str, scale: float) -> Remixer:
    """The same networks, asked as a ControlNet of this convention."""
    spec = replace(remixer.suite.spec, control=control, control_scale=scale)
    return Remixer(replace(remixer.suite, spec=spec), remixer.config)


@contextmanager
def watched(remixer: Remixer) -> Iterator[list[Tensor]]:
    """Collects what the outline embedding is given."""
    seen: list[Tensor] = []

    def keep(_: Any, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0])

    handle = remixer.suite.outline_embedding.register_forward_pre_hook(keep)
    yield seen
    handle.remove()


def recoloured(product: Image.Image) -> Image.Image:
    pixels = np.array(product)
    pixels[..., :3] = 255 - pixels[..., :3]
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    ("control", "scale", "shown"), [("lines", 1.0, 1), ("softedge", 0.7, 1), ("inpaint", 0.5, 2)]
)
@torch.inference_mode()
def test_controlnets_are_asked_in_their_own_way(
    tiny_remixer: Remixer, control: str, scale: float, shown: int
) -> None:
    remixer = asked(tiny_remixer, control, scale)
    product = make_product(128, 128)
    requests = [
        RemixRequest(product_image=picture, prompt="x", seed=1, outline_fidelity=1.2)
        for picture in (product, recoloured(product))
    ]
    size = remixer.suite.spec.native_size(*product.size)
    products = prepare_products(remixer.suite, requests, size, remixer.config)
    with watched(remixer) as seen:
        conditions, _ = prepare_conditions(
            remixer.suite, requests, products, remixer.config, Clock(remixer.suite.device)
        )
    [images] = seen
    # One silhouette is shown once; in two colours it is two pictures to an inpainting network.
    assert images.shape == (shown, 3, *size[::-1])
    wanted = draw_control(products[0].native, products[0].outline, control)
    assert np.array_equal(images[0].permute(1, 2, 0).numpy(), wanted)
    assert [dials.outline for dials in conditions.dials] == pytest.approx([1.2 * scale] * 2)


@pytest.mark.parametrize("control", ["softedge", "inpaint"])
def test_the_convention_decides_the_picture(tiny_remixer: Remixer, control: str) -> None:
    request = RemixRequest(product_image=make_product(128, 128), prompt="x", seed=1)
    usual = tiny_remixer.remix(request).background
    other = asked(tiny_remixer, control, 1.0).remix(request).background
    assert np.abs(np.subtract(usual, other, dtype=np.int16)).max() > 0
