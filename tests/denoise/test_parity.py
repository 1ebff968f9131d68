"""Our loop against diffusers' own SDXL ControlNet inpainting pipeline, same weights, same noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionXLControlNetInpaintPipeline
from PIL import Image
from torch import Tensor

from remixlab import images
from remixlab.denoise.conditioning import (
    Branches,
    Conditions,
    Dials,
    encode_texts,
    micro_conditioning,
)
from remixlab.denoise.keep import Keep
from remixlab.denoise.loop import denoise
from remixlab.models.suite import Suite
from remixlab.reference import encode_references
from remixlab.runtime import draw_noise, seeded_generators
from tests.stock_folder import pipeline_from_folder

SIDE, STEPS = 128, 4
PROMPT, NEGATIVE = "a red bottle on an oak table", "a blue jar"


@pytest.fixture(scope="module")
def stock(tiny_folder: Path, tiny_suite: Suite) -> StableDiffusionXLControlNetInpaintPipeline:
    """The stock pipeline with the tiny suite's weights and its IP-Adapter."""
    return pipeline_from_folder(tiny_folder, tiny_suite)


@pytest.fixture
def square_reference(reference: Image.Image) -> Image.Image:
    """As large as the encoder's square, so that neither side resizes or crops."""
    return reference.resize((32, 32))


def outline_map() -> Image.Image:
    """A ring on black."""
    picture = Image.new("RGB", (SIDE, SIDE))
    picture.paste((255, 255, 255), (32, 32, 96, 96))
    picture.paste((0, 0, 0), (36, 36, 92, 92))
    return picture


def run_stock(
    pipeline: StableDiffusionXLControlNetInpaintPipeline, noise: Tensor, **settings: Any
) -> Tensor:
    """Latents from the pipeline, everything masked, started from pure noise."""
    options: dict[str, Any] = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "image": Image.new("RGB", (SIDE, SIDE), (90, 120, 60)),
        "mask_image": Image.new("L", (SIDE, SIDE), 255),
        "strength": 1.0,
        "num_inference_steps": STEPS,
        "output_type": "latent",
        "latents": noise,
    }
    with torch.inference_mode():
        return pipeline(**(options | settings)).images


def run_ours(
    suite: Suite,
    noise: Tensor,
    dials: Dials,
    reference: Image.Image | None = None,
    branches: Branches = Branches(),  # noqa: B008 - frozen
    **options: Any,
) -> Tensor:
    """Latents from our loop for the same request."""
    with torch.inference_mode():
        texts, pooled = encode_texts(suite, [PROMPT, NEGATIVE])
        pixels = (images.to_tensor(outline_map()) + 1) / 2
        conditions = Conditions(
            texts=texts,
            pooled=pooled,
            prompts=[0],
            negatives=[1],
            references=encode_references(suite, [reference], "resize") if reference else None,
            reference=[1 if reference else 0],
            outlines=suite.outline_embedding(pixels),
            outline=[0],
            time_ids=micro_conditioning(SIDE, SIDE),
            dials=[dials],
            noise=[0],
            branches=branches,
        )
        return denoise(
            suite, conditions, noise, steps=STEPS, generators=seeded_generators([7]), **options
        )


def start_noise() -> Tensor:
    return draw_noise(seeded_generators([7]), (4, SIDE // 8, SIDE // 8), torch.device("cpu"))


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize(
    ("cfg", "outline", "style"),
    [
        (1.0, 0.0, 0.0),  # text to image
        (1.0, 1.0, 0.0),  # with ControlNet
        (1.0, 0.6, 0.0),
        (1.0, 0.0, 1.0),  # with IP-Adapter
        (1.0, 0.0, 0.4),
        (5.0, 0.0, 0.0),  # with guidance
        (1.75, 0.8, 0.7),  # with everything
    ],
)
def test_agrees_with_stock_pipeline(
    tiny_suite: Suite,
    stock: StableDiffusionXLControlNetInpaintPipeline,
    square_reference: Image.Image,
    cfg: float,
    outline: float,
    style: float,
) -> None:
    noise = start_noise()
    stock.set_ip_adapter_scale(style)
    theirs = run_stock(
        stock,
        noise,
        guidance_scale=cfg,
        control_image=outline_map(),
        controlnet_conditioning_scale=outline,
        ip_adapter_image=square_reference,
    )
    ours = run_ours(tiny_suite, noise, Dials(cfg, outline, style), square_reference)
    assert relative(ours, theirs) < 1e-4


@pytest.mark.parametrize("span", [(0.0, 0.5), (0.3, 1.0), (0.3, 0.8)])
def test_outline_on_an_interval_agrees_too(
    tiny_suite: Suite,
    stock: StableDiffusionXLControlNetInpaintPipeline,
    square_reference: Image.Image,
    span: tuple[float, float],
) -> None:
    noise = start_noise()
    stock.set_ip_adapter_scale(0.7)
    theirs = run_stock(
        stock,
        noise,
        guidance_scale=3.0,
        control_image=outline_map(),
        controlnet_conditioning_scale=1.0,
        control_guidance_start=span[0],
        control_guidance_end=span[1],
        ip_adapter_image=square_reference,
    )
    dials, branches = Dials(3.0, 1.0, 0.7), Branches(outline=span)
    ours = run_ours(tiny_suite, noise, dials, square_reference, branches)
    assert relative(ours, theirs) < 1e-4
    always = run_ours(tiny_suite, noise, dials, square_reference)
    assert relative(always, ours) > 1e-3


def test_each_branch_changes_the_picture(tiny_suite: Suite, square_reference: Image.Image) -> None:
    """So that the agreement above is not one of branches that do nothing."""
    noise = start_noise()
    plain = run_ours(tiny_suite, noise, Dials(1.0, 0.0, 0.0))
    for dials in (Dials(5.0, 0, 0), Dials(1, 1.0, 0), Dials(1, 0, 1.0)):
        changed = run_ours(tiny_suite, noise, dials, square_reference)
        assert relative(changed, plain) > 1e-3, dials


def test_strength_below_one_drops_a_step_in_the_pipeline_and_never_in_ours(
    tiny_suite: Suite, stock: StableDiffusionXLControlNetInpaintPipeline
) -> None:
    """The pipelines' default strength of 0.9999 takes one step less, from an easier start.

    Ours always takes all steps from the schedule's own first sigma, so that nothing of the
    product's surroundings leaks into the background.
    """
    taken: list[int] = []

    def count(_pipe: object, step: int, _time: object, kwargs: dict[str, Any]) -> dict[str, Any]:
        taken.append(step)
        return kwargs

    stock.set_ip_adapter_scale(0.0)
    run_stock(
        stock,
        start_noise(),
        strength=0.9999,
        control_image=outline_map(),
        ip_adapter_image=outline_map(),
        callback_on_step_end=count,
    )
    ours: list[int] = []
    run_ours(tiny_suite, start_noise(), Dials(1, 0, 0), on_step=lambda step, *_: ours.append(step))
    assert (len(taken), len(ours)) == (STEPS - 1, STEPS)


def test_soft_mask_lets_half_covered_latents_go_halfway(tiny_suite: Suite) -> None:
    """The pipelines binarise the mask; ours frees freedom f after 1 - f of the steps."""
    noise = start_noise()
    known = torch.full_like(noise, 0.5)
    freedom = torch.zeros(1, 1, *noise.shape[-2:])
    freedom[..., :4], freedom[..., 4:8] = 1.0, 0.6
    soft = run_ours(tiny_suite, noise, Dials(1, 0, 0), keep=Keep(known, freedom, noise))
    hard = run_ours(
        tiny_suite, noise, Dials(1, 0, 0), keep=Keep(known, (freedom > 0.5).float(), noise)
    )
    assert torch.equal(soft[..., 8:], known[..., 8:])  # never free: exactly the product's
    assert not torch.equal(soft[..., 4:8], known[..., 4:8])
    assert relative(soft[..., 4:8], hard[..., 4:8]) > 1e-3


def test_branches_at_zero_are_not_run(
    tiny_suite: Suite, square_reference: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipelines run a ControlNet and an IP-Adapter at scale 0 and multiply; ours skip them."""
    from remixlab.models.attention import RowAttention

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a branch at zero was run")

    monkeypatch.setattr(tiny_suite.controlnet, "forward", refuse)
    run_ours(tiny_suite, start_noise(), Dials(1.75, 0.0, 0.7), square_reference)
    monkeypatch.undo()
    for processor in tiny_suite.unet.attn_processors.values():
        assert isinstance(processor, RowAttention)
        if processor.reference_enabled:
            monkeypatch.setattr(processor.to_k_ip, "forward", refuse)
    run_ours(tiny_suite, start_noise(), Dials(1.75, 1.0, 0.0), square_reference)
