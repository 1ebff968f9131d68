"""IP-Adapters under the published keys, plain and Plus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from remixlab.config import SourceConfig
from remixlab.errors import InvalidConfig
from remixlab.models.attention import RowAttention
from remixlab.models.suite import Suite
from tests.models.test_load import denoised
from tests.tiny_suite import ADAPTER_FILE, CROSS_WIDTH, adapter_state, tiny_image_encoder, tiny_unet


@pytest.fixture
def load_adapter(load_tiny: Callable[..., Suite], tmp_path: Path) -> Callable[..., Suite]:
    """Loads the tiny suite with an IP-Adapter of these tensors."""

    def load(state: dict[str, Tensor]) -> Suite:
        save_file(state, tmp_path / "adapter.safetensors")
        return load_tiny(ip_adapter=SourceConfig(repo=str(tmp_path), file="adapter.safetensors"))

    return load


def readers(suite: Suite) -> dict[str, RowAttention]:
    processors = suite.unet.attn_processors
    return {
        name: layer
        for name, layer in processors.items()
        if isinstance(layer, RowAttention) and layer.reference_enabled
    }


def test_keys_and_values_reach_their_layers(tiny: Suite, tiny_folder: Path) -> None:
    state = load_file(tiny_folder / "ip_adapter" / ADAPTER_FILE)
    numbers = sorted({int(key.split(".")[1]) for key in state if key.startswith("ip_adapter.")})
    processors = list(tiny.unet.attn_processors.values())
    assert numbers == list(range(1, len(processors), 2))
    for number in numbers:
        layer = processors[number]
        assert isinstance(layer, RowAttention)
        assert torch.equal(layer.to_k_ip.weight, state[f"ip_adapter.{number}.to_k_ip.weight"])
        assert torch.equal(layer.to_v_ip.weight, state[f"ip_adapter.{number}.to_v_ip.weight"])


@pytest.mark.parametrize(("kind", "tokens"), [("plain", 4), ("plus", 16)])
def test_both_kinds_give_tokens(load_adapter: Callable[..., Suite], kind: str, tokens: int) -> None:
    suite = load_adapter(adapter_state(tiny_unet(), tiny_image_encoder(), kind))
    assert suite.reads_hidden_states is (kind == "plus")
    seen = torch.randn(2, 17, 64) if kind == "plus" else torch.randn(2, 40)
    assert suite.image_projection(seen).shape == (2, tokens, CROSS_WIDTH)
    assert not torch.allclose(denoised(suite)[1], denoised(suite, scale=0.0)[1])


def test_projection_equals_diffusers_own_loader(tiny: Suite, tiny_folder: Path) -> None:
    state = load_file(tiny_folder / "ip_adapter" / ADAPTER_FILE)
    halves = {
        half: {k.removeprefix(f"{half}."): v for k, v in state.items() if k.startswith(half)}
        for half in ("image_proj", "ip_adapter")
    }
    unet = tiny_unet()
    unet._load_ip_adapter_weights([halves], low_cpu_mem_usage=False)
    seen = torch.randn(1, 17, 64)
    [wanted] = unet.encoder_hid_proj([seen[:, None]])
    torch.testing.assert_close(tiny.image_projection(seen), wanted[:, 0])


@pytest.mark.parametrize(
    ("mode", "prefixes"),
    [
        ("style", ("up_blocks.0.attentions.1.",)),
        ("layout", ("down_blocks.2.attentions.1.",)),
        ("style+layout", ("up_blocks.0.attentions.1.", "down_blocks.2.attentions.1.")),
    ],
)
def test_reference_modes(
    load_tiny: Callable[..., Suite], mode: str, prefixes: tuple[str, ...]
) -> None:
    names = set(readers(load_tiny(reference_mode=mode)))
    assert names and all(name.startswith(prefixes) for name in names)
    assert all(any(name.startswith(prefix) for name in names) for prefix in prefixes)


def test_all_cross_attention_layers_read_by_default(tiny: Suite) -> None:
    names = set(readers(tiny))
    assert names == {name for name in tiny.unet.attn_processors if "attn2" in name}


@pytest.mark.parametrize(
    ("remove", "add", "message"),
    [
        ("ip_adapter.3.to_v_ip.weight", {}, r"missing ip_adapter\.3\.to_v_ip\.weight"),
        ("", {"ip_adapter.99.to_k_ip.weight": (32, 48)}, r"unexpected ip_adapter\.99"),
        ("", {"ip_adapter.1.to_k_ip.weight": (32, 9)}, r"of shape \(32, 9\)"),
        ("", {"unet.lora.weight": (2, 2)}, r"unexpected unet\.lora\.weight"),
        ("image_proj.proj_in.bias", {}, r"proj_in\.bias"),
        ("image_proj.latents", {}, "neither plain"),
        ("", {"image_proj.proj_in.weight": (64, 80)}, "made for this image encoder"),
        ("", {"image_proj.proj_out.weight": (80, 64)}, "made for this UNet"),
    ],
)
def test_wrong_adapters_are_refused(
    load_adapter: Callable[..., Suite], remove: str, add: dict[str, tuple[int, int]], message: str
) -> None:
    state = adapter_state(tiny_unet(), tiny_image_encoder(), "plus")
    state.pop(remove, None)
    state |= {key: torch.zeros(shape) for key, shape in add.items()}
    with pytest.raises(InvalidConfig, match=message):
        load_adapter(state)


def test_a_folder_is_no_adapter(load_tiny: Callable[..., Suite]) -> None:
    with pytest.raises(InvalidConfig, match=r"model\.ip_adapter\.file"):
        load_tiny(ip_adapter=SourceConfig(subfolder="ip_adapter"))
