"""The recipe of the mini suite, from nothing to weights; every part resumes where it stopped.

scenes -> autoencoder, its decoder -> latents -> style reader, prompt reader
  -> denoiser at half size -> at full size -> weights
other scenes -> scorer
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch
from diffusers import AutoencoderDC
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from remixlab.files import whole, write_whole
from remixlab.mini.autoencoder import psnr, train_autoencoder, train_decoder
from remixlab.mini.budget import Budget, Trainer
from remixlab.mini.dataset import HELD_OUT, SCORER, SHARD, SUITE, draw_shards, training_pairs
from remixlab.mini.denoiser import Lesson, train_denoiser
from remixlab.mini.export import export_suite, load_autoencoder
from remixlab.mini.latents import Examples, encode_shards
from remixlab.mini.prompt_reader import train_prompt_reader
from remixlab.mini.published import published_autoencoder
from remixlab.mini.scenes import draw_scene
from remixlab.mini.scorer import export_scorer, train_scorer
from remixlab.mini.style_reader import train_style_reader
from remixlab.mini.tokenizer import learn_tokenizer
from remixlab.models.parts import read_tokenizer
from remixlab.outputs import check_folder


@dataclass
class TrainConfig:
    """Sizes and budgets of the recipe; `folder` holds everything that is resumed from."""

    folder: str = "training"
    output: str = "remixlab/mini/weights"
    device: str = "auto"
    threads: int = 0  # 0: as many as torch chooses
    workers: int = 2  # processes that draw scenes, and on a card prepare batches
    shards: int = 144
    scorer_shards: int = 300
    full_size_shards: int = 144  # the last part sees the first of them: encoding them costs minutes
    # A denoiser's checkpoint to go on from, or a suite's folder, whose autoencoder and words then
    # stay as they are; empty: random weights.
    start: str = ""
    autoencoder: Budget = field(default_factory=lambda: Budget(20000, 10, 16, 8e-4))
    decoder: Budget = field(default_factory=lambda: Budget(10000, 6, 16, 5e-4))
    style_reader: Budget = field(default_factory=lambda: Budget(50000, 6, 64, 1.5e-3))
    prompt_reader: Budget = field(default_factory=lambda: Budget(50000, 4, 64, 1e-3))
    half_size: Budget = field(default_factory=lambda: Budget(100000, 90, 32, 8e-4))
    full_size: Budget = field(default_factory=lambda: Budget(100000, 175, 24, 6e-4))
    scorer: Budget = field(default_factory=lambda: Budget(10000, 34, 64, 1e-3))


def train(config: TrainConfig, device: torch.device) -> Path:
    """Run or resume the recipe; returns the folder of the weights."""
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.set_float32_matmul_precision("high")  # TF32 where there is a card that has it
    folder, output = Path(config.folder), Path(config.output)
    check_folder("folder", folder)
    check_folder("output", output)
    shards = draw_shards(SUITE, folder / "scenes", config.shards, config.workers, device)
    vae, tokenizer, trainers = _codes(config, shards, device)
    trainers += _train_networks(config, vae, shards, tokenizer, device)
    export_suite(vae, trainers[-1].path, tokenizer, output)
    if config.scorer.minutes > 0:
        trainers.append(add_scorer(config, tokenizer, device))
    card = _card(vae, trainers, folder, device)
    write_whole(output / "card.json", json.dumps(card, indent=2) + "\n")
    return output


def _codes(
    config: TrainConfig, shards: list[Path], device: torch.device
) -> tuple[AutoencoderDC, CLIPTokenizer, list[Trainer]]:
    """What pictures and words are encoded with: those of the suite to go on from, or new ones."""
    folder, start = Path(config.folder), Path(config.start)
    if _goes_on(config):
        return published_autoencoder(start), read_tokenizer(start / "tokenizer"), []
    loaders = _loaders(config, device)
    trainers = [train_autoencoder(shards, config.autoencoder, folder, device, loaders=loaders)]
    if config.decoder.minutes > 0:
        teach = partial(train_decoder, trainers[-1].path, shards, config.decoder)
        trainers.append(teach(folder=folder, device=device, loaders=loaders))
    return load_autoencoder(trainers[-1].path), learnt_once(folder / "tokenizer"), trainers


def _goes_on(config: TrainConfig) -> bool:
    """Whether the start is a suite, whose latents and words are then those of what is trained."""
    return bool(config.start) and Path(config.start).is_dir()


def _train_networks(
    config: TrainConfig,
    vae: AutoencoderDC,
    shards: list[Path],
    tokenizer: CLIPTokenizer,
    device: torch.device,
) -> list[Trainer]:
    """What reads references and prompts, then the denoiser; gives a new `vae` its scaling."""
    folder, scenes = Path(config.folder), Path(config.folder) / "scenes"
    encode = partial(encode_shards, vae, workers=config.workers, device=device)
    encoded = encode(shards[: config.full_size_shards], folder / "full_size", 1.0)
    if not _goes_on(config):
        vae.register_to_config(scaling_factor=scaling_factor(encoded[0]))
    factor: float = vae.config["scaling_factor"]
    full_size = Examples(encoded, scenes, device)
    trainers: list[Trainer] = []
    starts = [Path(config.start)] if config.start else []
    readers = (
        (config.style_reader, partial(train_style_reader, full_size, factor)),
        (config.prompt_reader, partial(train_prompt_reader, tokenizer)),
    )
    for budget, teach in readers:
        if budget.minutes > 0:
            trainers.append(teach(budget, folder=folder, device=device))
            starts.append(trainers[-1].path)
    if config.half_size.minutes > 0:
        examples = Examples(encode(shards, folder / "half_size", 0.5), scenes, device)
        lesson = Lesson("half_size", examples, tokenizer, factor, starts)
        trainers.append(train_denoiser(lesson, config.half_size, folder=folder, device=device))
        starts = [trainers[-1].path]
    if config.full_size.minutes > 0:
        lesson = Lesson("full_size", full_size, tokenizer, factor, starts)
        trainers.append(train_denoiser(lesson, config.full_size, folder=folder, device=device))
    return trainers


def add_scorer(config: TrainConfig, tokenizer: CLIPTokenizer, device: torch.device) -> Trainer:
    """Draw the scorer's own scenes, train it, and write it beside the suite's weights."""
    folder = Path(config.folder)
    scenes, count = folder / "scorer_scenes", config.scorer_shards
    shards = draw_shards(SCORER, scenes, count, config.workers, device)
    teach = partial(train_scorer, shards, tokenizer, config.scorer, folder=folder, device=device)
    trainer = teach(loaders=_loaders(config, device))
    export_scorer(trainer.path, tokenizer, Path(config.output) / "scorer")
    return trainer


def _loaders(config: TrainConfig, device: torch.device) -> int:
    """Processes that prepare batches: none on a CPU, whose cores the training itself fills."""
    return 0 if device.type == "cpu" else config.workers


def learnt_once(folder: Path) -> CLIPTokenizer:
    """The tokenizer in `folder`, learnt if need be: another would number the words differently."""
    if not folder.exists():
        learnt = learn_tokenizer(draw_scene(i).caption(0.1) for i in range(4000))
        with whole(folder) as place:
            learnt.save_pretrained(place)
    return read_tokenizer(folder)


def scaling_factor(encoded: Path) -> float:
    """What brings the latents of one encoded shard to unit variance."""
    return round(1 / float(load_file(encoded)["latents"].float().std()), 4)


def _card(
    vae: AutoencoderDC, trainers: list[Trainer], folder: Path, device: torch.device
) -> dict[str, object]:
    held_out = training_pairs(range(HELD_OUT, HELD_OUT + 16), (384, 384)).images
    return {
        "data": f"{SHARD * len(list((folder / 'scenes').glob('*.safetensors')))} scenes",
        "hardware": _hardware(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "autoencoder_psnr_db": round(psnr(vae, held_out * 2 - 1), 2),
        "parts": {
            t.name: {
                **asdict(t.budget),
                "steps_done": t.step,
                "minutes_spent": round(t.elapsed / 60, 1),
                "loss": round(sum(t.losses[-200:]) / max(1, len(t.losses[-200:])), 4),
            }
            for t in trainers
        },
    }


def _hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()
