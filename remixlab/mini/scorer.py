"""Training the mini scorer: a CLIP of the synthetic world, for measuring, not for painting.

It sees other scenes than the suite's own encoders do, with their products filled in as often as
not, since that is what it is shown when it scores a background.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import open_clip
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTokenizer

from remixlab.metrics.fill import fill
from remixlab.mini.architecture import VOCABULARY
from remixlab.mini.budget import Budget, Trainer, averaged
from remixlab.mini.dataset import read_shard

MODEL: dict[str, Any] = {
    "embed_dim": 128,
    # Convolutions (CLIP's ResNet) find textures in far fewer pictures than a transformer needs.
    "vision_cfg": {"image_size": 128, "layers": [1, 1, 1, 1], "width": 24},
    "text_cfg": {
        "context_length": 48, "vocab_size": VOCABULARY, "width": 128, "heads": 4, "layers": 3,
        "hf_tokenizer_name": "tokenizer", "pool_type": "eos", "eos_id": 1, "pad_id": 1,
    },
}  # fmt: skip
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
) -> Trainer:
    """Contrastive training (Radford et al. 2021, arXiv:2103.00020); resumes from `folder`."""
    torch.manual_seed(5)
    trainer = Trainer("scorer", make_scorer().to(device), budget, folder)
    loss = open_clip.ClipLoss()
    random = Random(trainer.step)
    batches = _batches(shards, budget.batch, random)
    for _ in trainer.run():
        pictures, captions = next(batches)
        ids = tokenizer(
            captions,
            padding="max_length",
            truncation=True,
            max_length=MODEL["text_cfg"]["context_length"],
            return_tensors="pt",
        ).input_ids
        seen, said, scale = trainer.model(pictures.to(device), ids.to(device))
        trainer.update(loss(seen, said, scale))
    return trainer


def export_scorer(checkpoint: Path, tokenizer: CLIPTokenizer, target: Path) -> None:
    """Write the scorer as a folder that open_clip loads, in fp16."""
    target.mkdir(parents=True, exist_ok=True)
    weights = averaged(torch.load(checkpoint, weights_only=True, map_location="cpu"))
    halves = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
    save_file(halves, target / "open_clip_model.safetensors")
    config = {"model_cfg": MODEL, "preprocess_cfg": PREPROCESS}
    (target / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    # Training leaves its own length and padding in the tokenizer; open_clip sets those it needs.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(target)


def _batches(shards: list[Path], size: int, random: Random) -> Iterator[tuple[Tensor, list[str]]]:
    """Crops of scenes with their captions, without end; a batch is of one shard."""
    while True:
        shard = read_shard(random.choice(shards))
        order = random.sample(range(len(shard.captions)), len(shard.captions))
        for start in range(0, len(order) - size + 1, size):
            picks = order[start : start + size]
            pictures = shard.images[picks].float() / 255
            masks = shard.masks[picks][:, None].float() / 255
            if random.random() < 0.5:
                pictures = fill(pictures, masks)
            words = [random.choice(shard.captions[i]) for i in picks]
            yield _cropped(pictures, random) * 2 - 1, words


def _cropped(pictures: Tensor, random: Random) -> Tensor:
    """At least 70 % of each side, squeezed into the square that the scorer sees; or its mirror."""
    height, width = pictures.shape[-2:]
    rows, columns = (round(s * random.uniform(0.7, 1)) for s in (height, width))
    top, left = random.randint(0, height - rows), random.randint(0, width - columns)
    crop = pictures[..., top : top + rows, left : left + columns]
    crop = crop.flip(-1) if random.random() < 0.5 else crop
    side = MODEL["vision_cfg"]["image_size"]
    return F.interpolate(crop, (side, side), mode="bilinear", antialias=True)
