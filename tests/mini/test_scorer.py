"""The mini scorer: its training, and open_clip reading what it writes."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPTokenizer

from remixlab.errors import InvalidConfig, MissingWeights
from remixlab.metrics import clip
from remixlab.metrics.clip import Scorer
from remixlab.mini import scorer
from remixlab.mini.budget import Budget, averaged
from remixlab.mini.captions import surface_prompts
from remixlab.mini.colours import COLOURS
from remixlab.mini.paint import SURFACES
from remixlab.mini.scorer import choice_loss, export_scorer, make_scorer, train_scorer
from tests.mini.conftest import CPU


def test_small_enough_to_ship() -> None:
    assert sum(p.numel() for p in make_scorer().parameters()) * 2 < 10e6  # bytes in fp16


def test_learns_which_caption_belongs_to_which_picture(
    shards: list[Path], tokenizer: CLIPTokenizer, tmp_path: Path
) -> None:
    budget = Budget(30, 60, 3, 5e-4)
    losses = train_scorer(shards, tokenizer, budget, folder=tmp_path, device=CPU).losses
    assert sum(losses[-6:]) < 0.9 * sum(losses[:6])


def test_a_share_of_the_batches_is_softened(
    shards: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def edges(share: float) -> list[float]:
        monkeypatch.setattr(scorer, "SOFTENED", share)
        batches = scorer._batches(shards, 3, Random(2))
        return [float(batch.pictures.diff(dim=-1).abs().mean()) for batch in islice(batches, 40)]

    sharp, mixed, soft = (sum(edges(share)) for share in (0.0, scorer.SOFTENED, 1.0))
    assert soft < mixed < sharp and soft < 0.9 * sharp


def test_materials_are_asked_for_alone() -> None:
    prompts = surface_prompts("a jar", Random(1))
    assert list(prompts) == list(SURFACES)
    assert len(set(prompts.values())) == len(SURFACES)
    for prompt in prompts.values():
        assert prompt.startswith("a jar, ")
        assert not set(prompt.split()) & set(COLOURS)


def test_choices_count_where_the_answer_is_known() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [5.0, 1.0]])
    right = torch.tensor(1 + math.exp(-2)).log()
    assert torch.isclose(choice_loss(logits, torch.tensor([0, 1, -1])), right)
    assert choice_loss(logits, torch.tensor([1, 1, -1])) > right
    assert choice_loss(logits, torch.tensor([-1, -1, -1])) == 0


def test_open_clip_reads_it(shards: list[Path], tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    trainer = train_scorer(shards, tokenizer, Budget(1, 60, 3, 1e-3), folder=tmp_path, device=CPU)
    export_scorer(trainer.path, tokenizer, tmp_path / "scorer")
    scorer = Scorer.load(str(tmp_path / "scorer"))
    assert scorer.side == 128
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    texts = ["a red bottle", "a jar, on the beach, " + "far " * 100]
    seen, said = scorer.images([Image.fromarray(pixels)] * 3), scorer.texts(texts)
    for vectors, count in ((seen, 3), (said, 2)):
        assert vectors.shape == (count, 128)
        assert torch.allclose(vectors.norm(dim=1), torch.ones(count), atol=1e-5)
    model = make_scorer().eval()
    model.load_state_dict(averaged(torch.load(trainer.path, weights_only=True)))
    with torch.inference_mode():
        inputs = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1
        wanted = model.encode_image(inputs, normalize=True)
        ids = tokenizer(texts[0], padding="max_length", max_length=48, return_tensors="pt")
        told = model.encode_text(ids.input_ids, normalize=True)
    assert torch.allclose(seen[:1], wanted, atol=5e-3)
    assert torch.allclose(said[:1], told, atol=5e-3)


@pytest.mark.parametrize("name", ["no-such-model", "ViT-B-32/no-such-tag"])
def test_unknown_names_are_explained(name: str) -> None:
    with pytest.raises(InvalidConfig, match="MODEL/TAG"):
        Scorer.load(name)


def test_a_scorer_that_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip, "MINI", tmp_path / "scorer")
    with pytest.raises(MissingWeights, match="mini"):
        Scorer.load("mini")
