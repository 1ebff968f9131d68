"""The settings of a run: their schemas, and how Hydra composes them.

Schemas are mutable dataclasses (Hydra refuses all overrides of frozen ones); an unknown key is an
error. What a field may hold stands beside it and is checked once, after composing. The rest of
the project sees dataclasses only, never a `DictConfig`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from remixlab.config_checks import among, check_settings, check_steps, check_suite, matching, within
from remixlab.config_errors import COMPOSE_ERRORS, explained

SCHEDULERS = ("euler", "dpmpp_2m", "dpmpp_2m_sde", "unipc", "lcm")
ATTENTION = ("sdpa", "sdpa_flash", "sdpa_efficient", "sdpa_cudnn", "sdpa_math", "xformers")
REFERENCE_MODES = ("all", "style", "layout", "style+layout")
CONTROLS = ("lines", "softedge", "inpaint")


@dataclass
class SourceConfig:
    """Where one part of a suite is read from.

    Attributes:
        repo: hub id (`owner/name`) or folder; null: the base's own, for the base itself the
            folder that ships with the package. Never a URL.
        subfolder: folder inside it; null: its root, or where the base's layout has the part.
        file: one file inside it (or a path of its own when `repo` is null); null: the part's
            folder in diffusers' layout.
        variant: the file name's variant, such as `fp16`.
        revision: commit on the hub; a branch or tag works too, and may move.
        architecture: folder of the suite's architecture that describes the part where it is not
            the part's own; random weights are built by it.
        licence, commercial_use, download_gb: of this part; the suite's own fields describe the
            base. Null: as the base's.
    """

    repo: str | None = None
    subfolder: str | None = None
    file: str | None = None
    variant: str | None = None
    revision: str = "main"
    architecture: str | None = None
    licence: str | None = None
    commercial_use: bool = True
    download_gb: float = within(0.0, 0, 1000)


@dataclass
class LoraConfig(SourceConfig):
    """A LoRA that is fused into the base, `scale` times."""

    scale: float = within(1.0, -10, 10)


@dataclass
class ControlNetConfig(SourceConfig):
    """A ControlNet and how it wants to be asked.

    Attributes:
        control: what its control image holds, see `remixlab.product.control`.
        scale: its weight at an outline_fidelity of 1.
    """

    control: str = among("lines", *CONTROLS)
    scale: float = within(1.0, 0, 10)


@dataclass
class SchedulerConfig:
    """The sampler; what is null or empty stays as the suite's own scheduler_config.json has it.

    Attributes:
        timesteps: the times of the steps from noise to picture, as in Align Your Steps (Sabour et
            al. 2024, arXiv:2404.14507); another number of steps takes times between them.
        epsilon_scale: what the noise that the network sees is divided by at each step; a little
            above 1 leaves more texture (Ning et al. 2024, arXiv:2308.15321).
    """

    name: str = among("euler", *SCHEDULERS)
    karras: bool = False
    timestep_spacing: str | None = among(None, "leading", "trailing", "linspace")
    timesteps: list[int] = field(default_factory=list)
    epsilon_scale: float = within(1.0, 0.9, 1.2)


@dataclass
class SuiteConfig:
    """One suite of models (group `model`).

    Attributes:
        architecture: `mini`, `sdxl` or a folder: the configurations that single files and random
            weights are built by.
        base: text encoders, tokenizers and scheduler, and every part not named otherwise.
        unet, lora, vae, controlnet, ip_adapter, image_encoder: parts from elsewhere; null or
            nothing set inside: the base's own (no LoRA).
        native_area: pixels of the pictures that the UNet was trained on.
        size_multiple: what both sides of a generated picture are multiples of, in pixels.
        reference_mode: the blocks that read the reference (InstantStyle, arXiv:2404.02733).
        style_calibration: pairs of style_fidelity and the adapter's scale; empty: the same.
        distilled_steps: numbers of steps that there are weights for; `steps` is one of them, and
            no other number works with it. Empty: any number.
        guidance_until: the share of the steps after which no unconditional pass runs, for a suite
            whose late steps guidance only makes flatter (Kynkäänniemi et al. 2024,
            arXiv:2404.07724).
        licence, commercial_use, download_gb: of the base (10^9 bytes of the files that are read
            from it); the other parts carry their own.
    """

    name: str = MISSING
    architecture: str = MISSING
    weights: str = among("pretrained", "pretrained", "random")
    base: SourceConfig = field(default_factory=SourceConfig)
    unet: SourceConfig | None = field(default_factory=SourceConfig)
    lora: LoraConfig | None = field(default_factory=LoraConfig)
    vae: SourceConfig | None = field(default_factory=SourceConfig)
    controlnet: ControlNetConfig | None = field(default_factory=ControlNetConfig)
    ip_adapter: SourceConfig | None = field(default_factory=SourceConfig)
    image_encoder: SourceConfig | None = field(default_factory=SourceConfig)
    native_area: int = within(1024 * 1024, 64 * 64, 8192 * 8192)
    size_multiple: int = within(64, 8, 256)
    steps: int = within(30, 1, 1000)
    distilled_steps: list[int] = field(default_factory=list)
    guidance_until: float = within(1.0, 0, 1)
    scheduler: SchedulerConfig = field(default_factory=SchedulerConfig)
    reference_mode: str = among("all", *REFERENCE_MODES)
    style_calibration: list[Any] = field(default_factory=list)
    licence: str = MISSING
    commercial_use: bool = False
    download_gb: float = within(0.0, 0, 1000)


@dataclass
class RuntimeConfig:
    """Where and how the networks run (group `runtime`)."""

    device: str = matching("auto", r"auto|cpu|cuda(:\d+)?", "auto, cpu, cuda or cuda:NUMBER")
    dtype: str = among("auto", "auto", "half", "float32", "float16", "bfloat16")
    attention: str = among("sdpa", *ATTENTION)
    channels_last: bool = True
    vae_tiling: bool = False
    offload: bool = False
    quantize: str = among("none", "none", "int8", "fp8")
    compile: str = among("none", "none", "auto", "regional", "whole", "static")
    cuda_graphs: bool = False
    batch_size: int = within(8, 1, 4096)
    deterministic: bool = False


@dataclass
class ReferenceConfig:
    """How a reference that is not square meets the image encoder (group `reference`)."""

    fit: str = among("resize", "resize", "crop", "pad")


@dataclass
class OutlineConfig:
    """What the ControlNet is shown (group `outline`)."""

    kind: str = among("silhouette", "silhouette", "edges")


@dataclass
class BranchesConfig:
    """When guidance and outline run, as shares of the steps.

    Attributes:
        guidance_from, guidance_until: outside, no unconditional pass; an end of null is the
            suite's own.
        outline_from, outline_until: outside, no ControlNet.
        outline_unconditional: false: the ControlNet steers the conditional rows only.
    """

    guidance_from: float = within(0.0, 0, 1)
    guidance_until: float | None = within(None, 0, 1)
    outline_from: float = within(0.0, 0, 1)
    outline_until: float = within(1.0, 0, 1)
    outline_unconditional: bool = True


@dataclass
class RemixConfig:
    """Everything that `Remixer` needs beside a request.

    Attributes:
        segmenter: how the product is cut out, see `cut_out`.
        hold_product: the product's own latents are held in place while the rest is denoised.
            Without, its place is painted like the rest before the product is laid over it, which
            shows what outline_fidelity does by itself.
        steps: null: the suite's own number.
    """

    model: SuiteConfig = field(default_factory=SuiteConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    reference: ReferenceConfig = field(default_factory=ReferenceConfig)
    outline: OutlineConfig = field(default_factory=OutlineConfig)
    branches: BranchesConfig = field(default_factory=BranchesConfig)
    segmenter: str = among("alpha", "alpha", "grabcut", "rembg")
    hold_product: bool = True
    steps: int | None = within(None, 1, 1000)


def register_schemas() -> None:
    """Make `remix_schema` known to Hydra; a Hydra app calls it before its `main` is decorated."""
    ConfigStore.instance().store(name="remix_schema", node=RemixConfig, provider="remixlab")


def config_folder() -> Path:
    """The folder of YAML files: inside an installed package, else the repository's own."""
    packaged = Path(__file__).parent / "configs"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "configs"


def compose_config(overrides: Sequence[str] = (), *, name: str = "remix") -> RemixConfig:
    """Compose `configs/NAME.yaml` with `key=value` overrides, as Hydra's command line does.

    Only what a person typed belongs in `overrides`: the grammar can read environment variables.

    Raises:
        InvalidConfig: an override has no such key, group or value; the message carries Hydra's
            hint and what there is instead.
    """
    return typed_config(_compose(list(overrides), name))


def typed_config(composed: DictConfig) -> Any:
    """The dataclass behind a composed config (`RemixConfig` or an app's subclass), validated.

    Raises:
        InvalidConfig: a value is missing, of another type or outside of what is accepted.
    """
    try:
        config = OmegaConf.to_object(composed)
    except OmegaConfBaseException as error:
        raise explained(error, "config", config_folder(), RemixConfig) from error
    check_config(config)
    return config


def check_config(config: Any) -> None:
    """Check what fields of the right types hold, each by itself and together.

    Raises:
        InvalidConfig: a value is outside of what is accepted, or does not go with another.
    """
    check_settings(config)
    if isinstance(config, RemixConfig):
        check_suite(config.model)
        check_steps(config.steps or config.model.steps, config.model)


def _compose(overrides: list[str], name: str) -> DictConfig:
    register_schemas()
    try:
        return _compose_once(overrides, name)
    except COMPOSE_ERRORS as error:
        for number, override in enumerate(overrides):  # which one is it?
            try:  # with those before it: `model/controlnet=` needs a model that has the group
                _compose_once(overrides[: number + 1], name)
            except COMPOSE_ERRORS as cause:
                raise explained(cause, override, config_folder(), RemixConfig) from cause
        raise explained(error, " ".join(overrides), config_folder(), RemixConfig) from error


def _compose_once(overrides: list[str], name: str) -> DictConfig:
    # As a context manager it puts Hydra's global state back, so an app may compose inside.
    with initialize_config_dir(str(config_folder().resolve()), version_base=None):
        return compose(name, overrides=overrides)
