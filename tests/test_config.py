"""Every config composes, and wrong settings are named."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

from remixlab.config import RemixConfig, compose_config, config_folder
from remixlab.errors import InvalidConfig
from remixlab.models.spec import PARTS, Source, SuiteSpec

GROUPS = ("model", "runtime", "reference", "outline")
OPTIONS = [
    f"{group}={path.stem}"
    for group in GROUPS
    for path in sorted((config_folder() / group).glob("*.yaml"))
]


def test_defaults() -> None:
    config = compose_config()
    assert type(config) is RemixConfig
    assert config.model.name == config.model.architecture == "mini"
    assert config.model.base.repo is None
    assert config.runtime.batch_size == 8 and config.runtime.channels_last
    assert (config.reference.fit, config.outline.kind) == ("resize", "silhouette")
    assert config.segmenter == "alpha" and config.steps is None


# The parts of a suite that have groups of their own, and a suite to try them in.
CHOICES = [
    [f"model={model}", f"{group.relative_to(config_folder())}={path.stem}"]
    for group, models in {
        config_folder() / "model/controlnet": ("sdxl", "realvisxl_lightning", "sdxl_lcm"),
        config_folder() / "model/ip_adapter": ("sdxl", "sdxl_lightning"),
        config_folder() / "model/lightning": ("sdxl_lightning",),
    }.items()
    for model in models
    for path in sorted(group.glob("*.yaml"))
]


def test_every_group_of_a_suite_is_tried() -> None:
    groups = {path.name for path in (config_folder() / "model").iterdir() if path.is_dir()}
    assert groups == {choice[1].split("=")[0].split("/")[1] for choice in CHOICES}


@pytest.mark.parametrize("option", [*([option] for option in OPTIONS), *CHOICES], ids="+".join)
def test_every_option_composes(option: list[str]) -> None:
    config = compose_config(option)
    spec = SuiteSpec.from_config(config.model)
    assert spec.licence and spec.steps >= 1
    assert not GlobalHydra().is_initialized()


def test_presets_change_what_they_name_and_nothing_else() -> None:
    auto, fast, exact = (compose_config([f"runtime={name}"]) for name in ("auto", "fast", "exact"))
    assert fast.runtime == replace(auto.runtime, dtype="half", compile="auto")
    assert exact.runtime == replace(auto.runtime, dtype="float32", deterministic=True)


def test_every_model_is_named_like_its_file() -> None:
    for path in (config_folder() / "model").glob("*.yaml"):
        assert compose_config([f"model={path.stem}"]).model.name == path.stem


def test_overrides_reach_every_level() -> None:
    config = compose_config(
        [
            "model=sdxl",
            "model.lora.repo=latent-consistency/lcm-lora-sdxl",
            "model.lora.file=pytorch_lora_weights.safetensors",
            "model.scheduler.name=lcm",
            "model.style_calibration=[[0.7,0.5],[1,1]]",
            "runtime.device=cuda:1",
            "steps=4",
        ]
    )
    assert config.steps == 4 and config.runtime.device == "cuda:1"
    assert config.model.lora is not None and config.model.lora.scale == 1.0
    spec = SuiteSpec.from_config(config.model)
    assert spec.lora is not None and spec.lora.file == "pytorch_lora_weights.safetensors"
    assert spec.unet is None and spec.calibration == ((0, 0), (0.7, 0.5), (1, 1))


def test_realvisxl_inherits_from_sdxl() -> None:
    config = compose_config(["model=realvisxl_lightning"]).model
    assert config.base.repo == "SG161222/RealVisXL_V5.0_Lightning"
    assert config.vae is not None and config.vae.repo == "madebyollin/sdxl-vae-fp16-fix"
    assert config.scheduler.karras


def sources(*overrides: str) -> list[Source]:
    spec = SuiteSpec.from_config(compose_config(overrides).model)
    parts = [getattr(spec, part) for part in ("base", *PARTS)]
    return [source for source in parts if source is not None and source.repo]


@pytest.mark.parametrize("model", ["realvisxl_lightning", "sdxl", "sdxl_lcm", "sdxl_lightning"])
def test_full_size_suites_are_pinned_and_say_their_licences(model: str) -> None:
    for source in sources(f"model={model}"):
        assert re.fullmatch("[0-9a-f]{40}", source.revision), source.repo
        assert source.licence in ("openrail++", "MIT", "Apache-2.0")
    spec = SuiteSpec.from_config(compose_config([f"model={model}"]).model)
    assert spec.commercial_use and 12 < spec.download_gb < 15
    for licence in ("openrail++ (base", "MIT (vae)", "Apache-2.0 (controlnet"):
        assert licence in spec.licence


def test_a_part_without_commercial_use_forbids_it_for_the_suite() -> None:
    config = compose_config(["model=sdxl", "model.controlnet.commercial_use=false"])
    assert not SuiteSpec.from_config(config.model).commercial_use


@pytest.mark.parametrize("steps", [2, 4, 8])
@pytest.mark.parametrize("form", ["unet", "lora"])
def test_lightning_steps_pick_their_weights(form: str, steps: int) -> None:
    config = compose_config(
        [
            "model=sdxl_lightning",
            f"model/lightning={form}",
            f"model.steps={steps}",
            f"steps={steps}",
        ]
    )
    spec = SuiteSpec.from_config(config.model)
    files = {part: getattr(spec, part) and getattr(spec, part).file for part in ("unet", "lora")}
    other = "lora" if form == "unet" else "unet"
    assert files == {form: f"sdxl_lightning_{steps}step_{form}.safetensors", other: None}
    assert (spec.scheduler.name, spec.scheduler.timestep_spacing) == ("euler", "trailing")


def test_lightning_refuses_steps_that_its_weights_are_not_for() -> None:
    with pytest.raises(InvalidConfig, match=r"2, 4, 8"):
        compose_config(["model=sdxl_lightning", "model.steps=3"])
    with pytest.raises(InvalidConfig, match=r"model\.steps=2\|4\|8"):
        compose_config(["model=sdxl_lightning", "steps=8"])


def test_choices_of_parts_that_a_suite_does_not_have() -> None:
    with pytest.raises(InvalidConfig, match="xinsir") as caught:
        compose_config(["model=sdxl", "model/controlnet=depth"])
    assert caught.value.field == "model/controlnet"
    with pytest.raises(InvalidConfig, match="lightning") as caught:
        compose_config(["runtime=exact", "model/lightning=lora"])
    assert caught.value.field == "model/lightning"


@pytest.mark.parametrize(
    ("override", "field", "hints"),
    [
        ("model=nothing", "model", ("Available options", "mini", "sdxl")),
        ("nothing=1", "nothing", ("model", "segmenter", "runtime=auto")),
        ("+nothing=1", "nothing", ("only model",)),
        ("runtime.devise=cpu", "runtime.devise", ("runtime.device", "runtime.dtype")),
        ("runtime.device=tpu", "runtime.device", ("auto, cpu, cuda or cuda:NUMBER",)),
        ("runtime.dtype=float64", "runtime.dtype", ("bfloat16",)),
        ("runtime.batch_size=0", "runtime.batch_size", ("1 to 4096",)),
        ("reference.fit=stretch", "reference.fit", ("resize, crop, pad",)),
        ("outline.kind=depth", "outline.kind", ("silhouette, edges",)),
        ("segmenter=magic", "segmenter", ("alpha, grabcut, rembg",)),
        ("steps=0", "steps", ("1 to 1000 or null",)),
        ("steps=many", "steps", ("could not be converted to Integer",)),
        ("model.weights=none", "model.weights", ("pretrained, random",)),
        ("model.reference_mode=half", "model.reference_mode", ("style+layout",)),
        ("model.scheduler.name=ddim", "model.scheduler.name", ("dpmpp_2m_sde",)),
        ("model.scheduler.timestep_spacing=none", "model.scheduler.timestep_spacing", ("null",)),
        ("model.scheduler.timesteps=[999]", "model.scheduler.timesteps", ("two or more",)),
        ("model.scheduler.timesteps=[5,9]", "model.scheduler.timesteps", ("falling", "999 to 0")),
        ("model.scheduler.epsilon_scale=2", "model.scheduler.epsilon_scale", ("0.9 to 1.2",)),
        ("model.scheduler.timesteps=[1000,0]", "model.scheduler.timesteps", ("999 to 0",)),
        ("model.style_calibration=[[1,0.5],[0.5,1]]", "model.style_calibration", ("rising",)),
        ("model.style_calibration=[[1,.inf]]", "model.style_calibration", ("rising",)),
        ("model.style_calibration=[3]", "model.style_calibration", ("pairs",)),
        ("model.base.repo='https://a.b/c'", "model.base.repo", ("no URL",)),
        ("model.native_area=4096", "model.native_area", ("at least",)),
        ("model.lora.scale=nan", "model.lora.scale", ("-10 to 10",)),
        ("no override", "no override", ("override_grammar",)),
    ],
)
def test_wrong_overrides_are_explained(override: str, field: str, hints: tuple[str, ...]) -> None:
    with pytest.raises(InvalidConfig) as caught:
        compose_config(["runtime.channels_last=false", "model.size_multiple=64", override])
    assert caught.value.field == field
    for hint in hints:
        assert hint in str(caught.value)
    assert not GlobalHydra().is_initialized()


def test_an_override_through_a_null_is_explained() -> None:
    with pytest.raises(InvalidConfig, match=r"model\.vae"):
        compose_config(["model.vae=null", "model.vae.repo=a/b"])


def test_karras_sigmas_need_a_sampler_that_has_them() -> None:
    with pytest.raises(InvalidConfig, match="karras"):
        compose_config(["model.scheduler.name=lcm", "model.scheduler.karras=true"])


def test_named_times_need_a_sampler_that_takes_them() -> None:
    times = "model.scheduler.timesteps=[999,900,400]"
    assert compose_config([times]).model.scheduler.timesteps == [999, 900, 400]
    for other in ("model.scheduler.name=lcm", "model.scheduler.karras=true"):
        with pytest.raises(InvalidConfig, match="which choose their own"):
            compose_config([times, other])


def test_more_steps_than_there_is_room_for_between_named_times() -> None:
    times = "model.scheduler.timesteps=[999,900,400]"
    assert compose_config([times, "steps=199"])
    with pytest.raises(InvalidConfig, match="1 to 199 between the times"):
        compose_config([times, "steps=200"])


@pytest.mark.parametrize("name", ["steps", "model.steps"])
def test_steps_that_the_lcm_sampler_cannot_take(name: str) -> None:
    sampler = ["model.scheduler.timesteps=[]", "model.scheduler.name=lcm"]
    assert compose_config([*sampler, f"{name}=50"])
    with pytest.raises(InvalidConfig, match="1 to 50 with the lcm scheduler"):
        compose_config([*sampler, f"{name}=51"])
    assert compose_config(["model.scheduler.name=euler", f"{name}=51"])


def test_config_folder_is_found_in_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (config_folder() / "remix.yaml").is_file()
    (tmp_path / "remixlab" / "configs").mkdir(parents=True)
    monkeypatch.setattr("remixlab.config.__file__", str(tmp_path / "remixlab" / "config.py"))
    assert config_folder() == tmp_path / "remixlab" / "configs"
