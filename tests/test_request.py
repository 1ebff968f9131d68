"""RemixRequest: the single gate for all input."""

from __future__ import annotations

import base64
import io
import json
import math
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from remixlab import images
from remixlab.request import (
    DEFAULT_NEGATIVE_PROMPT,
    SIZES,
    ImageTooLarge,
    InvalidConfig,
    InvalidImage,
    InvalidRequest,
    ProductAltered,
    RemixError,
    RemixRequest,
    RemixResult,
)

PRODUCT = Image.new("RGBA", (64, 64), (10, 20, 30, 255))
REFERENCE = Image.new("RGB", (8, 8), "red")


def b64(image: Image.Image, kind: str = "PNG") -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


def body(**changes: Any) -> dict[str, Any]:
    return {"product_image": b64(PRODUCT), "ref_image": b64(REFERENCE), **changes}


def make(**changes: Any) -> RemixRequest:
    return RemixRequest(**{"product_image": PRODUCT, **changes})


def test_defaults_are_those_of_the_api():
    request = make()
    assert (request.prompt, request.seed, request.cfg_scale) == ("", -1, 1.75)
    assert (request.outline_fidelity, request.style_fidelity) == (1.0, 0.7)
    assert request.negative_prompt == DEFAULT_NEGATIVE_PROMPT
    assert request.reference is None


def test_the_seven_sizes():
    assert {tag: (s.width, s.height) for tag, s in SIZES.items()} == {
        "fullscreen": (1152, 896),
        "widescreen": (1344, 768),
        "ultrawide": (1536, 640),
        "landscape": (1216, 832),
        "square": (1024, 1024),
        "portrait": (832, 1216),
        "tall": (768, 1344),
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [(1, 1), (2**32, 2**32), ("4294967296", 2**32), (" 7 ", 7), (np.int64(5), 5)]
    + [(blank, -1) for blank in (-1, "-1", "", "  ", None)],
)
def test_good_seeds(given: Any, kept: int):
    assert make(seed=given).seed == kept


def test_bad_seeds_name_the_range():
    wrong: list[Any] = [0, -2, 2**32 + 1, 10**5000, 1.5, 1.0, True, False, math.nan]
    wrong += ["1.5", "x", "0", "1_0", "9" * 30, "1" * 5000, [1], {}, b"1"]
    for seed in wrong:
        with pytest.raises(InvalidRequest, match=r"seed.*1 to 4294967296") as caught:
            make(seed=seed)
        assert caught.value.field == "seed"


@pytest.mark.parametrize(
    ("name", "largest"), [("cfg_scale", 30), ("outline_fidelity", 2), ("style_fidelity", 2)]
)
def test_numbers(name: str, largest: int):
    for good in (0, largest, 0.5, "0.5", np.float32(0.5), np.int64(1)):
        kept = getattr(make(**{name: good}), name)
        assert type(kept) is float
        assert kept == float(good)
    assert math.copysign(1, getattr(make(**{name: -0.0}), name)) == 1
    wrong: list[Any] = [-0.001, largest + 0.001, math.nan, math.inf, -math.inf, 10**400, 10**5000]
    wrong += ["", "x", "nan", "inf", "1,5", True, None, [], {}, b"1", 1j]
    for bad in wrong:
        with pytest.raises(InvalidRequest, match=f"from 0 to {largest}") as caught:
            make(**{name: bad})
        assert caught.value.field == name


def test_text():
    assert len(make(prompt="x" * 4000).prompt) == 4000
    assert make(negative_prompt="").negative_prompt == DEFAULT_NEGATIVE_PROMPT
    assert make(negative_prompt=" ").negative_prompt == " "
    for name in ("prompt", "negative_prompt"):
        for bad in (None, 3, True, [], b"text", "x" * 4001, "half \ud800 a pair"):
            with pytest.raises(InvalidRequest, match="4000 characters") as caught:
                make(**{name: bad})
            assert caught.value.field == name


@pytest.mark.parametrize("name", ["product_image", "ref_image"])
@pytest.mark.parametrize("bad", [3, True, 1.5, [], {}, object(), b"", b"text", "", "no/such/file"])
def test_wrong_images_name_their_field(name: str, bad: Any):
    with pytest.raises(InvalidImage) as caught:
        make(**{name: bad})
    assert caught.value.field == name
    assert str(caught.value).startswith(f"{name}: got ")


def test_a_missing_product_is_an_error():
    with pytest.raises(InvalidImage, match="product_image: got None"):
        make(product_image=None)
    with pytest.raises(InvalidRequest, match="product_image: got None"):
        RemixRequest.from_body({"ref_image": b64(REFERENCE)})


def test_product_sides():
    for size in ((64, 8192), (8192, 64)):
        assert make(product_image=Image.new("RGBA", size)).product.size == size
    for size in ((1, 1), (63, 64), (64, 63), (64, 8193), (8193, 64)):
        with pytest.raises(InvalidRequest, match="64 to 8192") as caught:
            make(product_image=Image.new("RGBA", size))
        assert caught.value.field == "product_image"


def test_both_images_share_a_budget():
    budget = 64 * 64 + 10 * 10
    make(ref_image=Image.new("RGB", (10, 10)), max_pixels=budget)
    with pytest.raises(ImageTooLarge) as caught:
        make(ref_image=Image.new("RGB", (11, 10)), max_pixels=budget)
    assert caught.value.field == "ref_image"
    with pytest.raises(ImageTooLarge) as caught:
        make(max_pixels=64 * 64 - 1)
    assert caught.value.field == "product_image"


def test_images_are_normalised(tmp_path: Path):
    path = tmp_path / "product.png"
    PRODUCT.save(path)
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    for source in (path, str(path), path.read_bytes(), PRODUCT):
        request = make(product_image=source, ref_image=half)
        assert request.product.mode == "RGBA"
        assert request.product.tobytes() == PRODUCT.tobytes()
        assert request.reference is not None
        assert (request.reference.mode, request.reference.getpixel((0, 0))) == ("RGB", (255,) * 3)


def test_resolved_draws_once_and_shares_the_images(monkeypatch: pytest.MonkeyPatch):
    request = make(prompt="a")
    drawn = request.resolved()
    assert 1 <= drawn.seed <= 2**32
    assert drawn.resolved().seed == drawn.seed
    assert drawn.product is request.product
    assert request.seed == -1
    monkeypatch.setattr("secrets.randbelow", lambda bound: bound - 1)
    assert request.resolved().seed == 2**32


def test_frozen_and_keyword_only():
    with pytest.raises(FrozenInstanceError):
        make().seed = 3  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        RemixRequest(PRODUCT)  # pyright: ignore


def test_from_body_reads_what_clients_send():
    wrapped = "\n".join(b64(PRODUCT)[i : i + 76] for i in range(0, len(b64(PRODUCT)), 76))
    jpeg = " Data:image/jpeg;BASE64," + b64(REFERENCE, "JPEG")
    request = RemixRequest.from_body(
        body(product_image=f" {wrapped}\r\n", ref_image=jpeg, seed="12", cfg_scale="2", prompt="p")
    )
    assert (request.seed, request.cfg_scale, request.prompt) == (12, 2.0, "p")
    assert request.product.tobytes() == PRODUCT.tobytes()
    fetched = base64.b64decode(b64(REFERENCE))
    assert RemixRequest.from_body(body(ref_image=fetched)).reference is not None


@pytest.mark.parametrize("name", ["product_image", "ref_image"])
@pytest.mark.parametrize(
    "bad",
    [None, 3, [], "", " \n", "%%%%", "AAA", "é" * 8, "_-__"]
    + ["data:" + rest for rest in ("", "image/png,abc", "image/png;base64", ";base64,")],
)
def test_from_body_refuses_what_is_not_base64(name: str, bad: Any):
    with pytest.raises(InvalidRequest, match="base64 or a data URL") as caught:
        RemixRequest.from_body(body(**{name: bad}))
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "nothing in this"),
        ("data:image/png;base64,", "nothing in this"),
        ("data:image/png,abcd", "does not say ;base64"),
        ("iVBORw0KGgo", "at its end belong 1 ="),
        ("iVBORw0KGg", "at its end belong 2 ="),
        ("iVBORw0KGgo==", "at its end belong 1 ="),
        ("iVBORw0KG", "cut short"),
        ("iVBO-w0_GgoA", "the URL-safe alphabet"),
        ("data:image/png;base64,iVBORw0K%2BGgo%3D", "percent-encoded: decode it first"),
        ("iVBO\nRw0K!Ggo", "character 10 of this is none"),
        ("iVBORw==iVBORw==", "behind its padding"),
    ],
)
def test_from_body_says_what_is_wrong_with_base64(text: str, told: str):
    with pytest.raises(InvalidRequest, match=told) as caught:
        RemixRequest.from_body({"product_image": text, "ref_image": "x"})
    assert caught.value.field == "product_image" and "iVBO" not in str(caught.value)


def test_from_body_refuses_urls_and_says_what_to_send():
    for url in ("http://localhost/a.png", " HTTPS://example.com/a.png"):
        with pytest.raises(InvalidRequest, match="URLs are off") as caught:
            RemixRequest.from_body(body(ref_image=url))
        assert "example" not in str(caught.value)


def test_from_body_needs_a_reference_and_known_keys():
    with pytest.raises(InvalidRequest, match="ref_image"):
        RemixRequest.from_body({"product_image": b64(PRODUCT)})
    with pytest.raises(InvalidRequest, match=r"'steps'.*outline_fidelity"):
        RemixRequest.from_body(body(steps=4))
    for bad in (None, [], "x", 3):
        with pytest.raises(InvalidRequest, match="a JSON object"):
            RemixRequest.from_body(bad)  # pyright: ignore[reportArgumentType]


def test_from_body_caps_before_it_decodes(monkeypatch: pytest.MonkeyPatch):
    def never(*_: object, **__: object) -> bytes:
        raise AssertionError("decoded")

    with pytest.raises(ImageTooLarge):  # fetched bytes and exact sizes count too
        RemixRequest.from_body(body(ref_image=b"x" * 1001), max_bytes=1000)
    with pytest.raises(ImageTooLarge):
        RemixRequest.from_body(body(ref_image=b64(REFERENCE)), max_bytes=60)
    monkeypatch.setattr("base64.b64decode", never)
    with pytest.raises(ImageTooLarge, match="at most 1000 bytes"):
        RemixRequest.from_body(body(product_image="A" * 1501), max_bytes=1000)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from([*RemixRequest.__dataclass_fields__, "extra"]), json_values, max_size=4
    )
)
def test_any_body_gives_a_request_or_a_typed_error(changes: dict[str, Any]):
    try:
        request = RemixRequest.from_body(body(**changes))
    except (InvalidRequest, InvalidImage) as error:
        assert len(str(error)) < 600
    else:
        assert request.seed == -1 or 1 <= request.seed <= 2**32


def test_errors_are_short_keep_no_pixels_and_survive_pickling():
    error = InvalidRequest(field="prompt", value="x" * 10**6, accepted="less")
    assert len(str(error)) < 200
    for value in (b"secret", PRODUCT, [b"secret"], np.zeros(3)):
        error = InvalidImage(field="product_image", value=value, accepted="a picture")
        assert isinstance(error.value, str)
        assert "secret" not in str(error)
        back = pickle.loads(pickle.dumps(error))
        assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))
    assert issubclass(InvalidRequest, ValueError)
    assert issubclass(ProductAltered, RemixError)


def result(**changes: Any) -> RemixResult:
    grey = Image.new("L", (4, 4))
    values: dict[str, Any] = {"image": REFERENCE, "mask": grey, "outline": grey, "seed": 3}
    return RemixResult(**{**values, "background": REFERENCE, **changes})


def test_result_saves_its_provenance(tmp_path: Path):
    provenance = {"seed": 3, "prompt": 'café, "=' + chr(0x1F600)}
    path = tmp_path / "out.png"
    result(provenance=provenance).save(path)
    with Image.open(path) as saved:
        assert json.loads(saved.info["remixlab"]) == provenance
        assert images.sha256(saved) == images.sha256(REFERENCE)
    result(provenance=provenance).save(str(path), metadata=False)
    with Image.open(path) as saved:
        assert "remixlab" not in saved.info
    with pytest.raises(InvalidConfig, match="png"):
        result().save(tmp_path / "out.jpg")
