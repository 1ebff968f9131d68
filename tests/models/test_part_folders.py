"""What a part's folder holds is taken whole, and what it asks for is done or refused by name."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from remixlab.config import SourceConfig
from remixlab.errors import InvalidConfig, MissingWeights
from remixlab.models.suite import Suite
from tests.models.test_foreign_files import refused
from tests.models.test_single_file import assert_same


@pytest.fixture
def copied(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny suite's folder, to be changed."""
    shutil.copytree(tiny_folder, tmp_path / "suite")
    return tmp_path / "suite"


def test_a_union_folder_is_no_controlnet(load_tiny: Callable[..., Suite], copied: Path) -> None:
    path = copied / "controlnet" / "config.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"_class_name": "ControlNetUnionModel"})
    )
    message = refused(load_tiny, base=SourceConfig(repo=str(copied)))
    assert "describes a ControlNetUnionModel, not a ControlNetModel" in message


@pytest.mark.parametrize("part", ["unet", "vae", "controlnet", "text_encoder", "text_encoder_2"])
def test_folders_with_more_than_the_network_takes(
    load_tiny: Callable[..., Suite], copied: Path, part: str
) -> None:
    [path] = (copied / part).glob("*.safetensors")
    extra = {f"extra.{n}.dora_scale": torch.zeros(2) for n in range(3)}
    save_file(load_file(path) | extra, path, {"format": "pt"})
    message = refused(load_tiny, base=SourceConfig(repo=str(copied)))
    assert f"{part} of suite tiny" in message
    assert "3 of its" in message and "DoRA: 3, such as extra.0.dora_scale" in message


class Trap:
    """Unpickled, it says so."""

    opened: bool = False

    def __setstate__(self, _: Any) -> None:
        Trap.opened = True


@pytest.mark.parametrize("part", ["text_encoder", "unet"])
@pytest.mark.parametrize(
    "name", ["../evil.bin", "evil.bin", "/tmp/evil.safetensors", "../x.safetensors"]
)
def test_an_index_cannot_lead_out_of_its_folder_or_to_a_pickle(
    load_tiny: Callable[..., Suite], copied: Path, part: str, name: str
) -> None:
    [weights] = (copied / part).glob("*.safetensors")
    keys = list(load_file(weights))
    weights.unlink()
    trap = Trap()
    trap.__dict__["weight"] = 1
    for folder in (copied, copied / part):
        (folder / "evil.bin").write_bytes(pickle.dumps(trap))
    index = {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(keys, name)}
    (copied / part / f"{weights.name}.index.json").write_text(json.dumps(index))
    message = refused(load_tiny, base=SourceConfig(repo=str(copied)))
    assert name in message and "same folder" in message
    assert not Trap.opened


def test_a_part_in_several_files_is_read(
    load_tiny: Callable[..., Suite], tiny: Suite, copied: Path
) -> None:
    [weights] = (copied / "unet").glob("*.safetensors")
    state = load_file(weights)
    weights.unlink()
    names = [f"{weights.stem}-0000{n}-of-00002.safetensors" for n in (1, 2)]
    placed = {key: names[number % 2] for number, key in enumerate(state)}
    for name in names:
        save_file({k: v for k, v in state.items() if placed[k] == name}, copied / "unet" / name)
    index = {"metadata": {"total_size": 1}, "weight_map": placed}
    (copied / "unet" / f"{weights.name}.index.json").write_text(json.dumps(index))
    assert_same(load_tiny(base=SourceConfig(repo=str(copied))).unet, tiny.unet)


@pytest.mark.parametrize(
    "part", ["unet", "vae", "controlnet", "text_encoder", "ip_adapter/image_encoder"]
)
@pytest.mark.parametrize(
    "setting",
    [
        {"attn_implementation": "flash_attention_2"},
        {"_attn_implementation": "someone/kernel"},
        {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}},
        {"quantization_config": {}},
        {"dtype": "float7"},
        {"torch_dtype": "int8"},
        {"dtype": 3},
        {"auto_map": {"AutoModel": "code.Model"}},
        {"transformers_weights": "../evil.bin"},
    ],
    ids=str,
)
def test_settings_that_a_suite_decides_itself_are_refused_by_name(
    load_tiny: Callable[..., Suite], copied: Path, part: str, setting: dict[str, Any]
) -> None:
    path = copied / part / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | setting))
    message = refused(load_tiny, base=SourceConfig(repo=str(copied)))
    assert f"{Path(part).name} of suite tiny" in message and next(iter(setting)) in message


@pytest.mark.parametrize("text", ["", "[]", "{", '{"hidden_size": "wide"}', '{"hidden_size": -1}'])
def test_broken_configurations_are_refused(
    load_tiny: Callable[..., Suite], copied: Path, text: str
) -> None:
    (copied / "text_encoder" / "config.json").write_text(text)
    with pytest.raises((InvalidConfig, MissingWeights), match="text_encoder of suite tiny"):
        load_tiny(base=SourceConfig(repo=str(copied)))


def test_a_folder_with_an_adapter_in_it_is_refused(
    load_tiny: Callable[..., Suite], copied: Path
) -> None:
    (copied / "text_encoder" / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    assert "model.lora" in refused(load_tiny, base=SourceConfig(repo=str(copied)))
