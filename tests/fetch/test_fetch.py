"""Suites from a hub: what is downloaded, that it loads offline, and what may go wrong."""

from __future__ import annotations

import io
from pathlib import Path

import huggingface_hub.constants as constants
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from rich.console import Console
from safetensors.torch import load, save

from remixlab.config import compose_config
from remixlab.errors import InvalidConfig, MissingWeights
from remixlab.fetch.run import fetch_suite
from remixlab.models.load import load_suite
from remixlab.models.missing import fetch_command
from remixlab.models.presence import missing_parts
from remixlab.models.spec import SuiteSpec
from remixlab.models.suite import Suite
from remixlab.remix import Remixer
from remixlab.request import RemixRequest
from tests.fetch.hub import MAIN, Hub
from tests.fetch.repositories import DECOY, LORA_LAYER, lightning_unet, lora_change
from tests.ldm_keys import ldm_checkpoint
from tests.tiny_suite import tiny_unet

BASE = "stabilityai/stable-diffusion-xl-base-1.0"
UNET = "unet/diffusion_pytorch_model.fp16.safetensors"
VAE = "diffusion_pytorch_model.safetensors"


def fetch(name: str, *overrides: str, agree: bool = True) -> tuple[bool, str]:
    said = io.StringIO()
    console = Console(file=said, width=160)
    return fetch_suite(name, overrides, console=console, agree=lambda _: agree), said.getvalue()


def spec(name: str, *overrides: str) -> SuiteSpec:
    return SuiteSpec.from_config(compose_config([f"model={name}", *overrides]).model)


def load_from_cache(name: str, *overrides: str) -> Suite:
    kernel = F.scaled_dot_product_attention
    return load_suite(spec(name, *overrides), device="cpu", dtype=torch.float32, kernel=kernel)


def blob(hub: Hub, repo: str, path: str) -> Path:
    """The file in the cache behind a path."""
    name = f"models--{repo.replace('/', '--')}"
    [found] = (Path(constants.HF_HUB_CACHE) / name).glob(f"snapshots/*/{path}")
    return found.resolve()


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("sdxl", []),
        ("realvisxl_lightning", ["model/ip_adapter=plain", "model/controlnet=diffusers"]),
        ("sdxl_lightning", ["model.steps=2", "model/controlnet=ecomxl_softedge"]),
        ("sdxl_lightning", ["model/lightning=lora", "model.steps=8", "model/ip_adapter=bigg"]),
        ("sdxl_lcm", ["model/controlnet=ecomxl_inpaint", "model.reference_mode=style+layout"]),
    ],
)
def test_a_fetched_suite_remixes_offline(
    hub: Hub,
    tiny_folder: Path,
    product: Image.Image,
    reference: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    overrides: list[str],
) -> None:
    # A single file has no configuration beside it: the architecture's is read, which is tiny here.
    overrides = [*overrides, f"model.architecture={tiny_folder}"]
    assert missing_parts(spec(name, *overrides))
    fetched, said = fetch(name, *overrides)
    assert fetched and "all parts are on this machine" in said
    assert hub.served and DECOY not in hub.served
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    requests = len(hub.log)
    small = ["model.native_area=16384", "runtime.device=cpu", "runtime.dtype=float32"]
    remixer = Remixer.from_config(name, overrides=[*overrides, *small])
    assert len(hub.log) == requests and not missing_parts(remixer.suite.spec)
    _check_parts(remixer.suite, hub)
    request = RemixRequest(
        product_image=product, ref_image=reference, prompt="oak", seed=1, cfg_scale=1
    )
    result = remixer.remix(request)
    assert np.ptp(np.asarray(result.background)) > 0


def _check_parts(suite: Suite, hub: Hub) -> None:
    described = suite.spec
    base = load(hub.repos[BASE][UNET])
    key = f"{LORA_LAYER}.weight"
    weight = suite.unet.get_submodule(LORA_LAYER).weight
    if described.unet is not None:
        torch.testing.assert_close(weight, lightning_unet(described.steps)[key])
    elif described.lora is not None:
        seed = described.steps if described.name == "sdxl_lightning" else 1
        torch.testing.assert_close(weight, base[key] + lora_change(seed))
    else:
        torch.testing.assert_close(weight, base[key])
    assert described.ip_adapter and described.ip_adapter.file and described.controlnet
    assert suite.reads_hidden_states is ("plus" in described.ip_adapter.file)
    bigg = described.ip_adapter.file == "ip-adapter_sdxl.safetensors"
    assert suite.image_encoder.config.projection_dim == (56 if bigg else 40)
    files = hub.repos[described.controlnet.repo or ""]
    infix = f".{described.controlnet.variant}" if described.controlnet.variant else ""
    stored = load(files[f"diffusion_pytorch_model{infix}.safetensors"])
    torch.testing.assert_close(suite.controlnet.conv_in.weight, stored["conv_in.weight"])
    revision = described.controlnet.revision
    assert suite.provenance["controlnet"] == f"{described.controlnet.repo}@{revision}"


def test_a_checkpoint_in_one_file(hub: Hub, tiny_folder: Path, tiny_suite: Suite) -> None:
    unet = tiny_unet()
    unet.load_state_dict(load(hub.repos[BASE][UNET]))
    checkpoint = ldm_checkpoint(unet, tiny_suite.vae, *tiny_suite.text_encoders)
    file = "RealVisXL_V5.0_Lightning_fp16.safetensors"
    hub.repos["SG161222/RealVisXL_V5.0_Lightning"][file] = save(checkpoint)
    overrides = [f"model.base.file={file}", f"model.architecture={tiny_folder}"]
    command = fetch_command(spec("realvisxl_lightning", *overrides))
    assert command == f"remixlab fetch realvisxl_lightning {overrides[0]}"
    assert fetch("realvisxl_lightning", *overrides)[0]
    assert not any(path.startswith(("unet/", "text_encoder")) for path in hub.downloaded())
    suite = load_from_cache("realvisxl_lightning", *overrides)
    torch.testing.assert_close(suite.unet.conv_in.weight, unet.conv_in.weight)


def test_the_plan_is_said_before_anything_is_downloaded(hub: Hub) -> None:
    hub.licence = "apache-2.0"
    fetched, said = fetch("sdxl", "model.vae.revision=main", agree=False)
    assert not fetched and not hub.downloaded()
    for words in (
        BASE,
        "462165984030d82259a11f4367a4eed129e94a7b",
        f"@main, not pinned: {MAIN} today",
        f"+ {UNET}",
        "(the hub says apache-2.0)",
        "openrail++",
        "MIT",
        "commercial use",
        f"{len(hub.repos['h94/IP-Adapter']['models/image_encoder/model.safetensors']) // 1000}",
    ):
        assert words in said, words
    assert "sd_xl_base" not in said and ".bin" not in said


def test_what_is_here_is_not_downloaded_again(hub: Hub) -> None:
    fetch("sdxl")
    hub.log.clear()
    fetched, said = fetch("sdxl", agree=False)  # nothing to agree to
    assert fetched and not hub.downloaded()
    assert f"= {UNET}" in said
    hub.log.clear()
    fetch("sdxl", "model/controlnet=diffusers")
    assert sorted(hub.downloaded()) == ["config.json", "diffusion_pytorch_model.fp16.safetensors"]


def test_a_broken_connection_goes_on_where_it_stopped(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client keeps whole chunks, of 10 MB; the whole file is smaller here.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    content = hub.repos[BASE][UNET]
    hub.cut[UNET] = [len(content) // 3]
    fetch("sdxl")
    ranges = [wanted for method, path, wanted in hub.log if (method, path) == ("GET", UNET)]
    assert ranges == [None, f"bytes={len(content) // 3 // 1000 * 1000}-"]
    assert blob(hub, BASE, UNET).read_bytes() == content


def test_a_download_that_failed_goes_on_with_the_same_command(hub: Hub) -> None:
    hub.failing.add(VAE)
    with pytest.raises(MissingWeights, match=r"goes on where this stopped") as caught:
        fetch("sdxl_lcm")
    assert f"{VAE} did not come" in str(caught.value)
    hub.failing.clear()
    before = set(hub.served)
    hub.served.clear()
    assert fetch("sdxl_lcm")[0]
    assert hub.repos["madebyollin/sdxl-vae-fp16-fix"][VAE] in hub.served
    assert before and not before & set(hub.served)


@pytest.mark.parametrize("times", [1, 2])
def test_damaged_downloads_are_found(hub: Hub, times: int) -> None:
    hub.corrupt[UNET] = times
    if times == 1:
        fetched, said = fetch("sdxl")
        assert fetched and f"{UNET} of {BASE} is damaged" in said
        assert blob(hub, BASE, UNET).read_bytes() == hub.repos[BASE][UNET]
    else:
        with pytest.raises(MissingWeights, match="damaged, twice now") as caught:
            fetch("sdxl")
        assert UNET in str(caught.value)


@pytest.mark.parametrize("path", [UNET, "scheduler/scheduler_config.json"])
def test_files_that_were_damaged_later_are_found(hub: Hub, path: str) -> None:
    fetch("sdxl")
    file = blob(hub, BASE, path)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"!")
    fetched, said = fetch("sdxl")
    assert fetched and f"{path} of {BASE} is damaged" in said
    assert blob(hub, BASE, path).read_bytes() == content


def test_a_file_that_a_repository_does_not_have_is_named_first(hub: Hub) -> None:
    del hub.repos[BASE]["text_encoder/model.fp16.safetensors"]
    with pytest.raises(MissingWeights, match="text_encoder of suite sdxl") as caught:
        fetch("sdxl")
    assert "model.fp16.safetensors" in str(caught.value) and not hub.downloaded()


def test_a_repository_that_asks_for_a_token(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.private["h94/IP-Adapter"] = "hf_secret"
    for token in (None, "hf_wrong"):
        if token:
            monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(MissingWeights, match="set HF_TOKEN or run `hf auth login`") as caught:
            fetch("sdxl")
        assert "h94/IP-Adapter" in str(caught.value) and "hf_wrong" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert fetch("sdxl")[0]


def test_unknown_repositories_and_revisions(hub: Hub) -> None:
    with pytest.raises(MissingWeights, match="no such repository"):
        fetch("sdxl", "model.controlnet.repo=no/where")
    with pytest.raises(MissingWeights, match="v9"):
        fetch("sdxl", "model.controlnet.revision=v9")
    with pytest.raises(InvalidConfig, match="sdxl_lightning"):
        fetch("sdxl_turbo")


def test_offline_says_what_is_missing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch("sdxl")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.log.clear()
    assert fetch("sdxl")[0]
    with pytest.raises(MissingWeights, match="HF_HUB_OFFLINE is set") as caught:
        fetch("sdxl", "model/ip_adapter=plain")
    assert caught.value.value == "ip_adapter" and not hub.log


def test_a_missing_suite_names_the_very_command(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(MissingWeights, match="`remixlab fetch sdxl_lcm`"):
        load_from_cache("sdxl_lcm")
    overrides = ["model/controlnet=ecomxl_softedge", "model.vae.revision=main"]
    command = fetch_command(spec("sdxl", *overrides))
    assert command is not None
    name, *changes = command.removeprefix("remixlab fetch ").split()
    assert name == "sdxl" and len(changes) == 3
    again, wanted = spec(name, *changes), spec("sdxl", *overrides)
    assert again.controlnet and wanted.controlnet and again.vae == wanted.vae
    assert again.controlnet.repo == wanted.controlnet.repo
    assert again.controlnet.revision == wanted.controlnet.revision


def test_a_disk_that_is_too_small(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(InvalidConfig, match="HF_HOME"):
        fetch("sdxl")
    assert not hub.downloaded()


def test_suites_that_need_no_hub(hub: Hub) -> None:
    assert fetch("sdxl", "model.weights=random")[0]
    assert fetch("mini")[0]
    assert not hub.log
