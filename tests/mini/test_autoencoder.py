from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from remixlab.mini import autoencoder
from remixlab.mini.autoencoder import psnr, train_autoencoder, train_decoder
from remixlab.mini.budget import Budget, averaged
from tests.mini.conftest import CPU


@pytest.fixture(autouse=True)
def small_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that scenes of 64 pixels are large enough to crop from."""
    monkeypatch.setattr(autoencoder, "CROP", 32)


def test_every_part_learns(shards: list[Path], tmp_path: Path) -> None:
    trainer = train_autoencoder(shards, Budget(2, 60, 4, 1e-3), tmp_path, CPU)
    assert trainer.step == 2 and all(math.isfinite(loss) for loss in trainer.losses)
    idle = [n for n, p in trainer.model.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_the_loss_falls(
    shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autoencoder, "start_linear", lambda *_: None)  # which leaves little to do
    losses = train_autoencoder(shards, Budget(24, 60, 8, 3e-3), tmp_path, CPU).losses
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_training_begins_at_the_linear_start(shards: list[Path], tmp_path: Path) -> None:
    budget = Budget(1, 60, 8, 1e-9)
    begun = train_autoencoder(shards, budget, tmp_path / "linear", CPU).losses[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(autoencoder, "start_linear", lambda *_: None)
        at_random = train_autoencoder(shards, budget, tmp_path / "random", CPU).losses[0]
    assert begun < 0.3 * at_random


def test_only_the_decoder_is_trained_on(shards: list[Path], tmp_path: Path) -> None:
    first = train_autoencoder(shards, Budget(2, 60, 4, 1e-3), tmp_path, CPU)
    start = averaged(torch.load(first.path, weights_only=True))
    second = train_decoder(first.path, shards, Budget(2, 60, 4, 1e-2), folder=tmp_path, device=CPU)
    assert second.step == 2 and second.path != first.path
    for name, value in second.model.state_dict().items():
        if name.startswith("encoder."):
            assert torch.equal(value, start[name]), name
    idle = [n for n, p in second.model.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle and all(name.startswith("encoder.") for name in idle)


def test_shards_that_are_not_drawn_yet_are_left_out(shards: list[Path], tmp_path: Path) -> None:
    missing = shards[0].with_name("00009.safetensors")
    train_autoencoder([missing, shards[0]], Budget(2, 60, 1, 1e-3), tmp_path, CPU)


class Brighter:
    """An autoencoder that changes every value by a fixed amount."""

    def encode(self, pictures: Tensor, return_dict: bool) -> tuple[Tensor]:
        """The pictures."""
        return (pictures,)

    def decode(self, latents: Tensor, return_dict: bool) -> tuple[Tensor]:
        """A tenth of the whole range too bright."""
        return (latents + 0.2,)


def test_psnr_in_decibels() -> None:
    model: Any = Brighter()
    assert psnr(model, torch.zeros(2, 3, 8, 8)) == pytest.approx(20.0, abs=1e-4)
