"""The SDXL architecture has the published sizes, without a byte of weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remixlab.config import compose_config
from remixlab.models.random_weights import meta_suite
from remixlab.models.sources import architecture_folder
from remixlab.models.spec import SuiteSpec
from remixlab.models.suite import Suite
from remixlab.models.tokenizers import architecture_tokenizers

MILLIONS = {
    "unet": 2567.46,
    "controlnet": 1251.01,
    "vae": 83.65,
    "text_encoder": 123.06,
    "text_encoder_2": 694.66,
    "image_encoder": 632.08,
    "image_projection": 82.96,
}


def test_parameters_of_sdxl() -> None:
    networks = meta_suite(SuiteSpec.from_config(compose_config(["model=sdxl"]).model))
    assert networks.keys() == MILLIONS.keys()
    for part, network in networks.items():
        assert all(parameter.is_meta for parameter in network.parameters())
        count = sum(parameter.numel() for parameter in network.parameters()) / 1e6
        assert count == pytest.approx(MILLIONS[part], abs=0.006), part


@pytest.mark.parametrize(
    ("overrides", "changed"),
    [
        (["model=realvisxl_lightning"], {}),
        (["model=sdxl_lightning"], {}),
        (["model=sdxl_lightning", "model/lightning=lora", "model.steps=2"], {}),
        (["model=sdxl_lcm", "model/controlnet=ecomxl_inpaint"], {}),
        (["model=sdxl", "model/ip_adapter=plain"], {"image_projection": 8.40}),
        # ViT-bigG, 3.69 GB in half precision
        (
            ["model=sdxl", "model/ip_adapter=bigg"],
            {"image_projection": 10.50, "image_encoder": 1844.91},
        ),
    ],
)
def test_every_suite_builds_on_the_meta_device(
    overrides: list[str], changed: dict[str, float]
) -> None:
    spec = SuiteSpec.from_config(compose_config([*overrides, "model.weights=random"]).model)
    networks = meta_suite(spec)
    # A stock pipeline would run it in float32, and be compared with ours in float16.
    assert networks["vae"].config.force_upcast is False
    for part, network in networks.items():
        assert all(parameter.is_meta for parameter in network.parameters())
        count = sum(parameter.numel() for parameter in network.parameters()) / 1e6
        assert count == pytest.approx((MILLIONS | changed)[part], abs=0.006), part


def test_shapes_follow_from_a_folder_without_an_adapter_config(tiny: Suite) -> None:
    networks = meta_suite(tiny.spec)
    ours = {name: value.shape for name, value in networks["image_projection"].named_parameters()}
    theirs = {name: value.shape for name, value in tiny.image_projection.named_parameters()}
    assert ours == theirs


def test_clip_tokenizers_without_a_hub() -> None:
    first, second = architecture_tokenizers(architecture_folder("sdxl"))
    ids = [49406, 320, 1125, 539, 320, 2368, 49407]  # "a photo of a cat" in OpenAI's CLIP
    assert first("a photo of a cat").input_ids == second("a photo of a cat").input_ids == ids
    assert first("a", padding="max_length").input_ids[-1] == 49407
    assert second("a", padding="max_length").input_ids[-1] == 0
    assert len(first) == 49408 and first.model_max_length == 77


def test_random_tokenizers_are_the_architectures_own(load_tiny: Callable[..., Suite]) -> None:
    suite = load_tiny(weights="random")
    assert len(suite.tokenizers[0]) == suite.text_encoders[0].config.vocab_size
