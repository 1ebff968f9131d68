"""What teaches the text encoders: its prompts, its answers, and that they are learnt."""

from __future__ import annotations

from pathlib import Path
from random import Random

import torch
from transformers import CLIPTokenizer

from remixlab.mini.architecture import CROSS_WIDTH, POOLED_WIDTH, TEXT_LENGTH
from remixlab.mini.budget import Budget, averaged
from remixlab.mini.captions import PROP_WORDS, SURFACE_WORDS
from remixlab.mini.prompt_reader import ANSWERS, PromptReader, draw_prompt, train_prompt_reader
from tests.mini.conftest import CPU


def phrases(kinds: dict[str, tuple[str, ...]], kind: str, colour: str) -> list[str]:
    return [" ".join(p.format(c).split()) for p in kinds[kind] for c in (colour, "")]


def test_prompts_say_what_their_answers_are_or_nothing_of_it() -> None:
    random = Random(0)
    named = {"surface": 0, "prop": 0}
    for _ in range(400):
        prompt, answers = draw_prompt(random)
        surface, colour, _, _, prop, _ = (
            kinds[place] for kinds, place in zip(ANSWERS, answers, strict=True)
        )
        parts = prompt.split(", ")
        on_it = [s for s in SURFACE_WORDS if set(phrases(SURFACE_WORDS, s, colour)) & set(parts)]
        assert on_it in ([], [surface])
        with_it = {p for p in PROP_WORDS if {f"with {w}" for w in PROP_WORDS[p]} & set(parts)}
        assert with_it <= {prop}
        named["surface"] += bool(on_it)
        named["prop"] += bool(prop)
    assert named["surface"] > 150 and named["prop"] > 200


def test_it_learns_what_prompts_say_and_goes_on(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    budget = Budget(60, 60, 16, 2e-3)
    trainer = train_prompt_reader(tokenizer, budget, folder=tmp_path, device=CPU)
    first, last = (sum(losses) / 5 for losses in (trainer.losses[:5], trainer.losses[-5:]))
    assert last < 0.92 * first
    longer = Budget(61, 60, 16, 2e-3)
    again = train_prompt_reader(tokenizer, longer, folder=tmp_path, device=CPU)
    assert again.step == 61 and again.losses[:60] == trainer.losses
    state = averaged(torch.load(tmp_path / "prompt_reader.pt", weights_only=True))
    assert {name.split(".")[0] for name in state} == {
        "text_encoder", "text_encoder_2", "head", "pooled_head"
    }  # fmt: skip


def test_it_reads_as_the_denoiser_does() -> None:
    reader = PromptReader()
    ids = torch.zeros(2, TEXT_LENGTH, dtype=torch.long)
    embeddings, pooled = reader.encode_text(ids)
    assert embeddings.shape == (2, TEXT_LENGTH, CROSS_WIDTH) and pooled.shape == (2, POOLED_WIDTH)
    reader(ids, torch.zeros(2, len(ANSWERS), dtype=torch.long)).backward()
    learning = {n.split(".")[0] for n, p in reader.named_parameters() if p.grad is not None}
    assert learning == {"text_encoder", "text_encoder_2", "head", "pooled_head"}
