"""Teaching the text encoders what a prompt says, before they serve the denoiser.

Published text encoders were trained beforehand. The denoiser's loss hardly changes with a word such
as "wooden", so from that alone they tell colours from each other and hardly materials; asked which
of its parts a prompt names, they learn all of them in minutes, and no picture is needed.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPTokenizer

from remixlab.mini.architecture import CROSS_WIDTH, POOLED_WIDTH
from remixlab.mini.budget import Budget, Trainer
from remixlab.mini.captions import (
    BACKDROP_WORDS,
    LIGHT_WORDS,
    PRODUCT_WORDS,
    PROP_WORDS,
    SURFACE_WORDS,
    caption,
)
from remixlab.mini.colours import COLOURS
from remixlab.mini.prompt_encoder import PromptEncoder, token_ids

ANSWERS: tuple[tuple[str, ...], ...] = (
    ("", *SURFACE_WORDS),
    tuple(COLOURS),
    ("", *BACKDROP_WORDS),
    tuple(COLOURS),
    ("", *PROP_WORDS),
    tuple(LIGHT_WORDS),
)
"""What can be said of surface, its colour, backdrop, its colour, prop and light; "" is nothing."""
_NOTHING = 0.3  # share of the prompts without a surface, and of those without a prop


class PromptReader(PromptEncoder):
    """The text encoders, and two heads that tell a prompt's parts: from all tokens, from pooled."""

    def __init__(self) -> None:
        super().__init__()
        count = sum(len(answers) for answers in ANSWERS)
        self.head = nn.Linear(CROSS_WIDTH, count)
        self.pooled_head = nn.Linear(POOLED_WIDTH, count)

    def forward(self, ids: Tensor, answers: Tensor) -> Tensor:
        """Mean cross-entropy of both heads; `answers` (B, questions) are places in `ANSWERS`.

        The tokens count by their mean, as for attention that prefers none.
        """
        embeddings, pooled = self.encode_text(ids)
        sizes = [len(each) for each in ANSWERS]
        losses = [
            F.cross_entropy(told, wanted)
            for logits in (self.head(embeddings.mean(1)), self.pooled_head(pooled))
            for told, wanted in zip(logits.split(sizes, 1), answers.T, strict=True)
        ]
        return torch.stack(losses).mean()


def train_prompt_reader(
    tokenizer: CLIPTokenizer, budget: Budget, *, folder: Path, device: torch.device
) -> Trainer:
    """Train until the budget is spent; resumes from `folder`."""
    torch.manual_seed(7)
    reader = PromptReader().to(device)
    trainer = Trainer("prompt_reader", reader, reader, budget, folder)
    random = Random(trainer.step)
    for _ in trainer.run():
        prompts, answers = zip(*(draw_prompt(random) for _ in range(budget.batch)), strict=True)
        ids = token_ids(tokenizer, list(prompts))
        trainer.learn(ids.to(device), torch.tensor(answers, device=device))
    return trainer


def draw_prompt(random: Random) -> tuple[str, list[int]]:
    """A prompt of a scene that need not exist, and the places of its parts in `ANSWERS`.

    Wordings leave out parts at times, as those of scenes do: nobody can tell these, which costs
    every reader the same.
    """
    surface, colour, backdrop, behind, prop, light = (random.choice(each) for each in ANSWERS)
    surface, prop = ("" if random.random() < _NOTHING else part for part in (surface, prop))
    words = caption(
        random.choice(list(PRODUCT_WORDS)),
        (surface, colour) if surface else None,
        (backdrop or None, behind),
        (prop, colour) if prop else None,
        light,
        random,
    )
    parts = (surface, colour, backdrop, behind, prop, light)
    return words, [answers.index(part) for answers, part in zip(ANSWERS, parts, strict=True)]
