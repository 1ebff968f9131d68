"""`remixlab doctor`: what this machine has, tried rather than assumed."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch.nn.attention import SDPBackend, sdpa_kernel

from remixlab.config import compose_config, config_folder
from remixlab.models.presence import missing_parts
from remixlab.models.spec import SuiteSpec
from remixlab.provenance import versions
from remixlab.request import RemixError
from remixlab.runtime import attention_kernel, resolve_device, resolve_dtype

_BACKENDS = (
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.MATH,
)


def examine(console: Console) -> None:
    """Print the tables and what to do next."""
    device = resolve_device("auto")
    console.print(_table("machine", ("what", "found"), _machine(device)))
    console.print(_table("attention kernels", ("kernel", "works here"), _kernels(device)))
    suites = list(_suites())
    heads = ("suite", "weights", "size", "licence", "commercial use")
    console.print(_table("suites", heads, (row for row, _ in suites)))
    console.print(_advice(device, [name for (name, *_), here in suites if not here]))


def _table(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _machine(device: torch.device) -> Iterator[tuple[str, str]]:
    yield "system", f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads"
    yield "device", str(device)
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        yield "card", f"{card.name}, {card.total_memory / 2**30:.0f} GiB, {card.major}.{card.minor}"
        yield "CUDA of torch", str(torch.version.cuda)
        yield "driver", _driver()
    else:
        yield "CUDA card", f"none that torch {torch.__version__} can use"
    yield "dtype", str(resolve_dtype("auto", device)).removeprefix("torch.")
    yield from versions().items()


def _driver() -> str:
    path = Path("/proc/driver/nvidia/version")
    return path.read_text().splitlines()[0] if path.exists() else "unknown"


def _kernels(device: torch.device) -> Iterator[tuple[str, str]]:
    for backend in _BACKENDS:
        yield f"sdpa {backend.name.lower().removesuffix('_attention')}", _try(device, backend)
    yield "xformers", _try_xformers(device)


def _try(device: torch.device, backend: SDPBackend) -> str:
    attend = attention_kernel("sdpa")
    try:
        with warnings.catch_warnings(), sdpa_kernel(backend):
            warnings.simplefilter("ignore")
            attend(*_small_inputs(device))
    except RuntimeError:
        return "no"
    return "yes"


def _try_xformers(device: torch.device) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attention_kernel("xformers")(*_small_inputs(device))
    except RemixError:
        return "not installed"
    except (RuntimeError, NotImplementedError, ValueError) as error:
        return f"no: {str(error).splitlines()[0][:60]}"
    return "yes"


def _small_inputs(device: torch.device) -> list[torch.Tensor]:
    dtype = resolve_dtype("auto", device)
    return [torch.randn(2, 4, 16, 64, device=device, dtype=dtype) for _ in range(3)]


def _suites() -> Iterator[tuple[tuple[str, ...], bool]]:
    for path in sorted((config_folder() / "model").glob("*.yaml")):
        spec = SuiteSpec.from_config(compose_config([f"model={path.stem}"]).model)
        here = not missing_parts(spec)
        size = f"{spec.download_gb:g} GB" if spec.download_gb else "in the package"
        allowed = "yes" if spec.commercial_use else "no"
        row = (spec.name, "present" if here else "missing", size, spec.licence, allowed)
        yield row, here


def _advice(device: torch.device, missing: list[str]) -> str:
    lines = ["[bold]next[/]"]
    if device.type == "cpu":
        lines.append(
            "- no card: `model=mini` works here; large suites need one with 12 GiB or more"
        )
    for name in missing:
        lines.append(f"- {name}: `remixlab fetch {name}` downloads its files")
    lines.append("- remixlab remix --request examples/requests/perfume_wood.json -o remix.png")
    return "\n".join(lines)
