"""Training the mini scorer: a CLIP of the synthetic world, for measuring, not for painting.

It sees other scenes than the suite's own encoders do, with their products filled in as often as
not, since that is what it is shown when it scores a background. Captions are told apart by their
colours long before their materials matter, so that each picture is also asked which of ten prompts
that differ in the material alone is its own (as labels join contrasts in Yang et al. 2022,
arXiv:2204.03610).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import open_clip
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTokenizer

from remixlab.files import whole, write_whole
from remixlab.metrics.fill import fill_products
from remixlab.mini.architecture import VOCABULARY
from remixlab.mini.budget import Budget, Trainer, averaged, mixed_precision
from remixlab.mini.canvas import blur
from remixlab.mini.captions import PRODUCT_WORDS, surface_prompts
from remixlab.mini.dataset import read_shard
from remixlab.mini.processes import ahead
from remixlab.mini.prompt_encoder import token_ids

MODEL: dict[str, Any] = {
    "embed_dim": 128,
    # Convolutions (CLIP's ResNet) find textures in far fewer pictures than a transformer needs.
    "vision_cfg": {"image_size": 128, "layers": [1, 1, 1, 1], "width": 24},
    "text_cfg": {
        "context_length": 48, "vocab_size": VOCABULARY, "width": 128, "heads": 4, "layers": 3,
        "hf_tokenizer_name": "tokenizer", "pool_type": "eos", "eos_id": 1, "pad_id": 1,
    },
}  # fmt: skip
_LENGTH: int = MODEL["text_cfg"]["context_length"]
CHOICE_WEIGHT = 2.0  # beside the contrast of whole captions, which colours decide
# Share of the batches that are softened, as generated pictures are beside drawn ones: whoever saw
# sharp ones only knows a material by its finest structure, and calls soft boards water.
SOFTENED = 0.6
PREPROCESS = {"mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"}


def make_scorer() -> open_clip.CLIP:
    """The scorer with random weights."""
    text = {k: v for k, v in MODEL["text_cfg"].items() if k != "hf_tokenizer_name"}
    return open_clip.CLIP(
        MODEL["embed_dim"],
        open_clip.CLIPVisionCfg(**MODEL["vision_cfg"]),
        open_clip.CLIPTextCfg(**text),
    )


def train_scorer(
    shards: list[Path],
    tokenizer: CLIPTokenizer,
    budget: Budget,
    *,
    folder: Path,
    device: torch.device,
    loaders: int = 0,
) -> Trainer:
    """Contrastive training (Radford et al. 2021, arXiv:2103.00020); resumes from `folder`.

    `loaders` processes prepare the batches, this one if 0.
    """
    torch.manual_seed(5)
    scorer = make_scorer().to(device)
    trainer = Trainer("scorer", scorer, partial(_loss, scorer), budget, folder)
    random = Random(trainer.step)
    batches = ahead(partial(_batches, shards, budget.batch), trainer.step, loaders)
    for _ in trainer.run():
        batch = next(batches)
        prompts = surface_prompts(_product(random), random)
        ids = token_ids(tokenizer, [*batch.captions, *prompts.values()], _LENGTH)
        answers = torch.tensor([_place(surface, prompts) for surface in batch.surfaces])
        trainer.learn(*(given.to(device) for given in (batch.pictures, ids, answers)))
    return trainer


def _loss(scorer: open_clip.CLIP, pictures: Tensor, ids: Tensor, answers: Tensor) -> Tensor:
    """`ids` are the pictures' captions, then the prompts among whose places `answers` are."""
    with mixed_precision(pictures.device):
        seen, said, scale = scorer(pictures, ids)
    seen, said = seen.float(), said.float()
    captions, materials = said[: len(pictures)], said[len(pictures) :]
    contrast = open_clip.ClipLoss()(seen, captions, scale)
    return contrast + CHOICE_WEIGHT * choice_loss(scale * seen @ materials.T, answers)


def choice_loss(logits: Tensor, answers: Tensor) -> Tensor:
    """Cross-entropy of (B, choices) over the rows whose answer (B,) is known, not -1."""
    total = F.cross_entropy(logits, answers, ignore_index=-1, reduction="sum")
    return total / (answers >= 0).sum().clamp(min=1)


def export_scorer(checkpoint: Path, tokenizer: CLIPTokenizer, target: Path) -> None:
    """Write the scorer as a folder that open_clip loads, in fp16."""
    weights = averaged(torch.load(checkpoint, weights_only=True, map_location="cpu"))
    halves = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
    config = {"model_cfg": MODEL, "preprocess_cfg": PREPROCESS}
    # Training leaves its own length and padding in the tokenizer; open_clip sets those it needs.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    with whole(target) as partial:
        tokenizer.save_pretrained(partial)
        save_file(halves, partial / "open_clip_model.safetensors")
        write_whole(partial / "open_clip_config.json", json.dumps(config, indent=2) + "\n")


def _product(random: Random) -> str:
    return random.choice(random.choice(list(PRODUCT_WORDS.values())))


def _place(surface: str, prompts: Mapping[str, str]) -> int:
    return list(prompts).index(surface) if surface else -1


@dataclass(frozen=True)
class _Batch:
    """Pictures (B, 3, S, S) in -1..1, their captions, and the surfaces in them, "" for none."""

    pictures: Tensor
    captions: list[str]
    surfaces: list[str]


def _batches(shards: list[Path], size: int, random: Random) -> Iterator[_Batch]:
    """Crops of scenes with their captions, without end; a batch is of one shard."""
    while True:
        shard = read_shard(random.choice(shards))
        order = random.sample(range(len(shard.captions)), len(shard.captions))
        for start in range(0, len(order) - size + 1, size):
            picks = order[start : start + size]
            seen = torch.cat([shard.images[picks], shard.masks[picks][:, None]], 1).float() / 255
            pictures, masks = _cropped(seen, random).split([3, 1], 1)
            if random.random() < 0.5:
                pictures = fill_products(pictures, masks)
            if random.random() < SOFTENED:
                pictures = blur(pictures, random.uniform(0, 2))  # to a fifth of the size and back
            words = [random.choice(shard.captions[i]) for i in picks]
            yield _Batch(pictures * 2 - 1, words, [shard.surfaces[i] for i in picks])


def _cropped(pictures: Tensor, random: Random) -> Tensor:
    """At least 70 % of each side, squeezed into the square that the scorer sees; or its mirror."""
    height, width = pictures.shape[-2:]
    rows, columns = (round(s * random.uniform(0.7, 1)) for s in (height, width))
    top, left = random.randint(0, height - rows), random.randint(0, width - columns)
    crop = pictures[..., top : top + rows, left : left + columns]
    crop = crop.flip(-1) if random.random() < 0.5 else crop
    side = MODEL["vision_cfg"]["image_size"]
    return F.interpolate(crop, (side, side), mode="bilinear", antialias=True)
