"""The committed example pictures are what their readers are promised."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PRODUCTS = sorted((EXAMPLES / "products").glob("*.png"))
REFERENCES = sorted((EXAMPLES / "references").glob("*.jpg"))
REQUESTS = sorted((EXAMPLES / "requests").glob("*.json"))


def stem(path: Path) -> str:
    return path.stem


def rgba(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "RGBA"
        return np.asarray(image)


def test_there_is_enough_of_everything() -> None:
    assert len(PRODUCTS) >= 4
    assert len(REFERENCES) >= 4
    assert len(REQUESTS) >= 6


@pytest.mark.parametrize("path", PRODUCTS, ids=stem)
def test_product_alpha_is_honest(path: Path) -> None:
    pixels = rgba(path)
    alpha = pixels[..., 3]
    assert path.stat().st_size < 700_000
    assert (alpha == 0).mean() > 0.5
    assert (alpha == 255).mean() > 0.02
    assert 0.0005 < ((alpha > 0) & (alpha < 255)).mean() < 0.2
    assert not pixels[alpha == 0].any(), "outside must be plain zeros"


@pytest.mark.parametrize("path", PRODUCTS, ids=stem)
def test_product_stands_in_the_lower_half_and_clear_of_the_frame(path: Path) -> None:
    alpha = rgba(path)[..., 3]
    lines, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    height, width = alpha.shape
    assert 0.73 < lines[-1] / height < 0.86
    assert 0.4 < (lines[-1] - lines[0]) / height < 0.7
    assert lines[0] > 0.05 * height
    assert columns[0] > 0.1 * width and columns[-1] < 0.9 * width


@pytest.mark.parametrize("path", PRODUCTS, ids=stem)
def test_soft_edges_are_not_darker_than_the_product(path: Path) -> None:
    """A black fringe is the mark of colour that was left premultiplied."""
    if path.stem == "perfume":
        pytest.skip("glass has dark edges of its own")
    pixels = rgba(path).astype(float)
    alpha, light = pixels[..., 3], pixels[..., :3].mean(axis=2)
    soft = (alpha > 20) & (alpha < 235)
    assert light[soft].mean() > 0.55 * light[alpha == 255].mean()


def test_glass_is_really_translucent() -> None:
    alpha = rgba(EXAMPLES / "products" / "perfume.png")[..., 3]
    covered = alpha > 0
    translucent = (alpha > 15) & (alpha < 240)
    assert translucent.sum() / covered.sum() > 0.2
    assert (alpha == 255).sum() / covered.sum() > 0.15


def test_sizes_vary() -> None:
    sizes = {Image.open(path).size for path in PRODUCTS}
    assert {(1024, 1024), (832, 1216), (1344, 768)} <= sizes


@pytest.mark.parametrize("path", REFERENCES, ids=stem)
def test_reference_is_a_colour_photograph(path: Path) -> None:
    with Image.open(path) as image:
        assert image.mode == "RGB"
        assert 600 <= max(image.size) <= 1024
        assert np.asarray(image, float).std() > 8


@pytest.mark.parametrize("path", REQUESTS, ids=stem)
def test_request_body_is_valid(path: Path) -> None:
    body = json.loads(path.read_text())
    images = {"product_image", "ref_image"}
    dials = {"cfg_scale", "outline_fidelity", "style_fidelity"}
    assert set(body) == {"prompt", "seed"} | images | dials
    assert (path.parent / body["product_image"]).resolve() in PRODUCTS
    assert (path.parent / body["ref_image"]).resolve() in REFERENCES
    assert 0 < len(body["prompt"]) <= 4000
    assert isinstance(body["seed"], int) and 1 <= body["seed"] <= 2**32
    assert 0 <= body["cfg_scale"] <= 30
    assert 0 <= body["outline_fidelity"] <= 2
    assert 0 <= body["style_fidelity"] <= 2


def test_readme_lists_every_file() -> None:
    text = (EXAMPLES / "README.md").read_text()
    everything = (*PRODUCTS, *REFERENCES, *REQUESTS)
    missing = [path.name for path in everything if f"`{path.name}`" not in text]
    assert not missing
