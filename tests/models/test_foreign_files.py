"""Files of weights are taken whole, or refused in one line that says what would be lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from remixlab.config import ControlNetConfig, LoraConfig, SourceConfig
from remixlab.errors import RemixError
from remixlab.models.suite import Suite
from tests.ldm_keys import ldm_checkpoint, ldm_unet_key, ldm_vae_key
from tests.models.test_single_file import UNET_FILE, assert_same, single_file_base
from tests.tiny_suite import tiny_controlnet, tiny_unet

CONTROL_FILE = "controlnet/diffusion_pytorch_model.safetensors"


def published_control_key(key: str, unet: Any) -> str:
    """A ControlNet's key as its first publication has it."""
    place, _, end = key.rpartition(".")
    heads = {
        "controlnet_mid_block": "middle_block_out.0",
        "controlnet_cond_embedding.conv_in": "input_hint_block.0",
        "controlnet_cond_embedding.conv_out": "input_hint_block.14",
    }
    if place in heads:
        return f"{heads[place]}.{end}"
    if place.startswith("controlnet_down_blocks."):
        return f"zero_convs.{place.split('.')[1]}.0.{end}"
    if place.startswith("controlnet_cond_embedding.blocks."):
        return f"input_hint_block.{2 * int(place.split('.')[2]) + 2}.{end}"
    return ldm_unet_key(key, unet)


def refused(load: Callable[..., Suite], **changes: Any) -> str:
    """What a suite of these parts is refused with, in one line."""
    with pytest.raises(RemixError) as caught:
        load(**changes)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600
    return message


@pytest.mark.parametrize("prefix", ["control_model.", "module.", "module.control_model.", ""])
@pytest.mark.parametrize("layout", ["diffusers", "original"])
def test_controlnets_in_every_layout(
    load_tiny: Callable[..., Suite], tiny_folder: Path, tmp_path: Path, prefix: str, layout: str
) -> None:
    state, unet = load_file(tiny_folder / CONTROL_FILE), tiny_unet()
    named = {k: published_control_key(k, unet) if layout == "original" else k for k in state}
    path = tmp_path / "control.safetensors"
    save_file({prefix + named[key]: value for key, value in state.items()}, path)
    suite = load_tiny(controlnet=ControlNetConfig(file=str(path)))
    wanted = tiny_controlnet()
    wanted.load_state_dict(state)
    whole: Any = suite.controlnet
    assert_same(suite.outline_embedding, wanted.controlnet_cond_embedding)
    for ours, theirs in (
        (whole.down_blocks, wanted.down_blocks),
        (whole.mid_block, wanted.mid_block),
    ):
        assert_same(ours, theirs)
    assert_same(whole.controlnet_down_blocks, wanted.controlnet_down_blocks)


CONTROLS = {
    "ControlNet-LLLite": "lllite_unet_input_blocks_4_1_to_q.down.0.weight",
    "control-LoRA": "input_blocks.1.0.emb_layers.1.up",
    "ControlNet union (several controls in one)": "task_embedding",
    "T2I-Adapter": "adapter.body.0.in_conv.weight",
    "scales of quantised weights": "conv_in.scale_weight",
    "layers that it has not": "something.new",
}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("kind", CONTROLS)
def test_other_kinds_of_control_are_named_and_counted(
    load_tiny: Callable[..., Suite], tiny_folder: Path, tmp_path: Path, kind: str, whole: bool
) -> None:
    state = load_file(tiny_folder / CONTROL_FILE) if whole else {}
    state |= {CONTROLS[kind]: torch.zeros(4, 4)}
    save_file(state, tmp_path / "other.safetensors")
    path = str(tmp_path / "other.safetensors")
    message = refused(load_tiny, controlnet=ControlNetConfig(file=path))
    assert "controlnet of suite tiny" in message and "other.safetensors" in message
    assert f"1 of its {len(state)} tensors would be lost ({kind}: 1, such as" in message


def checkpoint_of(suite: Suite, folder: Path) -> dict[str, Tensor]:
    unet = tiny_unet()
    unet.load_state_dict(load_file(folder / UNET_FILE))
    return ldm_checkpoint(unet, suite.vae, *suite.text_encoders)


LEFTOVERS = (
    "alphas_cumprod",
    "model_ema.diffusion_modelinput_blocks00weight",
    "denoiser.sigmas",
    "conditioner.embedders.1.model.logit_scale",
    "conditioner.embedders.0.transformer.text_model.embeddings.position_ids",
)


def test_a_checkpoint_with_what_trainers_leave_in_it(
    load_tiny: Callable[..., Suite], tiny: Suite, tiny_folder: Path, tmp_path: Path
) -> None:
    state = checkpoint_of(tiny, tiny_folder) | {key: torch.zeros(3) for key in LEFTOVERS}
    save_file(state, tmp_path / "base.safetensors")
    suite = load_tiny(**single_file_base(tiny_folder, tmp_path / "base.safetensors"))
    assert_same(suite.unet, tiny.unet)
    for ours, theirs in zip(suite.text_encoders, tiny.text_encoders, strict=True):
        assert_same(ours, theirs)


@pytest.mark.parametrize(
    "key",
    [
        "model.diffusion_model.input_blocks.99.0.in_layers.0.weight",
        "first_stage_model.decoder.up.9.block.0.norm1.weight",
        "conditioner.embedders.0.transformer.text_model.encoder.layers.99.mlp.fc1.weight",
        "conditioner.embedders.1.model.transformer.resblocks.99.mlp.c_fc.weight",
        "conditioner.embedders.2.model.proj.weight",
        "cond_stage_model.transformer.text_model.final_layer_norm.weight",
        "control_model.time_embed.0.weight",
        "lora_unet_conv_in.lora_down.weight",
    ],
)
def test_a_checkpoint_with_more_than_the_suite_takes(
    load_tiny: Callable[..., Suite], tiny: Suite, tiny_folder: Path, tmp_path: Path, key: str
) -> None:
    save_file(checkpoint_of(tiny, tiny_folder) | {key: torch.zeros(3)}, tmp_path / "b.safetensors")
    message = refused(load_tiny, **single_file_base(tiny_folder, tmp_path / "b.safetensors"))
    assert "base of suite tiny" in message and "1 of its" in message
    assert key.rsplit(".", 3)[-2] in message


def test_a_checkpoint_without_a_part_is_refused(
    load_tiny: Callable[..., Suite], tiny: Suite, tiny_folder: Path, tmp_path: Path
) -> None:
    state = checkpoint_of(tiny, tiny_folder)
    kept = {key: value for key, value in state.items() if ".embedders.1." not in key}
    save_file(kept, tmp_path / "base.safetensors")
    message = refused(load_tiny, **single_file_base(tiny_folder, tmp_path / "base.safetensors"))
    assert "no text_encoder_2 under conditioner.embedders.1.model." in message


@pytest.mark.parametrize("prefix", ["first_stage_model.", "vae.", ""])
def test_a_vae_in_the_original_names(
    load_tiny: Callable[..., Suite], tiny: Suite, tmp_path: Path, prefix: str
) -> None:
    state = {prefix + ldm_vae_key(k): v.contiguous() for k, v in tiny.vae.state_dict().items()}
    save_file(state, tmp_path / "vae.safetensors")
    assert_same(load_tiny(vae=SourceConfig(file=str(tmp_path / "vae.safetensors"))).vae, tiny.vae)


def test_eight_bit_floats_are_taken_and_integers_are_not(
    load_tiny: Callable[..., Suite], tiny_folder: Path, tmp_path: Path
) -> None:
    state = load_file(tiny_folder / UNET_FILE)
    path = tmp_path / "unet.safetensors"
    save_file({key: value.to(torch.float8_e4m3fn) for key, value in state.items()}, path)
    taken: Any = load_tiny(unet=SourceConfig(file=str(path))).unet
    wanted = state["conv_in.weight"].to(torch.float8_e4m3fn).float()
    assert taken.dtype == torch.float32 and torch.equal(taken.conv_in.weight, wanted)
    save_file({key: value.to(torch.int8) for key, value in state.items()}, path)
    message = refused(load_tiny, unet=SourceConfig(file=str(path)))
    assert f"{len(state)} of its {len(state)} tensors" in message and "int8" in message


@pytest.mark.parametrize("part", ["unet", "vae", "controlnet", "lora", "ip_adapter", "base"])
@pytest.mark.parametrize("name", ["part.gguf", "part.ckpt", "part.bin", "part.pth"])
def test_no_other_kind_of_file_is_opened(
    load_tiny: Callable[..., Suite], tmp_path: Path, part: str, name: str
) -> None:
    (tmp_path / name).write_bytes(b"never read")
    kinds = {"lora": LoraConfig, "controlnet": ControlNetConfig}
    source = kinds.get(part, SourceConfig)(file=str(tmp_path / name))
    message = refused(load_tiny, **{part: source})
    assert name in message and ".safetensors" in message


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}", b"PK\x03\x04zip"])
@pytest.mark.parametrize("part", ["unet", "vae", "controlnet", "lora", "ip_adapter"])
def test_broken_files_are_refused(
    load_tiny: Callable[..., Suite], tmp_path: Path, part: str, content: bytes
) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    kinds = {"lora": LoraConfig, "controlnet": ControlNetConfig}
    source = kinds.get(part, SourceConfig)(file=str(path))
    assert "broken.safetensors" in refused(load_tiny, **{part: source})


def test_a_textual_inversion_is_no_lora(load_tiny: Callable[..., Suite], tmp_path: Path) -> None:
    path = tmp_path / "embedding.safetensors"
    save_file({"clip_l": torch.zeros(2, 16), "clip_g": torch.zeros(2, 32)}, path)
    message = refused(load_tiny, lora=LoraConfig(file=str(path)))
    assert "2 of its 2 tensors would be lost (textual inversion: 2, such as clip_g)" in message
