"""Training the mini suite's denoiser: UNet, text encoders, IP-Adapter and ControlNet together.

The target is v (Salimans and Ho 2022, arXiv:2202.00512) on SDXL's noise schedule with zero
terminal signal-to-noise ratio. Text, reference and outline are each left out for a share of the
examples, so that each works alone and guidance has something to push away from. A text that names
no more than the product leaves everything else to the reference, as people's prompts do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from diffusers import ControlNetModel, DDPMScheduler, UNet2DConditionModel
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from torch import Tensor, nn
from transformers import CLIPTokenizer

from remixlab.mini import architecture
from remixlab.mini.blockwise import embed_in_blocks
from remixlab.mini.budget import Budget, Trainer, mixed_precision
from remixlab.mini.latents import Batch, Examples
from remixlab.mini.prompt_encoder import PromptEncoder, TokenTable
from remixlab.mini.published import starting_state
from remixlab.mini.reference_encoder import ReferenceEncoder, normalised
from remixlab.models.attention import CrossRows, attach_processors
from remixlab.models.norms import relay_norms
from remixlab.models.plain_attention import PlainAttention

DROP_TEXT, DROP_REFERENCE, BLANK_REFERENCE, USE_OUTLINE = 0.12, 0.45, 0.08, 0.35
# Share of the texts that name no more than the product: with a reference, and without one, where
# the text is all there is to learn from.
BARE_TEXT, BARE_ALONE = 0.35, 0.1
# A remix keeps the product as it is: how well the model would have painted it matters less. Where
# it ends, and a line says so, matters more, since what is painted there too wide shows as a halo.
PRODUCT_WEIGHT, AROUND_WEIGHT = 0.3, 4.0


class MiniNetworks(PromptEncoder, ReferenceEncoder):
    """Everything but the autoencoder, so that one optimiser sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.unet = UNet2DConditionModel(**architecture.UNET)
        attach_processors(self.unet, PlainAttention(), references=True)
        self.controlnet = ControlNetModel(**architecture.CONTROLNET)
        attach_processors(self.controlnet, PlainAttention(), references=False)
        _let_outlines_through(self.controlnet.controlnet_cond_embedding)
        embed_in_blocks(self.controlnet.controlnet_cond_embedding)
        for network in (self.unet, self.controlnet):
            relay_norms(network)


@torch.no_grad()
def _let_outlines_through(embedding: ControlNetConditioningEmbedding) -> None:
    """Start the outline's embedding with weights that keep a line's strength from layer to layer.

    The library's initial weights shrink it to a millionth over nine small convolutions, and nothing
    is learnt from what does not arrive.
    """
    for layer in (embedding.conv_in, *embedding.blocks):
        assert isinstance(layer, nn.Conv2d) and layer.bias is not None
        inputs = layer.weight[0].numel()
        nn.init.normal_(layer.weight, std=1.9 / inputs**0.5)
        nn.init.zeros_(layer.bias)


@dataclass(frozen=True)
class Lesson:
    """One part of the denoiser's training: its name, and what it learns from.

    `scaling_factor` brings the latents to unit variance; `starts` are the checkpoints and suites'
    folders that it goes on from, what a later one holds before what an earlier one does. Weights
    that are in none of them start at random.
    """

    name: str
    examples: Examples
    tokenizer: CLIPTokenizer
    scaling_factor: float
    starts: Sequence[Path] = ()


def train_denoiser(
    lesson: Lesson, budget: Budget, *, folder: Path, device: torch.device
) -> Trainer:
    """Train until the budget is spent; resumes from `folder`."""
    torch.manual_seed(2)
    # cuDNN is faster with PyTorch's own layout, oneDNN with channels last.
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    networks = MiniNetworks().to(device).to(memory_format=layout)
    if lesson.starts:
        _take(networks, [starting_state(start, networks.unet) for start in lesson.starts])
    loss = partial(_loss, networks, DDPMScheduler(**architecture.SCHEDULER))
    trainer = Trainer(lesson.name, networks, loss, budget, folder, matrices=True)
    random = Random(trainer.step)
    batches = lesson.examples.batches(budget.batch, round(USE_OUTLINE * budget.batch), random)
    tokens = TokenTable(lesson.tokenizer)
    for _ in trainer.run():
        trainer.learn(*_given(lesson, next(batches), tokens, random))
    return trainer


class _Given(NamedTuple):
    """What the loss is computed from; `clean` are latents of unit variance.

    `ids` (B, 77) of the prompts; `references` (B, 3, S, S) as the image encoder wants them, which
    count as much as `shown` (B,) says; `time_ids` (B, 6), SDXL's micro-conditioning; `lines`
    (N, 1, H, W), the outlines of the first N examples, and `strengths` (B,), 0 for all others.
    """

    clean: Tensor
    products: Tensor
    ids: Tensor
    references: Tensor
    shown: Tensor
    time_ids: Tensor
    lines: Tensor
    strengths: Tensor


def _given(lesson: Lesson, batch: Batch, tokens: TokenTable, random: Random) -> _Given:
    device = batch.latents.device
    shown = references_shown(batch.surfaces, random)
    return _Given(
        clean=batch.latents * lesson.scaling_factor,
        products=batch.products,
        ids=tokens.ids(wordings(batch.captions, shown, random)).to(device),
        references=_reference_pixels(batch.references, random),
        shown=torch.tensor(shown, device=device).float(),
        time_ids=_time_ids(batch.latents),
        lines=batch.lines,
        strengths=batch.strengths,
    )


def references_shown(surfaces: list[str], random: Random) -> list[bool]:
    """Which examples come with their reference.

    Where a photograph fills the picture, which has no surface, all do: words say so little of it
    that whoever learnt them without it would learn to paint anything.
    """
    return [not surface or random.random() >= DROP_REFERENCE for surface in surfaces]


def wordings(captions: list[str], shown: list[bool], random: Random) -> list[str]:
    """The prompts of a batch: some captions are left empty, some are cut to their opening.

    `shown` are those beside which a reference is seen.
    """
    return [
        _shortened(caption, BARE_TEXT if referenced else BARE_ALONE, random)
        for caption, referenced in zip(captions, shown, strict=True)
    ]


def _shortened(caption: str, bare: float, random: Random) -> str:
    """Nothing, or "product photograph of a jar", or "product photograph", or all of it."""
    kind = random.random()
    if kind < DROP_TEXT:
        return ""
    if kind < DROP_TEXT + bare:
        opening = caption.split(",")[0]
        return opening.split(" of ")[0] if random.random() < 0.4 else opening
    return caption


def _take(networks: MiniNetworks, states: list[dict[str, Tensor]]) -> None:
    """Start with `states`, later ones before earlier ones; what fits in none starts at random."""
    own = networks.state_dict()
    fitting = {
        name: value
        for state in states
        for name, value in state.items()
        if name in own and value.shape == own[name].shape
    }
    networks.load_state_dict(own | fitting)
    anew = Counter(name.split(".")[0] for name in own if name not in fitting)
    at_random = ", ".join(f"{count} of {part}" for part, count in anew.items())
    print(f"{len(fitting)} tensors taken over; at random: {at_random or 'none'}")


def _loss(
    networks: MiniNetworks,
    schedule: Any,  # a DDPMScheduler, whose annotations want times of a class that no tensor has
    *inputs: Tensor,
) -> Tensor:
    given = _Given(*inputs)
    noise = torch.randn_like(given.clean)
    times = _times(len(noise), noise.device)
    noisy = schedule.add_noise(given.clean, noise, times)
    texts, pooled = networks.encode_text(given.ids)
    every = torch.arange(len(noise), device=noise.device)
    rows = CrossRows(
        texts,
        every,
        references=networks.encode_reference(given.references),
        reference_index=every,
        reference_rows=every,
        reference_scale=given.shown[:, None, None],
    )
    added = {"text_embeds": pooled, "time_ids": given.time_ids}
    with mixed_precision(noise.device):
        predicted = networks.unet(
            noisy,
            times,
            encoder_hidden_states=texts,
            added_cond_kwargs=added,
            cross_attention_kwargs={"rows": rows},
            **_steering(networks, given, noisy=noisy, times=times, texts=texts, added=added),
        ).sample
    wanted = schedule.get_velocity(given.clean, noise, times)
    weights = error_weights(given.products, given.strengths)
    return weighted_error(predicted.float(), wanted, weights)


def _steering(
    networks: MiniNetworks,
    given: _Given,
    *,
    noisy: Tensor,
    times: Tensor,
    texts: Tensor,
    added: dict[str, Tensor],
) -> dict[str, Any]:
    """What the ControlNet adds to the rows that come with an outline."""
    count = len(given.lines)
    if count == 0:
        return {}
    down, middle = networks.controlnet(
        noisy[:count],
        times[:count],
        encoder_hidden_states=texts[:count],
        controlnet_cond=given.lines.expand(-1, 3, -1, -1),
        added_cond_kwargs={name: value[:count] for name, value in added.items()},
        return_dict=False,
    )
    strengths = given.strengths[:count, None, None, None]
    return {
        "down_block_additional_residuals": [_padded(strengths * each, len(noisy)) for each in down],
        "mid_block_additional_residual": _padded(strengths * middle, len(noisy)),
    }


def _padded(residual: Tensor, rows: int) -> Tensor:
    """(N, C, h, w) with rows of zeros behind it, `rows` in all."""
    return torch.cat([residual, residual.new_zeros(rows - len(residual), *residual.shape[1:])])


def error_weights(products: Tensor, lines: Tensor) -> Tensor:
    """How much each latent's error counts: less in the product, more beside its outline.

    Args:
        products: (B, 1, h, w), the share of each latent that the product covers.
        lines: (B,), how much each outline counts, 0 where there is none.

    Returns:
        (B, 1, h, w); 1 far from the product.
    """
    beside = F.max_pool2d(products, 3, stride=1, padding=1) * (1 - products)
    around = AROUND_WEIGHT * lines[:, None, None, None] * beside
    return 1 - (1 - PRODUCT_WEIGHT) * products + around


def weighted_error(predicted: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """Mean squared error of (B, C, h, w), each place counted by `weights` (B, 1, h, w)."""
    error = (predicted - wanted).square().mean(1, keepdim=True)
    return (error * weights).sum() / weights.sum()


def _times(count: int, device: torch.device) -> Tensor:
    """Logit-normal times (Esser et al. 2024, arXiv:2403.03206), and a large share near pure noise.

    On SDXL's schedule signal and noise are equal at a time of about 345, where most of a picture's
    detail is decided. What the conditions decide, colours and layout, is decided above 700, and a
    few-step sampler's first steps lie there.
    """
    times = torch.sigmoid(-0.45 + torch.randn(count, device=device)) * 1000
    late = torch.rand(count, device=device) < 0.4
    latest = 1000 - torch.rand(count, device=device) * 300
    return torch.where(late, latest, times).long().clamp(0, 999)


def _time_ids(latents: Tensor) -> Tensor:
    """SDXL's micro-conditioning: original size, crop and target size in pixels, (B, 6)."""
    height, width = (side * architecture.LATENT_SIDE for side in latents.shape[-2:])
    ids = [height, width, 0, 0, height, width]
    return torch.tensor([ids], device=latents.device, dtype=latents.dtype).repeat(len(latents), 1)


def _reference_pixels(pictures: Tensor, random: Random) -> Tensor:
    """Normalised for the image encoder; some mirrored, some blank as in the unconditional pass."""
    mirrored = torch.tensor([random.random() < 0.5 for _ in pictures], device=pictures.device)
    pictures = torch.where(mirrored[:, None, None, None], pictures.flip(-1), pictures)
    blank = torch.tensor([random.random() < BLANK_REFERENCE for _ in pictures])
    return normalised(pictures) * (~blank).to(pictures)[:, None, None, None]
