from __future__ import annotations

import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch import nn
from transformers import CLIPTokenizer

from remixlab.mini import denoiser, prompt_encoder
from remixlab.mini.architecture import CROSS_WIDTH, IMAGE_SIZE, POOLED_WIDTH, TEXT_LENGTH
from remixlab.mini.budget import Budget, averaged
from remixlab.mini.denoiser import (
    Lesson,
    MiniNetworks,
    error_weights,
    references_shown,
    train_denoiser,
    weighted_error,
    wordings,
)
from remixlab.mini.latents import Examples
from remixlab.mini.prompt_encoder import TokenTable, token_ids
from remixlab.mini.style_reader import train_style_reader
from remixlab.models.attention import RowAttention
from tests.mini.conftest import CPU

pytestmark = pytest.mark.usefixtures("small_denoiser")


@pytest.fixture
def lesson(examples: Examples, tokenizer: CLIPTokenizer) -> Lesson:
    return Lesson("half_size", examples, tokenizer, 1.3)


def learns(part: nn.Module) -> bool:
    return any(p.grad is not None and bool(p.grad.any()) for p in part.parameters())


def test_every_part_learns(lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, share in {"USE_OUTLINE": 1.1, "DROP_REFERENCE": 0, "BLANK_REFERENCE": 0}.items():
        monkeypatch.setattr(denoiser, name, share)
    budget = Budget(2, 60, 3, 1e-3)  # after one step, for a ControlNet's last layers start at 0
    trainer = train_denoiser(lesson, budget, folder=tmp_path, device=CPU)
    assert trainer.step == 2 and all(math.isfinite(loss) for loss in trainer.losses)
    networks = trainer.model
    assert {n: learns(part) for n, part in networks.named_children()} == dict.fromkeys(
        ("unet", "controlnet", "text_encoder", "text_encoder_2", "image_encoder", "projection"),
        True,
    )
    assert isinstance(networks, MiniNetworks)
    for layer in networks.unet.attn_processors.values():
        assert isinstance(layer, RowAttention)
        assert learns(layer) == layer.reference_enabled
    assert learns(networks.controlnet.controlnet_cond_embedding)
    assert learns(networks.controlnet.conv_in)


def test_branches_that_are_left_out_do_not_learn(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denoiser, "USE_OUTLINE", 0)
    monkeypatch.setattr(denoiser, "DROP_REFERENCE", 1.1)
    surfaces = lesson.examples.surfaces
    monkeypatch.setattr(
        lesson.examples, "surfaces", {size: ["wood"] * len(each) for size, each in surfaces.items()}
    )
    trainer = train_denoiser(lesson, Budget(1, 60, 2, 1e-3), folder=tmp_path, device=CPU)
    idle = {name for name, part in trainer.model.named_children() if not learns(part)}
    assert idle == {"controlnet", "image_encoder", "projection"}


def test_photographs_always_come_with_their_reference() -> None:
    shown = references_shown(["", "wood"] * 500, Random(0))
    assert all(shown[::2])
    assert sum(shown[1::2]) == pytest.approx(500 * (1 - denoiser.DROP_REFERENCE), abs=40)


@pytest.mark.parametrize("seed", range(4))
def test_an_outline_passes_the_new_embedding(seed: int) -> None:
    torch.manual_seed(seed)
    embedding = MiniNetworks().controlnet.controlnet_cond_embedding
    nn.init.normal_(embedding.conv_out.weight, std=0.05)  # it starts at 0, as a ControlNet should
    lines = torch.zeros(1, 3, 256, 256)
    lines[..., 64:66, 64:192] = lines[..., 64:192, 64:66] = 1
    with torch.no_grad():
        passed = embedding(lines) - embedding(torch.zeros_like(lines))
    assert 0.003 < float(passed.std()) < 10


def test_errors_in_the_product_count_for_less_and_beside_its_outline_for_more() -> None:
    products = torch.zeros(2, 1, 1, 5)
    products[..., 0], products[..., 1] = 1, 0.5
    weights = error_weights(products, torch.tensor([0.0, 1.0]))[:, 0, 0]
    assert weights[0].tolist() == pytest.approx([0.3, 0.65, 1, 1, 1])
    assert weights[1].tolist() == pytest.approx([0.3, 2.65, 3, 1, 1])


def test_errors_count_by_their_weights() -> None:
    wanted, weights = torch.zeros(1, 2, 2, 2), torch.ones(1, 1, 2, 2)
    weights[..., 0] = 3
    left, right = wanted.clone(), wanted.clone()
    left[..., 0], right[..., 1] = 1, 1
    assert float(weighted_error(left, wanted, weights)) == pytest.approx(6 / 8)
    assert float(weighted_error(right, wanted, weights)) == pytest.approx(2 / 8)


def test_a_later_lesson_starts_from_the_average(lesson: Lesson, tmp_path: Path) -> None:
    first = train_denoiser(lesson, Budget(2, 60, 2, 1e-2), folder=tmp_path, device=CPU)
    start = averaged(torch.load(first.path, weights_only=True))
    later = Lesson("full_size", lesson.examples, lesson.tokenizer, 1.3, (first.path,))
    second = train_denoiser(later, Budget(1, 60, 2, 1e-7), folder=tmp_path, device=CPU)
    assert second.step == 1
    for name, value in second.model.state_dict().items():
        assert torch.allclose(value.float(), start[name].float(), atol=1e-6), name


def test_it_starts_with_what_the_style_reader_learnt(lesson: Lesson, tmp_path: Path) -> None:
    budget = Budget(1, 60, 2, 1e-2)
    reader = train_style_reader(lesson.examples, 1.3, budget, folder=tmp_path, device=CPU)
    earlier = train_denoiser(lesson, budget, folder=tmp_path, device=CPU)
    read, painted = (averaged(torch.load(t.path, weights_only=True)) for t in (reader, earlier))
    starts = (earlier.path, reader.path)
    later = Lesson("full_size", lesson.examples, lesson.tokenizer, 1.3, starts)
    trainer = train_denoiser(later, Budget(1, 60, 2, 1e-7), folder=tmp_path, device=CPU)
    taken = trainer.model.state_dict()
    for name, value in taken.items():
        wanted = read.get(name, painted[name])
        assert torch.allclose(value.float(), wanted.float(), atol=1e-6), name
    assert any(not torch.equal(read[name], painted[name]) for name in read if name in painted)


def test_layers_of_another_shape_start_anew(
    lesson: Lesson,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = train_denoiser(lesson, Budget(1, 60, 2, 1e-2), folder=tmp_path, device=CPU)
    state = averaged(torch.load(first.path, weights_only=True))
    state["unet.conv_in.weight"] = state["unet.conv_in.weight"][:, :3]
    monkeypatch.setattr(denoiser, "starting_state", lambda *_: state)
    later = Lesson("full_size", lesson.examples, lesson.tokenizer, 1.3, (first.path,))
    second = train_denoiser(later, Budget(1, 60, 2, 1e-7), folder=tmp_path, device=CPU)
    assert "at random: 1 of unet\n" in capsys.readouterr().out
    taken = second.model.state_dict()
    fits = {name: torch.allclose(taken[name].float(), v.float(), atol=1e-6)
            for name, v in state.items() if taken[name].shape == v.shape}  # fmt: skip
    assert len(fits) == len(state) - 1 and all(fits.values())


def test_a_share_of_the_rows_has_an_outline(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    forward = denoiser.ControlNetModel.forward

    def count(self: Any, sample: torch.Tensor, *args: Any, **others: Any) -> Any:
        rows.append(len(sample))
        return forward(self, sample, *args, **others)

    monkeypatch.setattr(denoiser.ControlNetModel, "forward", count)
    train_denoiser(lesson, Budget(2, 60, 6, 1e-3), folder=tmp_path, device=CPU)
    assert rows == [2, 2]


def test_encodings_have_the_shapes_of_sdxl(tokenizer: CLIPTokenizer) -> None:
    networks = MiniNetworks()
    texts, pooled = networks.encode_text(token_ids(tokenizer, ["a red bottle", "a jar"]))
    assert texts.shape == (2, TEXT_LENGTH, CROSS_WIDTH) and pooled.shape == (2, POOLED_WIDTH)
    tokens = networks.encode_reference(torch.randn(2, 3, IMAGE_SIZE, IMAGE_SIZE))
    assert tokens.shape == (2, 16, CROSS_WIDTH)


def test_some_captions_are_left_empty() -> None:
    prompts = wordings(["a red bottle"] * 400, [False] * 400, Random(0))
    assert set(prompts) == {"", "a red bottle"}
    assert 0.1 < prompts.count("") / 400 < 0.2


def test_beside_a_reference_more_texts_name_the_product_alone() -> None:
    shares = []
    for shown in (True, False):
        captions = ["product photograph of a jar, on a wooden table"] * 600
        prompts = wordings(captions, [shown] * 600, Random(0))
        bare = sum(map(prompts.count, ("product photograph of a jar", "product photograph")))
        shares.append(bare / 600)
    assert shares == [pytest.approx(0.35, abs=0.06), pytest.approx(0.1, abs=0.04)]


def test_a_prompt_is_cut_into_tokens_once(
    tokenizer: CLIPTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[str] = []

    def count(known: CLIPTokenizer, prompts: list[str]) -> torch.Tensor:
        cut.extend(prompts)
        return token_ids(known, prompts)

    monkeypatch.setattr(prompt_encoder, "token_ids", count)
    table = TokenTable(tokenizer)
    for prompts in (["a jar", "", "a jar"], ["a red bottle", "a jar"], ["", "a red bottle"]):
        assert torch.equal(table.ids(prompts), token_ids(tokenizer, prompts))
    assert sorted(cut) == ["", "a jar", "a red bottle"]
