"""A LoRA is applied whole, in every layout that trainers write, or refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from peft import LoraConfig as PeftConfig
from peft import get_peft_model
from safetensors.torch import save_file
from torch import Tensor, nn

from remixlab.config import LoraConfig, SourceConfig, compose_config
from remixlab.errors import InvalidConfig
from remixlab.models.load import load_suite
from remixlab.models.lora import fuse_lora
from remixlab.models.original_names import original_names
from remixlab.models.spec import SuiteSpec
from remixlab.models.suite import Suite
from tests.tiny_suite import tiny_text_encoder, tiny_unet

RANK, ALPHA = 4, 2.0
QUERY = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
OUT = QUERY.replace("to_q", "to_out.0")
CONVOLUTION = "up_blocks.1.resnets.1.conv1"
LAYERS = (QUERY, OUT, CONVOLUTION, "conv_in", "time_embedding.linear_1")
TEXT = "text_model.encoder.layers.1.self_attn.q_proj"


def networks() -> dict[str, Any]:
    """A UNet and two text encoders of seeded random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return {
            "unet": tiny_unet(),
            "text_encoder": tiny_text_encoder(300, second=False),
            "text_encoder_2": tiny_text_encoder(300, second=True),
        }


def pair(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """`down` and `up` for a layer, as LoRA files have them."""
    weight: Any = layer.weight
    down = torch.randn(RANK, *weight.shape[1:])
    return down, torch.randn(weight.shape[0], RANK, *(1,) * (weight.ndim - 2))


def flat(prefix: str, name: str) -> str:
    return prefix + name.replace(".", "_")


def in_layout(layout: str, name: str, down: Tensor, up: Tensor, unet: Any) -> dict[str, Tensor]:
    """One layer of the UNet as a file of this layout has it; all say `ALPHA`."""
    if layout.startswith("kohya"):
        if layout == "kohya original":
            name = original_names("unet", unet)[name] if "attn" not in name else original(name)
        stem = flat("lora_unet_", name)
        alpha = {f"{stem}.alpha": torch.tensor(ALPHA)}
        return {f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up} | alpha
    scaled = up * ALPHA / RANK
    if layout == "diffusers":
        return {f"unet.{name}.lora_A.weight": down, f"unet.{name}.lora_B.weight": scaled}
    if layout == "comfy":
        stem = f"diffusion_model.{original_names('unet', unet).get(name, name)}"
        return {f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": scaled}
    if layout == "older diffusers":
        stem = f"unet.{name.replace('attn1.', 'attn1.processor.').replace('to_out.0', 'to_out')}"
        join = "_" if "attn" in name else "."
        return {f"{stem}{join}lora.down.weight": down, f"{stem}{join}lora.up.weight": scaled}
    stem = f"base_model.model.{name}"
    return {f"{stem}.lora_A.weight": down, f"{stem}.lora_B.weight": scaled}


def original(name: str) -> str:
    return name.replace("down_blocks.1.attentions.0", "input_blocks.4.1")


def fused(state: dict[str, Tensor], path: Path, scale: float = 1.0) -> dict[str, Any]:
    save_file(state, path)
    changed = networks()
    fuse_lora(changed, path=path, scale=scale)
    return changed


def changes(after: dict[str, Any]) -> dict[str, Tensor]:
    """What was added to which weights."""
    before = networks()
    found = {}
    for part, network in after.items():
        old = before[part].state_dict()
        for key, value in network.state_dict().items():
            if not torch.equal(old[key], value):
                found[f"{part}.{key}"] = value - old[key]
    return found


@pytest.mark.parametrize(
    "layout", ["kohya", "kohya original", "diffusers", "older diffusers", "peft", "comfy"]
)
def test_every_layer_gets_scale_times_up_times_down(tmp_path: Path, layout: str) -> None:
    unet = networks()["unet"]
    pairs = {name: pair(unet.get_submodule(name)) for name in LAYERS}
    state: dict[str, Tensor] = {}
    for name, (down, up) in pairs.items():
        state |= in_layout(layout, name, down, up, unet)
    found = changes(fused(state, tmp_path / "lora.safetensors", scale=0.5))
    assert found.keys() == {f"unet.{name}.weight" for name in LAYERS}
    for name, (down, up) in pairs.items():
        weight = found[f"unet.{name}.weight"]
        wanted = 0.5 * ALPHA / RANK * (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
        torch.testing.assert_close(weight, wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("stem", "part", "end"),
    [
        (flat("lora_te1_", TEXT), "text_encoder", ("lora_down", "lora_up")),
        (flat("lora_te2_", TEXT), "text_encoder_2", ("lora_down", "lora_up")),
        (f"text_encoder_2.{TEXT}", "text_encoder_2", ("lora_A", "lora_B")),
        (
            f"text_encoder.{TEXT.replace('q_proj', 'to_q_lora')}",
            "text_encoder",
            ("down", "up"),
        ),
        ("lora_te2_text_projection", "text_encoder_2", ("lora_down", "lora_up")),
    ],
)
def test_text_encoders_take_their_share(
    tmp_path: Path, stem: str, part: str, end: tuple[str, str]
) -> None:
    name = "text_projection" if "projection" in stem else TEXT
    layers = dict(networks()[part].named_modules())
    layer = layers.get(name) or layers[name.removeprefix("text_model.")]
    down, up = pair(layer)
    state = {f"{stem}.{end[0]}.weight": down, f"{stem}.{end[1]}.weight": up}
    found = changes(fused(state, tmp_path / "lora.safetensors"))
    assert [key.split(".")[0] for key in found] == [part]
    torch.testing.assert_close(next(iter(found.values())), up @ down, atol=1e-5, rtol=1e-4)


def peft_model(**settings: Any) -> Any:
    """A UNet with an adapter of PEFT's that does something."""
    config = PeftConfig(
        r=RANK, lora_alpha=6, target_modules=["to_q", "conv1"], init_lora_weights=False, **settings
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = get_peft_model(networks()["unet"], config)
        for name, value in model.named_parameters():
            if "magnitude" in name:
                value.data *= 1.3
    return model


@pytest.mark.parametrize(
    "settings", [{}, {"use_dora": True}, {"use_rslora": True}, {"alpha_pattern": {"conv1": 1}}]
)
def test_folders_that_peft_saves_give_what_peft_merges(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    model = peft_model(**settings)
    model.save_pretrained(tmp_path)
    merged = model.merge_and_unload().state_dict()
    ours = networks()
    fuse_lora(ours, path=tmp_path / "adapter_model.safetensors", scale=1.0)
    before = networks()["unet"].state_dict()
    assert any(not torch.equal(before[key], value) for key, value in merged.items())
    for key, value in ours["unet"].state_dict().items():
        torch.testing.assert_close(value, merged[key], atol=1e-5, rtol=1e-4)


def test_a_decomposed_lora_of_kohya_counts_by_its_scale(tmp_path: Path) -> None:
    weight = networks()["unet"].get_submodule(QUERY).weight
    down, up = pair(networks()["unet"].get_submodule(QUERY))
    stem, rows = flat("lora_unet_", QUERY), torch.rand(weight.shape[0], 1) + 0.5
    state = {f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up}
    for magnitude, axis in ((rows, 1), (rows[: weight.shape[1]].T, 0)):
        given = state | {f"{stem}.dora_scale": magnitude.contiguous()}
        whole, half = (
            fused(given, tmp_path / "dora.safetensors", scale)["unet"].get_submodule(QUERY).weight
            for scale in (1.0, 0.5)
        )
        torch.testing.assert_close(whole.norm(dim=axis), magnitude.flatten(), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(half, (weight + whole) / 2, atol=1e-5, rtol=1e-4)


def test_settings_in_the_header_of_diffusers_count(tmp_path: Path) -> None:
    down, up = pair(networks()["unet"].get_submodule(QUERY))
    state = {f"unet.{QUERY}.lora_A.weight": down, f"unet.{QUERY}.lora_B.weight": up}
    told = {"unet.r": RANK, "unet.lora_alpha": 1, "unet.target_modules": ["to_q"]}
    save_file(state, tmp_path / "lora.safetensors", {"lora_adapter_metadata": json.dumps(told)})
    after = networks()
    fuse_lora(after, path=tmp_path / "lora.safetensors", scale=1.0)
    found = changes(after)[f"unet.{QUERY}.weight"]
    torch.testing.assert_close(found, up @ down / RANK, atol=1e-5, rtol=1e-4)


STEM = flat("lora_unet_", QUERY)
FOREIGN = {
    "LyCORIS LoHa": [f"{STEM}.{end}" for end in ("hada_w1_a", "hada_w1_b", "hada_w2_a")],
    "LyCORIS LoKr": [f"{STEM}.lokr_w1", f"{STEM}.lokr_w2"],
    "LyCORIS LoCon with a core tensor": [f"{STEM}.lora_mid.weight"],
    "whole differences": [f"{STEM}.diff", f"{STEM}.diff_b"],
    "norms": ["lora_unet_conv_norm_out.w_norm", "lora_unet_conv_norm_out.b_norm"],
    "biases of a LoRA": [f"unet.{QUERY}.lora_B.bias"],
    "OFT or BOFT": [f"{STEM}.oft_blocks"],
    "textual inversion": ["clip_g", "clip_l"],
    "control-LoRA": ["lora_controlnet", "input_blocks.1.0.emb_layers.1.up"],
    "layers that the unet has not": [
        "lora_unet_down_blocks_9_attentions_0_proj_in.lora_down.weight",
        "lora_unet_down_blocks_9_attentions_0_proj_in.lora_up.weight",
        "lora_unet_down_blocks_9_attentions_0_proj_in.alpha",
    ],
    "layers that it has not": ["transformer.to_q.weight", "something.else"],
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_would_be_lost_is_counted_and_nothing_is_changed(tmp_path: Path, kind: str) -> None:
    down, up = pair(networks()["unet"].get_submodule(QUERY))
    state = in_layout("kohya", QUERY, down, up, None)
    state |= {key: torch.ones(2, 2) for key in FOREIGN[kind]}
    save_file(state, tmp_path / "lora.safetensors")
    after = networks()
    number = len(FOREIGN[kind])
    with pytest.raises(ValueError, match=rf"^{number} of its {len(state)} tensors") as caught:
        fuse_lora(after, path=tmp_path / "lora.safetensors", scale=1.0)
    assert f"{kind}: {number}, such as {min(FOREIGN[kind])}" in str(caught.value)
    assert not changes(after)


def test_half_a_pair_and_another_width_are_refused(tmp_path: Path) -> None:
    down, up = pair(networks()["unet"].get_submodule(QUERY))
    whole = in_layout("kohya", QUERY, down, up, None)
    half = {key: value for key, value in whole.items() if "lora_up" not in key}
    with pytest.raises(ValueError, match="halves of pairs: 2"):
        fused(half, tmp_path / "lora.safetensors")
    narrow = in_layout("kohya", QUERY, down[:, :-8].contiguous(), up[:-8].contiguous(), None)
    with pytest.raises(ValueError, match=r"shapes of another base: 2, .*\(24, 4\) for \(32, 32\)"):
        fused(narrow, tmp_path / "lora.safetensors")


@pytest.mark.parametrize("start", ["pissa", "olora"])
def test_a_lora_that_was_started_from_another_base_is_refused(tmp_path: Path, start: str) -> None:
    peft_model().save_pretrained(tmp_path)
    config = tmp_path / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"init_lora_weights": start}))
    with pytest.raises(ValueError, match=start):
        fuse_lora(networks(), path=tmp_path / "adapter_model.safetensors", scale=1.0)


def test_settings_beside_the_file_are_part_of_its_provenance(
    load_tiny: Callable[..., Suite], tmp_path: Path
) -> None:
    peft_model().save_pretrained(tmp_path)
    lora = LoraConfig(repo=str(tmp_path), file="adapter_model.safetensors")
    before = load_tiny(lora=lora).provenance["lora"]
    config = tmp_path / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"lora_alpha": 1}))
    assert load_tiny(lora=lora).provenance["lora"] != before


def load_mini(**parts: SourceConfig) -> Suite:
    config = compose_config(["model=mini"]).model
    for part, source in parts.items():
        setattr(config, part, source)
    spec, kernel = SuiteSpec.from_config(config), F.scaled_dot_product_attention
    return load_suite(spec, device="cpu", dtype=torch.float32, kernel=kernel)


def test_the_suite_that_ships_takes_a_lora(tmp_path: Path) -> None:
    plain: Any = load_mini().unet.get_submodule(QUERY)
    down, up = pair(plain)
    save_file(in_layout("diffusers", QUERY, down, up, None), tmp_path / "lora.safetensors")
    suite = load_mini(lora=LoraConfig(file=str(tmp_path / "lora.safetensors"), scale=0.1))
    found: Any = suite.unet.get_submodule(QUERY).weight
    wanted = plain.weight + 0.1 * ALPHA / RANK * up @ down
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_a_lora_of_another_size_is_refused_in_one_line(tmp_path: Path) -> None:
    down, up = torch.randn(RANK, 640), torch.randn(640, RANK)
    save_file(in_layout("kohya", QUERY, down, up, None), tmp_path / "sdxl.safetensors")
    with pytest.raises(InvalidConfig, match="lora of suite mini") as caught:
        load_mini(lora=LoraConfig(file=str(tmp_path / "sdxl.safetensors")))
    message = str(caught.value)
    assert "sdxl.safetensors" in message and "shapes of another base: 2" in message
    assert "\n" not in message and len(message) < 500
