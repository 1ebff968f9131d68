"""Checkpoints in one file give the networks that the folder gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from remixlab.config import ControlNetConfig, SourceConfig
from remixlab.errors import InvalidConfig, MissingWeights
from remixlab.models.suite import Suite
from tests.ldm_keys import ldm_checkpoint, ldm_unet_key
from tests.models.test_load import plain_state
from tests.tiny_suite import ADAPTER_FILE, tiny_unet

UNET_FILE = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def checkpoint(tiny: Suite, tiny_folder: Path, tmp_path: Path) -> tuple[Suite, Path]:
    """The tiny suite, and the same weights as one checkpoint in the original key names."""
    unet = tiny_unet()
    unet.load_state_dict(load_file(tiny_folder / UNET_FILE))
    path = tmp_path / "checkpoint.safetensors"
    save_file(ldm_checkpoint(unet, tiny.vae, *tiny.text_encoders), path)
    return tiny, path


def single_file_base(folder: Path, path: Path) -> dict[str, SourceConfig]:
    repo = str(folder)
    return {
        "base": SourceConfig(file=str(path)),
        "controlnet": ControlNetConfig(repo=repo, subfolder="controlnet"),
        "ip_adapter": SourceConfig(repo=repo, subfolder="ip_adapter", file=ADAPTER_FILE),
        "image_encoder": SourceConfig(repo=repo, subfolder="ip_adapter/image_encoder"),
    }


def assert_same(left: nn.Module, right: nn.Module) -> None:
    ours, theirs = plain_state(left), plain_state(right)
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert torch.equal(value, theirs[key]), key


def test_checkpoint_in_original_key_names(
    load_tiny: Callable[..., Suite], tiny_folder: Path, checkpoint: tuple[Suite, Path]
) -> None:
    wanted, path = checkpoint
    suite = load_tiny(**single_file_base(tiny_folder, path))
    assert_same(suite.unet, wanted.unet)
    assert_same(suite.vae, wanted.vae)
    for ours, theirs in zip(suite.text_encoders, wanted.text_encoders, strict=True):
        assert_same(ours, theirs)
    assert suite.tokenizers[0]("oak").input_ids == wanted.tokenizers[0]("oak").input_ids
    assert suite.provenance["unet"].startswith("checkpoint.safetensors sha256:")


def test_checkpoint_with_another_vae(
    load_tiny: Callable[..., Suite], tiny_folder: Path, checkpoint: tuple[Suite, Path]
) -> None:
    wanted, path = checkpoint
    vae = SourceConfig(repo=str(tiny_folder), subfolder="vae")
    suite = load_tiny(**single_file_base(tiny_folder, path), vae=vae)
    assert_same(suite.vae, wanted.vae)
    assert suite.provenance["vae"].startswith("tiny/vae")


def test_checkpoint_in_half_precision_keeps_an_upcast_vae(
    load_tiny: Callable[..., Suite], tiny_folder: Path, checkpoint: tuple[Suite, Path]
) -> None:
    sources = single_file_base(tiny_folder, checkpoint[1])
    suite = load_tiny(dtype=torch.float16, **sources)
    assert (suite.unet.dtype, suite.vae.dtype) == (torch.float16, torch.float32)


@pytest.mark.parametrize("layout", ["diffusers", "original"])
def test_unet_alone_over_a_base(
    load_tiny: Callable[..., Suite], tmp_path: Path, layout: str
) -> None:
    torch.manual_seed(7)
    unet = tiny_unet()
    state = unet.state_dict()
    if layout == "original":
        state = {f"model.diffusion_model.{ldm_unet_key(k, unet)}": v for k, v in state.items()}
    path = tmp_path / "lightning_unet.safetensors"
    save_file(state, path)
    suite = load_tiny(unet=SourceConfig(repo=str(tmp_path), file=path.name))
    assert_same(suite.unet, unet)
    assert suite.origins["unet"].files == (path,)


def test_vae_alone(
    load_tiny: Callable[..., Suite], tiny: Suite, tmp_path: Path, tiny_folder: Path
) -> None:
    path = tmp_path / "vae.safetensors"
    save_file(load_file(tiny_folder / "vae/diffusion_pytorch_model.safetensors"), path)
    suite = load_tiny(vae=SourceConfig(file=str(path)))
    assert_same(suite.vae, tiny.vae)


@pytest.mark.parametrize("layout", ["diffusers", "original"])
def test_incomplete_files_are_refused(
    load_tiny: Callable[..., Suite], tmp_path: Path, layout: str
) -> None:
    unet = tiny_unet()
    state = unet.state_dict()
    state.pop("conv_out.weight")
    if layout == "original":
        state = {f"model.diffusion_model.{ldm_unet_key(k, unet)}": v for k, v in state.items()}
    save_file(state, tmp_path / "part.safetensors")
    with pytest.raises(InvalidConfig, match="unet of suite tiny"):
        load_tiny(unet=SourceConfig(file=str(tmp_path / "part.safetensors")))


def test_broken_and_foreign_files_are_refused(
    load_tiny: Callable[..., Suite], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no tensors")
    with pytest.raises(MissingWeights, match=r"broken\.safetensors"):
        load_tiny(unet=SourceConfig(file=str(broken)))
    pickled = tmp_path / "model.ckpt"
    torch.save({}, pickled)
    with pytest.raises(InvalidConfig, match=r"only \.safetensors"):
        load_tiny(unet=SourceConfig(file=str(pickled)))
    with pytest.raises(InvalidConfig, match="single files"):
        load_tiny(image_encoder=SourceConfig(file=str(broken)))
