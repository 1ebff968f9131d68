from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from remixlab.mini import autoencoder, dataset, train
from remixlab.mini.budget import Budget, Trainer
from remixlab.mini.dataset import Series
from remixlab.mini.tokenizer import learn_tokenizer
from remixlab.mini.train import TrainConfig
from tests.mini.conftest import CPU, SCENES

PARTS = (
    "autoencoder",
    "decoder",
    "style_reader",
    "prompt_reader",
    "half_size",
    "full_size",
    "scorer",
)


@pytest.fixture
def recipe(
    small_world: None,
    small_denoiser: None,
    tokenizer: CLIPTokenizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> TrainConfig:
    """Two steps of everything, on one shard of pictures of 128 pixels."""
    tokenizer.save_pretrained(tmp_path / "training" / "tokenizer")
    draw = train.training_pairs
    monkeypatch.setattr(train, "SUITE", Series(1, ((128, 128),)))
    monkeypatch.setattr(train, "SCORER", Series(50, ((32, 32),)))
    monkeypatch.setattr(train, "SHARD", SCENES)
    monkeypatch.setattr(train, "training_pairs", lambda numbers, _: draw(numbers, (64, 64)))
    monkeypatch.setattr(autoencoder, "CROP", 32)
    return TrainConfig(
        folder=str(tmp_path / "training"),
        output=str(tmp_path / "weights"),
        workers=1,
        shards=1,
        full_size_shards=1,
        autoencoder=Budget(2, 1, 2, 1e-3),
        decoder=Budget(2, 1, 2, 1e-3),
        style_reader=Budget(2, 1, 2, 1e-3),
        prompt_reader=Budget(2, 1, 2, 1e-3),
        half_size=Budget(2, 1, 6, 1e-3),  # two rows with an outline: one pixel cannot be normed
        full_size=Budget(2, 1, 4, 1e-3),
        scorer_shards=1,
        scorer=Budget(2, 1, 2, 1e-3),
    )


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


def test_recipe_from_nothing_and_again(
    recipe: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = train.train(recipe, CPU)
    folder = Path(recipe.folder)
    card = json.loads((output / "card.json").read_text())
    assert card["data"] == f"{SCENES} scenes"
    assert list(card["parts"]) == list(PARTS)
    assert {card["parts"][part]["steps_done"] for part in PARTS} == {2}
    assert all(card["parts"][part]["loss"] > 0 for part in PARTS)
    assert (output / "unet" / "diffusion_pytorch_model.safetensors").is_file()
    factor = json.loads((output / "vae" / "config.json").read_text())["scaling_factor"]
    assert factor == train.scaling_factor(folder / "full_size" / "00000.safetensors")

    def refuse(*_: object) -> None:
        raise AssertionError("done before")

    before, drawn = (
        content(output),
        {p: p.stat().st_mtime_ns for p in folder.rglob("*.safetensors")},
    )
    before.pop("card.json")
    monkeypatch.setattr(Trainer, "learn", refuse)
    monkeypatch.setattr(dataset, "_draw_shard", refuse)
    assert train.train(recipe, CPU) == output
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*.safetensors")} == drawn
    after = content(output)
    assert json.loads(after.pop("card.json"))["parts"] == card["parts"]
    assert after == before


def test_going_on_from_a_suite_keeps_its_latents_and_its_words(recipe: TrainConfig) -> None:
    first = train.train(recipe, CPU)
    again = replace(recipe, folder=f"{recipe.folder}2", output=f"{recipe.output}2")
    output = train.train(replace(again, start=str(first)), CPU)
    card = json.loads((output / "card.json").read_text())
    assert list(card["parts"]) == [part for part in PARTS if "coder" not in part]
    for kept in ("vae", "tokenizer", "tokenizer_2"):
        assert content(output / kept) == content(first / kept)
    assert content(output / "unet") != content(first / "unet")


def test_tokenizer_is_learnt_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learns = iter([learn_tokenizer(["a red bottle"])])
    monkeypatch.setattr(train, "learn_tokenizer", lambda _: next(learns))
    first, again = (train.learnt_once(tmp_path / "tokenizer") for _ in range(2))
    assert first.get_vocab() == again.get_vocab()
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer"]


def test_scaling_factor_gives_unit_variance(encoded: list[Path]) -> None:
    from safetensors.torch import load_file

    latents: Tensor = load_file(encoded[0])["latents"].float()
    assert float((latents * train.scaling_factor(encoded[0])).std()) == pytest.approx(1, rel=1e-3)
    assert not torch.isclose(latents.std(), torch.tensor(1.0))
