"""The whole remix on the tiny suite: sizes, batches, seeds, dials, bit-exact products."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from remixlab import images, remix
from remixlab.models.schedulers import make_scheduler
from remixlab.models.spec import SchedulerSpec
from remixlab.models.suite import Suite
from remixlab.remix import Remixer
from remixlab.request import SIZES, RemixRequest, RemixResult
from tests.conftest import make_product, make_reference

ODD_SIZES = [(300, 500), (2000, 1333), (64, 64)]


def request(**changes: Any) -> RemixRequest:
    """A small request with a fixed seed."""
    settings: dict[str, Any] = {
        "product_image": make_product(128, 128),
        "ref_image": make_reference(0),
        "prompt": "a red bottle on an oak table",
        "seed": 11,
    }
    return RemixRequest(**(settings | changes))


@pytest.fixture
def latents_of(tiny_remixer: Remixer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes remixes and returns the latents of each, before the rounding to pixels hides things."""

    def run(requests: list[RemixRequest]) -> list[torch.Tensor]:
        found: list[torch.Tensor] = []
        decode = remix.decode_latents

        def spy(vae: Any, latents: torch.Tensor) -> torch.Tensor:
            found.append(latents)
            return decode(vae, latents)

        with monkeypatch.context() as patch:
            patch.setattr(remix, "decode_latents", spy)
            tiny_remixer.remix_batch(requests)
        return found

    return run


def eight_different() -> list[RemixRequest]:
    """Eight requests of which no two share anything but, in two cases, a seed or a reference."""
    return [
        request(
            product_image=make_product(128, 128 if i < 6 else 160, seed=i),
            ref_image=make_reference(i) if i != 5 else None,
            prompt=f"a {'red' if i % 2 else 'blue'} bottle number {i}",
            negative_prompt=f"bad {i}",
            seed=[1, 2, 3, 3, 5, 6, 7, 4294967296][i],
            cfg_scale=[1.0, 1.75, 3.0, 0.5, 7.5, 2.0, 1.0, 1.75][i],
            outline_fidelity=[0.0, 1.0, 0.5, 2.0, 0.0, 1.0, 1.5, 0.7][i],
            style_fidelity=[0.7, 0.0, 1.0, 0.35, 2.0, 0.7, 0.0, 0.2][i],
        )
        for i in range(8)
    ]


def assert_product_untouched(result: RemixResult, product: Image.Image) -> None:
    given, made = np.array(product), np.array(result.image)
    opaque = given[..., 3] == 255
    assert opaque.any()
    assert np.array_equal(made[opaque], given[..., :3][opaque])


@pytest.mark.parametrize(
    "size",
    [(s.width, s.height) for s in SIZES.values()] + ODD_SIZES,
    ids=lambda s: f"{s[0]}x{s[1]}",
)
def test_output_has_the_products_size_and_its_very_pixels(
    tiny_remixer: Remixer, size: tuple[int, int]
) -> None:
    product = make_product(*size)
    result = tiny_remixer.remix(request(product_image=product))
    assert result.image.size == result.background.size == result.mask.size == size
    assert result.image.mode == "RGB"
    assert_product_untouched(result, product)


def test_batch_of_eight_equals_eight_solos(latents_of: Any) -> None:
    requests = eight_different()
    together = latents_of(requests)
    alone = [latents_of([one])[0] for one in requests]
    for number, (batched, solo) in enumerate(zip(together, alone, strict=True)):
        difference = float((batched - solo).abs().max() / solo.abs().max())
        assert difference < 1e-4, f"request {number} differs by {difference}"


def test_batch_answers_in_order_across_sizes(tiny_remixer: Remixer) -> None:
    sizes = [(128, 128), (160, 96), (128, 128), (96, 160), (160, 96)]
    requests = [request(product_image=make_product(*size)) for size in sizes]
    assert [r.image.size for r in tiny_remixer.remix_batch(requests)] == sizes


def test_one_picture_that_is_asked_for_twice_is_made_once(
    tiny_remixer: Remixer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a dial leaves out, and a negative prompt without guidance, decide nothing."""
    product = make_product(128, 128)
    unread = [
        request(
            product_image=product,
            ref_image=make_reference(i),
            style_fidelity=0,
            cfg_scale=1 - i / 4,
            negative_prompt=f"bad {i}",
        )
        for i in range(3)
    ]
    other = request(product_image=product, style_fidelity=0, cfg_scale=1, seed=12)
    made: list[int] = []
    monkeypatch.setattr(remix, "denoise", counting(remix.denoise, made))
    results = tiny_remixer.remix_batch([unread[0], other, *unread[1:]])
    assert made == [2]
    pictures = [result.image.tobytes() for result in results]
    assert pictures[0] == pictures[2] == pictures[3] != pictures[1]
    hashes = {str(result.provenance["request"]["ref_image"]) for result in results}
    assert len(hashes) == 3  # each still says what it was asked with


def counting(denoise: Any, made: list[int]) -> Any:
    """`denoise` that notes how many pictures it makes."""

    def counted(suite: Any, conditions: Any, noise: torch.Tensor, **others: Any) -> torch.Tensor:
        made.append(len(noise))
        return denoise(suite, conditions, noise, **others)

    return counted


def test_batches_are_split_to_the_batch_size(tiny_remixer: Remixer) -> None:
    config = replace(
        tiny_remixer.config, runtime=replace(tiny_remixer.config.runtime, batch_size=2)
    )
    split = Remixer(tiny_remixer.suite, config)
    requests = [request(seed=seed) for seed in (1, 2, 3, 4, 5)]
    whole = [np.array(r.image) for r in tiny_remixer.remix_batch(requests)]
    parts = [np.array(r.image) for r in split.remix_batch(requests)]
    for a, b in zip(whole, parts, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1


def test_seed_alone_decides(tiny_remixer: Remixer) -> None:
    same, again, other = (
        np.array(tiny_remixer.remix(request(seed=seed)).image) for seed in (5, 5, 6)
    )
    assert np.array_equal(same, again)
    assert not np.array_equal(same, other)


def test_drawn_seed_is_reported_and_repeats(tiny_remixer: Remixer) -> None:
    first = tiny_remixer.remix(request(seed=-1))
    assert 1 <= first.seed <= 4294967296
    again = tiny_remixer.remix(request(seed=first.seed))
    assert np.array_equal(np.array(first.image), np.array(again.image))


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a blue jar on white marble"},
        {"negative_prompt": "oak"},
        {"ref_image": make_reference(3)},
        {"cfg_scale": 6.0},
        {"outline_fidelity": 0.0},
        {"style_fidelity": 0.0},
    ],
    ids=lambda c: next(iter(c)),
)
def test_every_field_matters(latents_of: Any, change: dict[str, Any]) -> None:
    plain, changed = latents_of([request(cfg_scale=3.0), request(**({"cfg_scale": 3.0} | change))])
    assert float((plain - changed).abs().max()) > 1e-4


def test_negative_prompt_does_not_matter_without_guidance(latents_of: Any) -> None:
    a, b = latents_of([request(cfg_scale=1.0), request(cfg_scale=1.0, negative_prompt="oak")])
    assert torch.equal(a, b)


def test_guidance_ends_where_the_suite_says_unless_the_branches_do(tiny_remixer: Remixer) -> None:
    suite, config = tiny_remixer.suite, tiny_remixer.config
    early = replace(suite, spec=replace(suite.spec, guidance_until=0.5))

    def background(suite: Suite, until: float | None) -> Image.Image:
        branches = replace(config.branches, guidance_until=until)
        made = Remixer(suite, replace(config, steps=2, branches=branches))
        return made.remix(request(cfg_scale=6.0)).background

    always, half = background(suite, None), background(suite, 0.5)
    assert always != half
    assert background(early, None) == half
    assert background(early, 1.0) == always


def test_prompt_only_and_empty_prompt(tiny_remixer: Remixer) -> None:
    product = make_product(128, 128)
    result = tiny_remixer.remix(RemixRequest(product_image=product))
    assert_product_untouched(result, product)


def test_a_product_without_an_outline_is_named(tiny_remixer: Remixer) -> None:
    thread = np.zeros((128, 128, 4), np.uint8)
    thread[:, 63:65] = (200, 0, 0, 255)
    asked = request(product_image=Image.fromarray(thread))
    result = tiny_remixer.remix(asked)
    assert not np.asarray(result.outline).any()
    (warning,) = result.warnings
    assert warning.startswith("outline_fidelity")
    assert tiny_remixer.remix(replace(asked, outline_fidelity=0)).warnings == []


def test_lost_words_are_named(tiny_remixer: Remixer) -> None:
    long = "a red bottle on an oak table " * 40 + "zebra"
    warnings = tiny_remixer.remix(request(prompt=long)).warnings
    assert len(warnings) == 1
    assert warnings[0].startswith("prompt") and "zebra" in warnings[0]
    assert tiny_remixer.remix(request()).warnings == []


def test_result_tells_what_it_was_made_of(tiny_remixer: Remixer, tmp_path: Any) -> None:
    asked = request()
    result = tiny_remixer.remix(asked)
    stages = {"product", "text", "reference", "outline", "encode", "denoise", "decode", "composite"}
    assert set(result.timings) == stages
    assert result.provenance["request"]["product_image"] == images.sha256(asked.product)
    assert result.provenance["request"]["seed"] == result.seed == 11
    assert result.provenance["product_untouched"] is True
    result.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as saved:
        assert '"seed": 11' in saved.text["remixlab"]
    result.save(tmp_path / "b.png", metadata=False)
    with Image.open(tmp_path / "b.png") as saved:
        assert "remixlab" not in saved.text


def test_step_callback_counts(tiny_remixer: Remixer) -> None:
    seen: list[tuple[int, int]] = []
    tiny_remixer.remix(request(), on_step=lambda step, steps, _: seen.append((step, steps)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("name", ["euler", "dpmpp_2m", "dpmpp_2m_sde", "unipc", "lcm"])
def test_every_sampler_gives_the_same_alone_and_in_a_batch(
    tiny_remixer: Remixer, name: str
) -> None:
    suite = tiny_remixer.suite
    spec = replace(suite.spec, scheduler=SchedulerSpec(name, karras=False))
    base = dict(suite.scheduler_factory().config)
    remixer = Remixer(
        replace(suite, spec=spec, scheduler_factory=lambda: make_scheduler(spec, base)),
        tiny_remixer.config,
    )
    requests = [request(seed=seed) for seed in (1, 2)]
    together = [np.array(r.background).astype(int) for r in remixer.remix_batch(requests)]
    alone = [np.array(remixer.remix(one).background).astype(int) for one in requests]
    for a, b in zip(together, alone, strict=True):
        assert np.abs(a - b).max() <= 1
    assert np.abs(alone[0] - alone[1]).max() > 1
