"""The server under load: `python benchmarks/serve_load.py`.

200 clients ask a server with the mini suite, each for one picture after the other, for a minute;
every request must end in 200 or 503, once, with its own seed. Then throughput with batches against
without, A B A B, a fresh server each. Writes benchmarks/results/serve_load/.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import httpx2
import numpy as np
import typer
from PIL import Image, ImageOps
from rich import print

from remixlab import images
from remixlab.bench.probe import take_probe
from remixlab.environment import describe_environment, device_name
from remixlab.files import write_whole
from remixlab.outputs import check_folder
from remixlab.telling import one_line

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "examples" / "references" / "wood.jpg"
_TIMEOUT_S = 300


@dataclass
class Load:
    """What clients saw and what the server counted; seconds, bytes."""

    seconds: float
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: int = 0
    ids: set[str] = field(default_factory=set)
    waits: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)
    batch: float = 0.0

    def check(self) -> None:
        """Raise where a request was lost, answered twice, or given what another asked for."""
        ended = self.statuses[200] + self.statuses[503]
        if not ended == self.sent == len(self.ids) or self.wrong:
            raise AssertionError(f"{self.sent} sent, {self.statuses}, {self.wrong} wrong")
        mine = {str(status): count for status, count in self.statuses.items()}
        if self.counted != mine:
            raise AssertionError(f"the server counted {self.counted}, the clients {mine}")

    def row(self) -> dict[str, Any]:
        """The numbers that are kept."""
        kept = {k: v for k, v in asdict(self).items() if k not in ("ids", "waits", "statuses")}
        latencies = {"median": median(self.waits), "p95": float(np.percentile(self.waits, 95))}
        return kept | {"statuses": self.counted, "latency": latencies}


def main(
    clients: Annotated[int, typer.Option(help="At the same time.")] = 200,
    queue: Annotated[int, typer.Option(help="The server's, in requests.")] = 32,
    seconds: Annotated[float, typer.Option(help="Of the load with all clients.")] = 60,
    rounds: Annotated[int, typer.Option(help="With batches and without, this many times.")] = 2,
    each: Annotated[float, typer.Option(help="Seconds of each round.")] = 30,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = (
        ROOT / "benchmarks" / "results" / "serve_load"
    ),
) -> None:
    """Load a server, then compare batches with single requests."""
    check_folder("--out", out)
    full = run_load(clients, seconds, f"serve.queue={queue}")
    full.check()
    rates: dict[str, list[float]] = {"batched": [], "single": []}
    loads = {"load": [full.row()], "batched": [], "single": []}
    for _ in range(rounds):
        for name, size in (("batched", 8), ("single", 1)):
            load = run_load(queue, each, f"serve.queue={queue}", f"runtime.batch_size={size}")
            load.check()
            loads[name].append(load.row())
            rates[name].append(load.statuses[200] / load.seconds)
            print(f"{name}: {rates[name][-1]:.2f} pictures a second")
    result = {
        "clients": clients,
        "queue": queue,
        "runs": loads,
        "rates": rates,
        "ratio": median(rates["batched"]) / median(rates["single"]) if rounds else None,
        "environment": describe_environment(),
        "probe": take_probe(),
    }
    write_whole(out / "raw.json", json.dumps(result, indent=1, default=str) + "\n")
    write_whole(out / "table.md", _table(result))
    print(_table(result))


def run_load(clients: int, seconds: float, *overrides: str) -> Load:
    """Load a fresh server; what was seen until the last answer."""
    with _server(*overrides) as (url, process):
        return asyncio.run(_load(url, process, clients, seconds))


@contextmanager
def _server(*overrides: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        settings = ["serve.port=0", f"serve.keys_file={folder}/keys.json", *overrides]
        command = [sys.executable, "-m", "remixlab.cli", "serve", *settings]
        with log.open("wb") as file:
            process = subprocess.Popen(command, stderr=file, env={**os.environ, **_path()})
        try:
            yield _ready(process, log), process
        finally:
            process.terminate()
            process.wait()


def _path() -> dict[str, str]:
    return {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}", "REMIXLAB_API_KEYS": ""}


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        found = re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text())
        if found:
            with httpx2.Client(transport=httpx2.HTTPTransport()) as http:  # without proxies
                if http.get(f"{found[1]}/readyz").status_code == 200:
                    return found[1]
        time.sleep(0.1)
    raise RuntimeError(log.read_text())


async def _load(url: str, process: subprocess.Popen[bytes], clients: int, seconds: float) -> Load:
    load = Load(seconds)
    body = _body()
    start = time.monotonic()
    limits = httpx2.Limits(max_connections=clients)
    transport = httpx2.AsyncHTTPTransport(limits=limits)  # without the environment's proxies
    async with httpx2.AsyncClient(base_url=url, timeout=_TIMEOUT_S, transport=transport) as http:
        watch = asyncio.create_task(_watch(process, load))
        asking = [_ask(http, body, load, n, start + seconds) for n in range(clients)]
        await asyncio.gather(*asking)
        watch.cancel()
        load.seconds = time.monotonic() - start
        text = (await http.get("/metrics")).text
    counts = re.findall(r'remix_answers_total\{status="(\d+)"\} ([\d.]+)', text)
    load.counted = {status: int(float(count)) for status, count in counts}
    numbers = dict(re.findall(r"^(remix_batch_size_(?:sum|count)) ([\d.]+)", text, re.M))
    load.batch = float(numbers["remix_batch_size_sum"]) / float(numbers["remix_batch_size_count"])
    return load


async def _ask(
    http: httpx2.AsyncClient, body: dict[str, Any], load: Load, client: int, end: float
) -> None:
    """One client: the next picture when the last one came, a moment later when there was none."""
    number = 0
    while time.monotonic() < end:
        seed = str(1 + client + 1000 * number)
        number += 1
        load.sent += 1
        start = time.monotonic()
        answer = await http.post("/v1/inference/remix", json=body | {"seed": seed})
        load.statuses[answer.status_code] += 1
        load.ids.add(answer.headers["X-Request-Id"])
        parsed = answer.json()
        load.wrong += parsed["status_code"] != answer.status_code
        if answer.status_code == 200:
            load.waits.append(time.monotonic() - start)
            load.wrong += answer.headers["X-Remix-Seed"] != seed
        else:
            await asyncio.sleep(min(1.0, float(answer.headers["Retry-After"])))


async def _watch(process: subprocess.Popen[bytes], load: Load) -> None:
    """The server's resident memory, every second."""
    while True:
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        load.memory.append(pages * os.sysconf("SC_PAGE_SIZE"))
        await asyncio.sleep(1)


def _body() -> dict[str, Any]:
    alpha = ImageOps.invert(Image.radial_gradient("L"))
    product = Image.new("RGB", alpha.size, "teal")
    product.putalpha(alpha)
    pictures = {"product_image": images.encode_png(product), "ref_image": REFERENCE.read_bytes()}
    encoded = {name: base64.b64encode(content).decode() for name, content in pictures.items()}
    return {"prompt": "a jar on a wooden table", **encoded}


def _table(result: dict[str, Any]) -> str:
    load = result["runs"]["load"][0]
    memory = np.array(load["memory"]) / 1e6
    half = len(memory) // 2
    lines = [
        f"| {result['clients']} clients, queue of {result['queue']}, {load['seconds']:.0f} s, "
        f"{device_name(result['environment'])} | |",
        "|---|---|",
        f"| requests sent | {load['sent']} |",
        *(f"| answered {status} | {n} |" for status, n in sorted(load["counted"].items())),
        f"| lost, answered twice, or another's | {load['wrong']} |",
        f"| latency of 200, median and p95 | {load['latency']['median']:.1f} s, "
        f"{load['latency']['p95']:.1f} s |",
        f"| server's memory, mean of the first and of the second half | {memory[:half].mean():.0f}"
        f" MB, {memory[half:].mean():.0f} MB (most {memory.max():.0f} MB) |",
    ]
    for name, rates in result["rates"].items():
        if rates:
            batch = median(run["batch"] for run in result["runs"][name])
            shown = ", ".join(f"{rate:.2f}" for rate in rates)
            lines.append(
                f"| {name}: pictures a second (requests a batch) | {shown} ({batch:.1f}) |"
            )
    if result["ratio"]:
        lines.append(f"| **ratio** | **{result['ratio']:.2f}** |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    with one_line():
        typer.run(main)
